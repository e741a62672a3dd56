import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from '../../../../scripts/support.mjs';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluiceway-failed-tests-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** What `npm test` does where these are all tests. */
function runTests(variables: Record<string, string> = {}) {
  writeFileSync(join(directory, 'some.test.js'), threeFail);
  writeFileSync(
    join(directory, 'unreadable.test.js'),
    `console.warn('skipped: some-tool is not installed on this machine'); throw new Error('no good');`,
  );
  const reporter = join(root, 'scripts/count-reporter.mjs');
  writeFileSync(
    join(directory, 'vitest.config.mjs'),
    `export default { test: { globals: true, reporters: ['default', ${JSON.stringify(reporter)}] } };\n`,
  );
  // What vitest tells its workers would be taken by the vitest inside for its own.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VITEST|SLUICEWAY_)/.test(name)),
  );
  const args = [join(root, 'scripts/test.mjs'), '--root', directory];
  return spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...env, ...variables } });
}

let plain: ReturnType<typeof runTests> | undefined;

/** The same without variables, once: several tests look at what it writes. */
const runPlainTests = () => (plain ??= runTests());

const threeFail = `
  console.warn('skipped: some-tool is not installed on this machine');
  test('fine', () => {});
  test('fine as well', () => {});
  describe('a group', () => {
    test('is wrong', () => expect('a\\nb').toBe('c'));
  });
  describe('a group without a server', () => {
    beforeAll(() => { throw new Error('no server'); });
    test('is not reached', () => {});
  });
  test('leaves something', () => { Promise.reject(new Error('left')); });
`;

const failures = [
  'failed: outside every test\n    left\n    at some.test.js:12',
  `failed: some.test.js > a group > is wrong\n    expected 'a\\nb' to be 'c' // Object.is equality\n    at some.test.js:6`,
  'failed: some.test.js > a group without a server\n    no server\n    at some.test.js:9',
  'failed: unreadable.test.js\n    no good\n    at unreadable.test.js:1',
];

/** `failed: …`, with the lines that belong to it. */
function readFailures(text: string): string[] {
  const lines = text.replaceAll(/\S*\/(?=\w+\.test\.js)/g, '');
  return (lines.match(/^failed: .*(\n {4}.*)*/gm) ?? []).toSorted();
}

test('what has failed is named again at the very end, before the counts', () => {
  const { stdout, status } = runPlainTests();
  const end = stdout.slice(stdout.indexOf('\nfailed: '));
  expect(readFailures(end)).toEqual(failures);
  expect(end).toMatch(/^(\n(failed:| {4}).*)*\n3 passed, 4 failed\n$/);
  expect(status).toBe(1);
});

test('a program without which tests were skipped is named once after all of them', () => {
  const { stdout } = runPlainTests();
  const end = stdout.slice(stdout.indexOf('   Duration '));
  expect(end.match(/^skipped: .*$/gm)).toEqual(['skipped: some-tool is not installed on this machine']);
});

test('a caller who adds up gets the counts and then what has failed', () => {
  const tally = join(directory, 'tally');
  const { stdout } = runTests({ SLUICEWAY_TALLY: tally });
  const written = readFileSync(tally, 'utf8');
  expect(written).toMatch(/^3 passed, 4 failed\n/);
  expect(readFailures(written)).toEqual(failures);
  expect(stdout).not.toContain('failed: ');
});
