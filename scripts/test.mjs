// `npm test`: installs and builds what is missing, runs vitest with the arguments given, and ends with the programs
// that tests were skipped without, what has failed and the one line `N passed, N failed`. With --soak it runs the
// *.soak.ts files instead.
// SLUICEWAY_TALLY=<file> puts that line, then the failures, into the file and not on the screen, for a
// caller who adds up.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled } from './ensure-installed.mjs';
import { root, scratchDirectory } from './support.mjs';

ensureInstalled();

const args = process.argv.slice(2);
const soak = args.includes('--soak');
// Without a filter. Then the titles of the tests are compared with docs/conformance.md, too.
const isWhole = args.every((arg) => arg === '--coverage');
const callersTally = process.env['SLUICEWAY_TALLY'];
const countsFile = join(scratchDirectory('test'), 'counts.json');

const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args.filter((arg) => arg !== '--soak')],
  {
    cwd: root,
    env: {
      ...process.env,
      SLUICEWAY_TEST_COUNTS: countsFile,
      SLUICEWAY_WHOLE_RUN: isWhole ? '1' : '0',
      ...(soak ? { SOAK: '1' } : {}),
    },
    stdio: 'inherit',
  },
);

const mostFailures = 40;
const { passed, failed, failures, skips } = existsSync(countsFile)
  ? /** @type {{ passed: number, failed: number, failures: string[], skips: string[] }} */ (
      JSON.parse(readFileSync(countsFile, 'utf8'))
    )
  : { passed: 0, failed: 0, failures: [], skips: [] };
const shown = failures.slice(0, mostFailures);
if (failures.length > shown.length) shown.push(`failed: ${failures.length - shown.length} more`);

// A coverage threshold, a bad argument or a crash fails the run without a failed test.
const line = `${passed} passed, ${status !== 0 && failed === 0 ? 1 : failed} failed`;
for (const skip of skips) console.log(`skipped: ${skip}`);
if (callersTally !== undefined) writeFileSync(callersTally, `${[line, ...shown].join('\n')}\n`);
// Once more, where a log that was cut at its beginning still has them.
else console.log([...(shown.length > 0 ? [''] : []), ...shown, line].join('\n'));
process.exitCode = status === 0 && failed > 0 ? 1 : (status ?? 1);
