import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { isSeeded, seededViews } from '../../sluiceway/test/support/content.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { Gate } from '../../sluiceway/test/support/gate.js';
import type { OriginScript, RawOrigin } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { until } from '../../sluiceway/test/support/until.js';
import { type ProgramProcess, sluicewayProxy } from './support/process.js';

const MiB = 1024 * 1024;
const SIZE = 1024 * MiB;
/** Above what the program needs before its first transfer: read blocks, and what V8 keeps for later. */
const ROOM = 96 * MiB;

/** The most that the process has ever held, in bytes; only Linux tells. */
function peak({ child }: ProgramProcess): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

interface Started {
  program: ProgramProcess & { port: number };
  origin: RawOrigin;
  before: number;
}

/** The program, after a first small transfer. */
async function start(net: Network, script: OriginScript): Promise<Started> {
  const origin = await net.origin(async (connection) => {
    if (connection.index > 0) return script(connection);
    await connection.readHead();
    await connection.write(sized('small', ['Connection: close']));
  });
  const program = await sluicewayProxy(net, origin.url);
  const client = await net.client(program.port);
  await client.get('/');
  await client.readResponse();
  client.close();
  return { program, origin, before: peak(program) };
}

async function still(count: () => number): Promise<void> {
  let before = -1;
  let since = Date.now();
  // How long the kernel's buffers of hundreds of connections take to fill is the machine's business.
  await until(
    () => {
      if (count() !== before) since = Date.now();
      before = count();
      return before > 0 && Date.now() - since > 200;
    },
    'nothing moved any more',
    60_000,
  );
}

describe.skipIf(process.platform !== 'linux')('the memory of the program stays flat', () => {
  test('while a client pauses in a download of 1 GiB and then reads it: the origin server has to wait [nginx]', async ({
    net,
  }) => {
    const { program, origin, before } = await start(net, async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      await connection.writeSeeded('memory', 0, SIZE);
    });
    const client = await net.client(program.port);
    await client.get('/');
    const head = await client.readHead();
    client.pause();
    await still(() => origin.connections[1]?.tcp.bytesWritten ?? 0);
    client.resume();
    let at = 0;
    const { complete } = await client.readContent(head, {
      onContent: (bytes) => {
        if (!isSeeded('memory', at, bytes)) throw new Error(`Wrong bytes at ${at}`);
        at += bytes.length;
      },
    });
    expect(complete).toBe(true);
    expect(peak(program) - before).toBeLessThan(ROOM);
  });

  test('while an origin server pauses in an upload of 1 GiB and then reads it: the client has to wait [nginx]', async ({
    net,
  }) => {
    const reads = new Gate();
    const { program, before } = await start(net, async (connection) => {
      await connection.readHead();
      connection.pause();
      await reads.opened;
      connection.resume();
      let at = 0;
      await connection.take(SIZE, (bytes) => {
        if (!isSeeded('memory', at, bytes)) throw new Error(`Wrong bytes at ${at}`);
        at += bytes.length;
      });
      await connection.write(sized(String(at)));
    });
    const client = await net.client(program.port);
    let sent = 0;
    await client.send(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${SIZE}\r\n\r\n`);
    const sending = (async () => {
      for (const view of seededViews('memory', 0, SIZE)) {
        await client.send(view);
        sent += view.length;
      }
    })();
    await still(() => sent);
    reads.open();
    await sending;
    expect((await client.readResponse()).content.toString()).toBe(String(SIZE));
    expect(peak(program) - before).toBeLessThan(ROOM);
  });

  test('while 500 clients read nothing of their downloads [nginx; undici]', async ({ net }) => {
    const { program, origin, before } = await start(net, async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      await connection.writeSeeded('memory', 0, SIZE);
    });
    for (let i = 0; i < 500; i += 1) {
      const client = await net.client(program.port, { paused: true });
      await client.get('/');
    }
    await still(() => origin.connections.reduce((sum, { tcp }) => sum + tcp.bytesWritten, 0));
    expect(peak(program) - before).toBeLessThan(ROOM + 500 * 256 * 1024);
  });
});
