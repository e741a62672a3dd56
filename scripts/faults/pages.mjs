// Writes the results of the fault laboratory into docs/faults.md, and their sums into the README. The figures are stored
// beside the laboratory, so a test can compare the pages with them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support.mjs';

/** @typedef {'whole' | 'broken' | 'SPLICED' | 'SHORT' | 'hang'} Verdict */

/** @typedef {Partial<Record<Verdict, number>>} Tally The count of each verdict for one fault. */

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
 * Leaves faults out of the sums: those that lose nothing, those that no receiver can detect, those that a client can
 * detect with a digest, and those that need mirrors, which only some proxies support.
 *
 * @param {{ expected: string, line: string }} fault
 */
const isOutsideSums = ({ expected, line }) =>
  ['harmless', 'unnoticed', 'verified'].includes(expected) || line === 'mirrored';

const introduction = `# Faults

<!-- Made by \`npm run faults -- --write\`. -->

What does a client get when a download breaks on its way? In this test, an origin server breaks off what it sends, or
continues with something else, at places that a seeded random generator chooses. The client compares each byte with the
file. \`npm run faults\` prints these tables for the proxies that are installed.

| Verdict | What the client gets |
| --- | --- |
| whole | every byte, and a clean end |
| broken | a failure that it can detect: an error response, or a connection that ends before the message does |
| **SPLICED** | bytes that are not in the file |
| **SHORT** | incomplete content with a clean end |
| **hang** | no end, long after the origin server has disconnected |

A number is the count of downloads with that verdict. A verdict without a number holds for all of them.

Setup:

- Files have up to 300,000 bytes, a strong \`ETag\` unless the fault says otherwise, and a \`Content-Length\` or chunks.
- If a proxy has a timeout for a silent origin server, it is two seconds.
- Sluiceway requires at least 1000 bytes a second, and gives up after three attempts without progress. \`RetryAgent\` of
  undici starts with a pause of 50 ms. All other settings are the defaults.
- The Node peers are the programs in \`bench/peers\`. Each has only the few lines that its documentation shows.
`;

/** What explains the numbers. */
const notes = `## Notes

- If only the end of the connection marks the end of the content, no receiver can detect a cut, unless the connection is
  reset. Over TLS, the missing \`close_notify\` would show the cut, but Node does not report it to programs.
- A client can also verify a digest. A proxy that does not verify digests passes on errors that the client can still
  detect.
- A reset can discard a response that had already arrived whole, if the proxy has not read it yet. With resuming,
  Sluiceway requests it again.
- http-proxy-middleware answers an error of its origin server with a line of text, which becomes part of the file.
- \`pipe\` does not pass on an error of its source, so the client waits forever. \`pipeline\` does.
`;

/** @param {Tally} tally */
function formatCell(tally) {
  const present = verdicts.flatMap((verdict) => {
    const count = tally[verdict] ?? 0;
    return count === 0
      ? []
      : [{ shown: verdict === 'whole' || verdict === 'broken' ? verdict : `**${verdict}**`, count }];
  });
  // A proxy that does not support mirrors.
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
"Healed" is the share of resumable downloads that arrived whole: those whose rest is available and provably from the same
file. The other columns count all downloads. [docs/faults.md](docs/faults.md) lists every fault and the versions.
\`npm run faults\` repeats the measurement.

${formatTable(['', 'Healed', 'Broken, detected', 'Wrong bytes', 'Short, undetected', 'Hanging'], rows, '--:')}`;
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
