import { spawn } from 'node:child_process';
import { expect } from 'vitest';
import { times } from '../support/full-counts.js';
import { findOptionalTool, requireZeroCopy, type Tool, testWith } from '../support/requirements.js';

const zeroCopy = requireZeroCopy();
const bash = findOptionalTool('bash');
const program = new URL('./support/zero-copy-fuzz.ts', import.meta.url).pathname;

interface Seen {
  completed: number;
  broken: number;
  wrong: number;
  zeroCopy: number;
  before: number;
  after: number;
  active: number;
}

/** Runs transfers in a process that may have so many files open. */
function fuzz(tool: Tool, count: number, seed: number, width: number, openFiles: number): Promise<Seen> {
  const command = `ulimit -n ${openFiles}; exec "$0" --disable-warning=ExperimentalWarning "$@"`;
  const args = ['-c', command, process.execPath, program, String(count), String(seed), String(width)];
  const child = spawn(tool.path, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (code === 0) resolve(JSON.parse(stdout) as Seen);
      else reject(new Error(`It ended by ${signal ?? code}: ${stderr}`));
    });
  });
}

// With so few files, sockets and pipes run out: what cannot be moved is copied, and what cannot be opened fails.
for (const [what, width, openFiles] of [
  ['with enough files', 20, 1024],
  ['with too few files', 40, 150],
] as const) {
  testWith(zeroCopy, bash)(
    `transfers that break at random points, ${what}, crash nothing, leak no descriptor and mix up no bytes [Sluiceway]`,
    async () => {
      const count = times(1000, 300);
      const seen = await fuzz(bash, count, 12_345, width, openFiles);
      expect(seen).toMatchObject({ wrong: 0, active: 0 });
      expect(seen.completed + seen.broken).toBe(count);
      expect(seen.completed).toBeGreaterThan(count / 10);
      expect(seen.zeroCopy).toBeGreaterThan(count / 10);
      // A few pipes are kept.
      expect(seen.after).toBeLessThanOrEqual(seen.before + 10);
    },
    60_000,
  );
}
