import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { isSeeded, seededViews } from '../../sluiceway/test/support/content.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { until } from '../../sluiceway/test/support/until.js';
import { type ProgramProcess, sluicewayServe } from './support/process.js';

const MiB = 1024 * 1024;
const SIZE = 256 * MiB;
/** Routes that make each configuration large: a thousand that stay take more than 400 MiB. */
const ROUTES = 40;

/** Bytes of memory that the process and its workers hold now; only Linux tells. */
function resident({ child }: ProgramProcess): number {
  const workers = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
  const kilobytes = [child.pid, ...workers.filter((pid) => pid !== '')].map((pid) => {
    const [, size] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(size);
  });
  return kilobytes.reduce((sum, size) => sum + size, 0) * 1024;
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

describe.skipIf(process.platform !== 'linux')('reloads during ten downloads and ten uploads', () => {
  // After `warmUp` reloads the processes have what they need: buffers, compiled code, room for their heaps. `room` is for
  // what V8 keeps for later, and less than two thirds of what a leak of configurations takes.
  test.for([
    { processes: 'one process', workers: 1, reloads: 1000, warmUp: 200, room: 128 * MiB },
    { processes: 'two workers', workers: 2, reloads: 300, warmUp: 100, room: 96 * MiB },
  ])(
    'of $processes lose no byte, refuse no connection, and leave no memory behind [nginx]',
    {
      timeout: 900_000,
    },
    async ({ workers, reloads, warmUp, room }, { net }) => {
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
        workers,
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
      for (let i = 0; i < reloads; i += 1) {
        expect(await program.reload(config(`n-${i}`))).toBe('SIGHUP: reloaded\n');
        if (i === warmUp) before = resident(program);
      }
      expect(await ask()).toBe(`n-${reloads - 1}`);
      const after = resident(program);
      asking.abort();
      await asked;
      isDone = true;
      expect(await Promise.all(transfers)).toEqual(Array.from({ length: 20 }, () => 'whole'));
      expect(answers).toBeGreaterThan(100);
      expect(after - before).toBeLessThan(room);
    },
  );
});
