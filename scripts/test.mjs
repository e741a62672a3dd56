// `npm test`: installs and builds what is missing, runs vitest with the arguments given, and ends with
// the one line `N passed, N failed`. With --soak it runs the *.soak.ts files instead.
// SLUICEWAY_TALLY=<file> puts that line into the file and not on the screen, for a caller who adds up.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled } from './ensure-installed.mjs';
import { root, scratchDirectory } from './support.mjs';

ensureInstalled();

const args = process.argv.slice(2);
const soak = args.includes('--soak');
const callersTally = process.env['SLUICEWAY_TALLY'];
const countsFile = join(scratchDirectory('test'), 'counts.json');

const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args.filter((arg) => arg !== '--soak')],
  {
    cwd: root,
    env: { ...process.env, SLUICEWAY_TEST_COUNTS: countsFile, ...(soak ? { SOAK: '1' } : {}) },
    stdio: 'inherit',
  },
);

const counts = existsSync(countsFile)
  ? /** @type {{ passed: number, failed: number }} */ (JSON.parse(readFileSync(countsFile, 'utf8')))
  : { passed: 0, failed: 0 };
// A coverage threshold, a bad argument or a crash fails the run without a failed test.
if (status !== 0 && counts.failed === 0) counts.failed = 1;

const line = `${counts.passed} passed, ${counts.failed} failed`;
if (callersTally === undefined) console.log(line);
else writeFileSync(callersTally, `${line}\n`);
process.exitCode = status ?? 1;
