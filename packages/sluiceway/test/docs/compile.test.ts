import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeProject } from './support/example.js';
import {
  bare,
  codesIn,
  readPage,
  repositoryRoot,
  type Table,
  tablesUnder,
  userPages,
} from './support/markdown.js';

const project = makeProject();
afterAll(project.remove);

const compiler = join(repositoryRoot, 'node_modules/typescript/bin/tsc');

/** What the compiler says about these files, as a user with a strict project sees it. */
function compile(files: Readonly<Record<string, string>>, options: readonly string[]): string {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project.path, name), text);
  const { stdout } = spawnSync(
    process.execPath,
    [
      compiler,
      // Several threads check the declarations of all packages several times.
      '--singleThreaded',
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--types',
      'node',
      ...options,
    ].concat(Object.keys(files)),
    { cwd: project.path, encoding: 'utf8' },
  );
  // The types of two others need not agree: Koa's do not know the newest of a package that both of us use.
  return stdout
    .split('\n')
    .filter((line) => !line.includes('/node_modules/@types/'))
    .join('\n');
}

const blocks = userPages.flatMap((path) => readPage(path).blocks);
const nameOf = (where: string, extension: string): string => `${where.replaceAll(/\W/g, '-')}.${extension}`;

test('examples in TypeScript compile in a strict project', () => {
  const examples = blocks.filter(({ language }) => language === 'ts');
  expect(examples).not.toEqual([]);
  const files = Object.fromEntries(examples.map(({ where, text }) => [nameOf(where, 'mts'), text]));
  // Decorators are those of Nest's users.
  expect(compile(files, ['--exactOptionalPropertyTypes', '--experimentalDecorators'])).toBe('');
});

test('examples in JavaScript use the library as its types allow', () => {
  const examples = blocks.filter(({ language }) => language === 'js');
  const files = Object.fromEntries(
    examples.map(({ where, text }) => [nameOf(where, /^import /m.test(text) ? 'mjs' : 'cjs'), text]),
  );
  // What the reader of an example would not write down: the types of parameters.
  const complaints = compile(files, ['--allowJs', '--checkJs', '--noImplicitAny', 'false', '--skipLibCheck']);
  expect(complaints.split('\n').filter((line) => line !== '')).toEqual([]);
});

/** The types whose members a page lists: `<!-- members: Name -->`, or `members of sluiceway/gateway:`, then a table. */
function readMembers(): [page: string, entry: string, type: string, table: Table][] {
  return userPages.flatMap((path) => {
    const page = readPage(path);
    const found: [string, string, string, Table][] = [];
    for (const line of page.prose) {
      const [, marker = '', entry = 'sluiceway', type = ''] =
        /^<!-- (members(?: of (\S+))?: (\w+)) -->$/.exec(line) ?? [];
      if (marker === '') continue;
      for (const table of tablesUnder(page, marker)) found.push([path, entry, type, table]);
    }
    return found;
  });
}

test('every table of members has the members of its type, no more and no less', () => {
  const members = readMembers();
  expect(members.map(([, , type]) => type)).toContain('TransferRecord');
  const lines = members.flatMap(([path, entry, type, table], i) => {
    const names = table
      .map(([cell = '']) => `'${(codesIn(cell)[0] ?? bare(cell)).replace(/\(.*$/, '')}'`)
      .join(' | ');
    const missing = `Exclude<keyof T${i}, ${names}>`;
    const unknown = `Exclude<${names}, keyof T${i}>`;
    return [
      `import type { ${type} as T${i} } from '${entry}';`,
      // Where it is not `never`, the compiler's message shows the names.
      `export const missing${i}: [${missing}] extends [never] ? true : ['${path} lacks', ${missing}] = true;`,
      `export const unknown${i}: [${unknown}] extends [never] ? true : ['${path} has', ${unknown}] = true;`,
    ];
  });
  expect(compile({ 'members.mts': `${lines.join('\n')}\n` }, ['--skipLibCheck'])).toBe('');
});
