import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { seededBytes } from '../../support/content.js';
import { rangedOrigin } from '../../support/ranged-origin.js';
import { startOrigin } from '../../support/raw-origin.js';
import { requireTool, type Tool } from '../../support/requirements.js';
import { type Check, needing } from './example.js';

const curl = requireTool('curl');
const bash = requireTool('bash');

/** For docs/clients.md and README.md. */
export const clientChecks: Readonly<Record<string, Check>> = {
  'curl continues until it has the whole file': needing([curl, bash], async ({ block, project }) => {
    const file = seededBytes('example', 0, 100_000);
    const origin = await startOrigin(
      rangedOrigin(file, ({ index }) => (index < 2 ? { bytes: 30_000, ending: 'reset' } : 'whole')),
    );
    try {
      const line = block.text.replace('URL', `${origin.url}/f`).replace('sleep 1', 'sleep 0');
      await run(bash, ['-c', line], project);
      expect(readFileSync(join(project, 'f')).equals(file)).toBe(true);
      expect(origin.total).toBe(3);
    } finally {
      await origin.stop();
    }
  }),
};

async function run(tool: Tool, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(tool.path, args, { cwd, stdio: 'ignore' });
  const [code] = (await once(child, 'close')) as [number | null];
  expect(code).toBe(0);
}
