// Writes what the fault laboratory has measured: all of it into docs/faults.md, the sums into the README. The figures
// themselves are kept beside the laboratory, so that a test can tell whether the pages still say what was measured.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support.mjs';

/** @typedef {'whole' | 'broken' | 'SPLICED' | 'SHORT' | 'hang'} Verdict */

/** @typedef {Partial<Record<Verdict, number>>} Tally How often each verdict came of one fault. */

/**
 * @typedef {object} Subject
 * @property {string} name
 * @property {string} version
 * @property {Record<string, Record<string, Tally>>} tallies By section and fault.
 */

/**
 * @typedef {object} Measured
 * @property {string} date
 * @property {number} runs Downloads for each fault and proxy.
 * @property {Record<string, { name: string, expected: string, line: string }[]>} sections
 * @property {Subject[]} subjects
 */

const files = {
  measured: join(root, 'packages/sluiceway/test/faults/lab/measured.json'),
  page: join(root, 'docs/faults.md'),
  readme: join(root, 'README.md'),
};

/** @type {readonly Verdict[]} In the order of the sums. */
const verdicts = ['whole', 'broken', 'SPLICED', 'SHORT', 'hang'];

/**
 * Left out of the sums: where nothing can be lost, where nobody can tell, what a client can verify as well, and what
 * only some proxies can be told of.
 *
 * @param {{ expected: string, line: string }} fault
 */
const isOutsideSums = ({ expected, line }) =>
  ['harmless', 'unnoticed', 'verified'].includes(expected) || line === 'mirrored';

const introduction = `# Faults

<!-- Made by \`npm run faults -- --write\`. -->

What a client gets when a download breaks on its way. An origin server of the laboratory breaks off what it sends, or goes
on with something else, at places drawn by chance from a seed; the client compares each byte with the file.
\`npm run faults\` prints these tables, with those of the proxies that are installed.

| Verdict | What the client has |
| --- | --- |
| whole | every byte, and a clean end |
| broken | a failure that it can see: an error response, or a connection that ends before the message does |
| **SPLICED** | bytes that are not those of the file |
| **SHORT** | a clean end of what is not whole |
| **hang** | no end, long after the origin server had gone |

A number says how many of the downloads ended so, where not all of them did. Files have up to 300,000 bytes, a strong
\`ETag\` where nothing else is said, and a \`Content-Length\` or chunks. All proxies give up on a silent origin server after
two seconds, where that can be set. Sluiceway has a minimum rate of 1000 bytes a second, and gives up after three attempts
in vain; undici's \`RetryAgent\` begins with a pause of 50 ms. All else is as it comes. The Node peers are the programs in
\`bench/peers\`, each the few lines that its documentation shows.
`;

/** What the numbers do not say by themselves. */
const notes = `## Notes

- Nobody can see that content is cut whose end is the end of its connection, unless the connection is reset. Over TLS a
  close that was not announced (\`close_notify\`) would tell it, but Node does not pass that on to programs.
- A digest can be verified by the client as well. Proxies that do not verify it pass on what the client can still find out.
- A response that was whole when its connection was reset may be lost with it: the reset discards what the proxy has not
  read yet. With resume it is asked for again.
- http-proxy-middleware answers an error of its origin server with a line of text, which then stands in the file.
- \`pipe\` does not pass on that its source has failed, and so the client waits for ever; \`pipeline\` does.
`;

/** @param {Tally} tally */
function formatCell(tally) {
  const present = verdicts.flatMap((verdict) => {
    const count = tally[verdict] ?? 0;
    return count === 0
      ? []
      : [{ shown: verdict === 'whole' || verdict === 'broken' ? verdict : `**${verdict}**`, count }];
  });
  // A proxy that cannot be told of mirrors.
  if (present.length === 0) return '–';
  if (present.length === 1) return present[0]?.shown ?? '';
  return present.map(({ shown, count }) => `${count} ${shown}`).join(', ');
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 * @param {string} alignment Of all columns but the first.
 */
function formatTable(head, rows, alignment) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(['---', ...head.slice(1).map(() => alignment)]) + rows.map(line).join('');
}

/** @param {Measured} measured */
export function formatPage({ date, runs, sections, subjects }) {
  const tables = Object.entries(sections).map(([section, faults]) => {
    const rows = faults.map(({ name }) => [
      name,
      ...subjects.map(({ tallies }) => formatCell(tallies[section]?.[name] ?? {})),
    ]);
    return `## ${section}\n\n${formatTable(['', ...subjects.map(({ name }) => name)], rows, '---')}`;
  });
  const versions = subjects.map(({ name, version }) => `${name} ${version}`).join(', ');
  const run = `Measured on ${date.slice(0, 10)}, ${runs} downloads for each fault and proxy: ${versions}.\n`;
  return [introduction, run, ...tables, notes].join('\n');
}

/** @param {Measured} measured */
export function formatSummary({ date, runs, sections, subjects }) {
  const counted = Object.entries(sections).flatMap(([section, faults]) =>
    faults.filter((fault) => !isOutsideSums(fault)).map((fault) => ({ ...fault, section })),
  );
  const healable = counted.filter(({ expected }) => expected === 'healed');
  const rows = subjects.map(({ name, tallies }) => {
    const sum = (/** @type {typeof counted} */ faults, /** @type {Verdict} */ verdict) =>
      faults.reduce((total, fault) => total + (tallies[fault.section]?.[fault.name]?.[verdict] ?? 0), 0);
    const healed = (100 * sum(healable, 'whole')) / (healable.length * runs);
    return [
      name,
      `${healed === 100 || healed === 0 ? healed : healed.toFixed(0)} %`,
      ...verdicts.slice(1).map((verdict) => String(sum(counted, verdict))),
    ];
  });
  const downloads = counted.length * runs;
  return `${downloads} downloads through each proxy, each broken in one of ${counted.length} ways, on ${date.slice(0, 10)}.
"Healed" is the share that arrived whole, of those whose rest could be had and proved to be the same file; the others
count all downloads. [docs/faults.md](docs/faults.md) has every fault, and the versions; \`npm run faults\` repeats it.

${formatTable(['', 'Healed', 'Broken, and seen', 'Wrong bytes', 'Short, and not seen', 'Hanging'], rows, '--:')}`;
}

const block = /(<!-- faults -->\n)(.*?)(<!-- \/faults -->)/s;

export const readMeasured = () => /** @type {Measured} */ (JSON.parse(readFileSync(files.measured, 'utf8')));

/** @param {Measured} measured */
export function writePages(measured) {
  writeFileSync(files.measured, `${JSON.stringify(measured, undefined, 2)}\n`);
  writeFileSync(files.page, formatPage(measured));
  const readme = readFileSync(files.readme, 'utf8');
  writeFileSync(
    files.readme,
    readme.replace(block, (_, begin, _old, end) => `${begin}${formatSummary(measured)}${end}`),
  );
}
