import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runProgram } from '../../../../server/src/cli/program.js';
import { everything } from '../../../../server/src/dashboard/select.js';
import { TransferStore } from '../../../../server/src/dashboard/store.js';
import { painter } from '../../../../server/src/terminal/color.js';
import { readSnapshot, readTotals } from '../../../../server/src/top/read-events.js';
import { drawScreen } from '../../../../server/src/top/view.js';
import { HostedProcess } from '../../support/hosted-process.js';
import { node, requireTool } from '../../support/requirements.js';
import { startServer } from '../../support/servers.js';
import { type Check, type Example, needing } from './example.js';
import { outputOf, program } from './signing-checks.js';

const bash = requireTool('bash');

/** The examples of `sluiceway get` and `sluiceway top`. */
export const terminalChecks: Readonly<Record<string, Check>> = {
  'files are downloaded': needing([bash], async (example) => {
    const hash = createHash('sha256').update('b').digest('hex');
    const server = await startServer((request, response) =>
      response.end(request.url === '/SHA256SUMS' ? `${hash}  b.iso\n` : 'b'),
    );
    try {
      const text = example.block.text.replaceAll(/https:\/\/[\w.]+/g, `http://127.0.0.1:${server.port}`);
      expect(await runShell(example, text)).toContain(hash);
    } finally {
      await server.stop();
    }
    for (const name of ['a.iso', 'b.iso'])
      expect(readFileSync(join(example.project, name), 'utf8')).toBe('b');
  }),

  'a download is repeated': needing([bash], async (example) => {
    await runShell(example, `url=http://127.0.0.1:${example.origin.port}/a\n${example.block.text}`);
    expect(readFileSync(join(example.project, 'file'), 'utf8')).toBe('this is /a');
  }),

  'transfers are watched': async (example) => {
    const [serve = '', top] = example.block.text.trim().split('\n');
    expect(top).toBe('sluiceway top');
    const admin = await startAdmin(example, serve);
    const watching = new HostedProcess(() => runProgram(['top', '--admin', admin]));
    expect(await watching.exited).toBe(0);
    expect(watching.stdout).toMatch(/^FILE +CLIENT /);
  },

  'transfers are selected': async (example) => {
    const admin = await startAdmin(example, 'sluiceway proxy http://127.0.0.1:9000 --admin 127.0.0.1:9180');
    const [running] = example.running;
    const client = await running?.connect();
    await client?.get('/slow');
    await client?.readHead();
    const listing = new HostedProcess(() => runProgram(['top', '--admin', admin, '--json']));
    expect(await listing.exited).toBe(0);
    client?.close();
    expect(example.block.text).toContain('.transfers[] | select(.waitingFor == "upstream") | .upstream\'');
    const { transfers } = JSON.parse(listing.stdout) as { transfers: object[] };
    expect(transfers).toMatchObject([{ upstream: `http://127.0.0.1:${example.origin.port}` }]);
    expect(transfers[0]).toHaveProperty('waitingFor');
  },

  'the screen of top': async ({ block }) => {
    const [first = ''] = block.text.split('\n');
    expect(first).toContain('sluiceway top');
    expect(drawSample()).toBe(block.text);
  },
};

/** Runs a script in which `sluiceway` is the built program. */
function runShell(example: Example, script: string): Promise<string> {
  const command = `sluiceway() { "${node.path}" "${program}" "$@"; }\nset -o pipefail\n${script}`;
  return outputOf(example, bash, ['-c', command]);
}

/** Runs `sluiceway proxy …`. Resolves with the URL of its admin listener. */
async function startAdmin(example: Example, command: string): Promise<string> {
  example.replacements.set('127.0.0.1:9180', '127.0.0.1:0');
  const words = command.split(' ');
  const running = await example.runProgram([['npx', ...words, '--listen', '127.0.0.1:0']]);
  const [, url = ''] = await running.wrote(/admin listener on (\S+)\n/);
  const [, port = '0'] = await running.wrote(/listening on http:\/\/127\.0\.0\.1:(\d+),/);
  running.port = Number(port);
  return url;
}

const MiB = 2 ** 20;

function drawSample(): string {
  const common = { method: 'GET', status: 200, startedAt: '2026-01-01T00:00:00Z' };
  const transfers = [
    {
      ...common,
      id: '1',
      path: '/a.iso',
      client: '192.0.2.7',
      upstream: 'http://10.0.0.5:9000',
      bytesDown: 512 * MiB,
      responseLength: 1000 * MiB,
      rateDown: 61.2 * MiB,
      etaMs: 8000,
    },
    {
      ...common,
      id: '2',
      path: '/backup.tar',
      client: '192.0.2.9',
      upstream: 'http://10.0.0.6:9000',
      bytesDown: 10_240 * MiB,
      responseLength: 40_960 * MiB,
      rateDown: 41.8 * MiB,
      etaMs: 734_000,
    },
    {
      ...common,
      id: '3',
      method: 'PUT',
      status: null,
      path: '/upload.bin',
      client: '198.51.100.3',
      upstream: 'http://10.0.0.5:9000',
      bytesUp: 71 * MiB,
      requestLength: 990 * MiB,
      rateUp: 1.2 * MiB,
      waitingFor: 'client',
      waitingMs: 3000,
    },
  ];
  const store = new TransferStore();
  store.applySnapshot(readSnapshot({ time: '', transfers }), 0);
  const outcomes = { completed: 128, upstream_truncated: 2, client_aborted: 1 };
  const lines = drawScreen(
    {
      admin: 'http://127.0.0.1:9180',
      lost: null,
      running: 3,
      totals: readTotals({ rateDown: 103 * MiB, rateUp: 1.2 * MiB, outcomes }),
      selection: everything,
      items: [...store.items],
      selected: 0,
      first: 0,
      isDetailed: false,
      footer: { kind: 'keys' },
    },
    110,
    7,
    painter(false),
    0,
  );
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}
