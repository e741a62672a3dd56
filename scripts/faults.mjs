// `npm run faults`: has Sluiceway, and every other proxy that is installed, face each fault of the laboratory in
// packages/sluiceway/test/faults/lab, and prints what their clients got. `-- --subjects Sluiceway,nginx` runs some of
// them; `-- --write` installs the Node peers of the bench, and puts the tables into docs/faults.md and the README.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';
import { installPeers } from '../bench/lib/packages.mjs';
import { formatPage, writePages } from './faults/pages.mjs';
import { root, scratchDirectory } from './support.mjs';

/** @import { Measured } from './faults/pages.mjs' */

const { values } = parseArgs({
  options: { subjects: { type: 'string' }, write: { type: 'boolean', default: false } },
});
const file = join(scratchDirectory('faults'), 'measured.json');
process.env['SLUICEWAY_FAULTS'] = file;
if (values.subjects !== undefined) process.env['SLUICEWAY_FAULTS_SUBJECTS'] = values.subjects;
await installPeers();

const vitest = await startVitest('test', [], {
  root,
  config: false,
  watch: false,
  include: ['packages/sluiceway/test/faults/laboratory.scoreboard.ts'],
  pool: 'forks',
  reporters: ['minimal'],
});
await vitest.close();
if (process.exitCode === undefined || process.exitCode === 0) {
  const measured = /** @type {Measured} */ (JSON.parse(readFileSync(file, 'utf8')));
  if (values.write) writePages(measured);
  else process.stdout.write(formatPage(measured));
}
