/** @import { AnySpec, Members } from 'sluiceway/options' */

/** The pages with tables of options. */
export const pages = [
  'docs/options.md',
  'docs/gateway.md',
  'docs/config.md',
  'docs/access.md',
  'docs/limits.md',
  'docs/scaling.md',
];

const MARKER = /^<!-- options: (.+) -->$/;

/** Every table of the pages, which decides in whose table the options of a group stand. */
const tables = new Set([
  'createProxy',
  'createProxy.upstream',
  'createProxy.headers',
  'createProxy.timeouts',
  'createProxy.limits',
  'createProxy.limits.rules',
  'createProxy.resume',
  'createProxy.digests',
  'createProxy.cors',
  'createProxy.requestId',
  'streamFrom',
  'gateway',
  'gateway.guard',
  'jwt',
  'clientCertificate',
  'forwardAuth',
  'redisStore',
  'config',
  'config.admin',
  'config.listeners',
  'config.tls',
  'config.routes',
  'config.routes.redirect',
  'config.routes.respond',
  'config.routes.access',
]);

/** Options whose members are in the tables of others. */
const elsewhere = new Set([
  'gateway.limits.rules',
  'config.admin.access',
  'config.upstreams',
  'config.defaults',
  'config.routes.proxy',
  'config.routes.gateway',
  'config.routes.cors',
  'config.store',
  'config.listeners.tls',
]);

/**
 * The page with the rows of its tables made anew. The head of each table, which says what columns it has, stays.
 *
 * @param {string} page
 * @param {Readonly<Record<string, Members>>} roots
 */
export function formatTables(page, roots) {
  const lines = page.split('\n');
  /** @type {string[]} */
  const output = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    output.push(line);
    const name = MARKER.exec(line)?.[1];
    if (name === undefined) continue;
    const [head = '', rule = ''] = lines.slice(at + 1, at + 3);
    if (!tables.has(name)) throw new Error(`There are no options called ${name}`);
    output.push(head, rule, ...formatRows(name, columnsOf(head), roots));
    at += 2;
    while (lines[at + 1]?.startsWith('|')) at += 1;
  }
  return output.join('\n');
}

/** @param {string} head */
const columnsOf = (head) =>
  head
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/**
 * @param {string} table
 * @param {string[]} columns
 * @param {Readonly<Record<string, Members>>} roots
 */
function formatRows(table, columns, roots) {
  const [root = '', ...path] = table.split('.');
  let members = roots[root];
  for (const name of path) {
    const spec = members?.[name];
    members = spec === undefined ? undefined : membersOf(spec);
  }
  if (members === undefined) throw new Error(`There are no options called ${table}`);
  return rowsOf(root, path.join('.'), members).map(({ path: at, spec }) => {
    const cells = columns.map((column) => {
      if (column === 'Option') return `\`${at}\``;
      if (column === 'Type') return spec.type;
      if (column === 'Default') return spec.defaultText;
      return describe(spec);
    });
    return `|${cells.map((cell) => (cell === '' ? ' |' : ` ${cell} |`)).join('')}`;
  });
}

/**
 * @param {string} root
 * @param {string} path
 * @param {Members} members
 * @returns {{ path: string, spec: AnySpec }[]}
 */
function rowsOf(root, path, members) {
  return Object.entries(members).flatMap(([name, spec]) => {
    const at = path === '' ? name : `${path}.${name}`;
    const inner = membersOf(spec);
    const table = `${root}.${at}`;
    if (inner === undefined || tables.has(table) || elsewhere.has(table)) return [{ path: at, spec }];
    return [
      ...(['either', 'list'].includes(spec.kind) ? [{ path: at, spec }] : []),
      ...rowsOf(root, at, inner),
    ];
  });
}

/**
 * What the option does, and how it is turned off.
 *
 * @param {AnySpec} spec
 */
export const describe = (spec) => (spec.off ? `${spec.doc} \`false\` turns it off.` : spec.doc);

/**
 * @param {AnySpec} spec
 * @returns {Members | undefined}
 */
const membersOf = (spec) =>
  spec.members ?? spec.choices?.find(({ members }) => members !== undefined)?.members ?? spec.item?.members;
