import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { isSeeded, seededViews } from '../../sluiceway/test/support/content.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { until } from '../../sluiceway/test/support/until.js';
import { type ProgramProcess, sluicewayServe } from './support/process.js';

const MiB = 1024 * 1024;
const SIZE = 256 * MiB;
const RELOADS = 1000;
/** Reloads after which the process has what it needs: buffers, compiled code, room for its heap. */
const WARM_UP = 200;
/** Routes that make each configuration large: eight hundred that stay take more than 300 MiB. */
const ROUTES = 40;
/** What V8 keeps for later. */
const ROOM = 128 * MiB;

/** Bytes of memory that the process holds now; only Linux tells. */
function resident({ child }: ProgramProcess): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** Ten downloads and ten uploads that last until `done`, and what is wrong with them. */
async function startTransfers(net: Network, port: number, done: () => boolean) {
  const results: Promise<string>[] = [];
  const pace = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 20));
  for (let i = 0; i < 10; i += 1) {
    const download = await net.client(port);
    await download.get('/down');
    const head = await download.readHead();
    let at = 0;
    results.push(
      download
        .readContent(head, {
          onContent: (bytes) => {
            if (!isSeeded('down', at, bytes)) throw new Error(`Wrong bytes at ${at}`);
            at += bytes.length;
            if (done()) return;
            download.pause();
            void pace().then(() => download.resume());
          },
        })
        .then(({ complete }) => (complete && at === SIZE ? 'whole' : `cut at ${at}`)),
    );
    const upload = await net.client(port);
    await upload.send(`PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: ${SIZE}\r\n\r\n`);
    results.push(
      (async () => {
        for (const view of seededViews('up', 0, SIZE)) {
          await upload.send(view);
          if (!done()) await pace();
        }
        return (await upload.readResponse()).content.toString() === String(SIZE) ? 'whole' : 'cut';
      })(),
    );
  }
  return results;
}

describe.skipIf(process.platform !== 'linux')('a thousand reloads', () => {
  test('during ten downloads and ten uploads lose no byte, refuse no connection, and leave no memory behind [nginx]', {
    timeout: 900_000,
  }, async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      const { method } = await connection.readHead();
      if (method === 'GET') {
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
        await connection.writeSeeded('down', 0, SIZE);
        return;
      }
      let at = 0;
      await connection.take(SIZE, (bytes) => {
        if (!isSeeded('up', at, bytes)) throw new Error(`Wrong bytes at ${at}`);
        at += bytes.length;
      });
      const text = String(at);
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    });
    const config = (name: string) => ({
      listeners: [{ address: '127.0.0.1:0' }],
      log: { format: 'none' },
      routes: [
        { proxy: { upstream: origin.url, name } },
        { path: '/name', respond: { content: name } },
        ...Array.from({ length: ROUTES }, (_, i) => ({
          path: `/${i}`,
          proxy: { upstream: origin.url, name: `${name}-${i}` },
        })),
      ],
    });
    const program = await sluicewayServe(net, config('first'));
    const ask = async (): Promise<string> => {
      const client = await net.client(program.port);
      await client.get('/name');
      const { content } = await client.readResponse();
      client.close();
      return content.toString();
    };
    for (let i = 0; i < 20; i += 1) await program.reload(config(`warm-${i}`));

    let isDone = false;
    const transfers = await startTransfers(net, program.port, () => isDone);
    await until(() => origin.total === 20, 'all transfers ran');
    const asking = new AbortController();
    let answers = 0;
    const asked = (async () => {
      while (!asking.signal.aborted) {
        await ask();
        answers += 1;
      }
    })();
    let before = 0;
    for (let i = 0; i < RELOADS; i += 1) {
      expect(await program.reload(config(`n-${i}`))).toBe('SIGHUP: reloaded\n');
      if (i === WARM_UP) before = resident(program);
    }
    expect(await ask()).toBe(`n-${RELOADS - 1}`);
    const after = resident(program);
    asking.abort();
    await asked;
    isDone = true;
    expect(await Promise.all(transfers)).toEqual(Array.from({ length: 20 }, () => 'whole'));
    expect(answers).toBeGreaterThan(100);
    expect(after - before).toBeLessThan(ROOM);
  });
});
