import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const isNew = process.platform === 'linux' && (major > 26 || (major === 26 && minor >= 7));
const hasFfi = major >= 26;

/** Runs a script of a module that has the library, as another process. */
function run(script: string, ...flags: string[]): { stdout: string; stderr: string } {
  const code = `import { createProxy } from 'sluiceway';\nconst upstream = 'http://127.0.0.1:9';\n${script}`;
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', code], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  return { stdout, stderr };
}

/** What `zeroCopy: true` has against the process. */
const PROBLEM = `
try { createProxy({ upstream, zeroCopy: true }); console.log('none'); }
catch (error) { console.log(error.name, JSON.stringify(error.problems)); }`;

describe('where zero copy cannot be had', () => {
  const cases: [string, string, boolean, string[], RegExp][] = [
    ['because Node is too old', PROBLEM, !isNew, [], /^OptionsError .*"path":"zeroCopy".*it needs/],
    ['because it is turned off', PROBLEM, hasFfi, ['--no-experimental-ffi'], /--no-experimental-ffi/],
    ['because of the permission model', PROBLEM, isNew, ['--permission', '--allow-fs-read=*'], /--allow-ffi/],
    [
      'because this is a worker thread',
      `import { Worker, isMainThread } from 'node:worker_threads';
       if (isMainThread) new Worker(process.argv[1]);`,
      false,
      [],
      /worker/,
    ],
  ];
  for (const [why, script, applies, flags, pattern] of cases) {
    test.runIf(applies)(`${why}, zeroCopy: true is a problem of the options [Sluiceway]`, () => {
      const { stdout } = run(script, ...flags);
      expect(stdout).toMatch(/^OptionsError .*"path":"zeroCopy"/);
      expect(stdout).toMatch(pattern);
    });
  }

  test("zeroCopy: 'auto' copies, and says so once [Sluiceway]", () => {
    const flags = hasFfi ? ['--no-experimental-ffi'] : [];
    const { stdout, stderr } = run(
      `process.on('warning', ({ name, code, message }) => console.log(name, code, message));
       for (let i = 0; i < 3; i += 1) createProxy({ upstream, zeroCopy: 'auto' });`,
      ...flags,
    );
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(stdout).toMatch(/^SluicewayZeroCopyWarning SLUICEWAY_ZERO_COPY_UNAVAILABLE .* copied: /);
    expect(stderr).toContain('SLUICEWAY_ZERO_COPY_UNAVAILABLE');
  });

  test('another value is a problem of the options [Sluiceway]', () => {
    const { stdout } = run(
      `try { createProxy({ upstream, zeroCopy: 'yes' }); } catch (error) { console.log(error.message); }`,
    );
    expect(stdout).toContain(`zeroCopy must be one of 'auto', true, false, not "yes"`);
  });
});

test('a library that is not asked for zero copy loads nothing for it [Sluiceway]', () => {
  const { stdout, stderr } = run(
    `createProxy({ upstream }); createProxy({ upstream, zeroCopy: false }); console.log('made');`,
  );
  expect(stdout).toBe('made\n');
  // Node warns as soon as its module is loaded.
  expect(stderr).toBe('');
});

test.runIf(isNew)('a process that has zero copy ends when nothing is left to do [Sluiceway]', () => {
  const { stdout, stderr } = run(`createProxy({ upstream, zeroCopy: true }); console.log('made');`);
  expect(stdout).toBe('made\n');
  expect(stderr).not.toContain('Error');
});
