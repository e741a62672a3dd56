import { describe, expect } from 'vitest';
import { isSeeded } from '../support/content.js';
import { test } from '../support/fixture.js';
import type { OriginScript, RawOrigin } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const MiB = 1024 * 1024;
const pauseMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const sendsMuch =
  (size: number, framing: 'sized' | 'chunked' = 'sized'): OriginScript =>
  async (connection) => {
    await connection.readHead();
    if (framing === 'sized') await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    else
      await connection.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n`);
    await connection.writeSeeded('slow', 0, size);
    if (framing === 'chunked') await connection.write('\r\n0\r\n\r\n');
  };

/** Waits until the origin server can write no more. */
async function stalled(origin: RawOrigin): Promise<number> {
  let before = -1;
  let since = 0;
  await until(() => {
    const written = origin.connections[0]?.tcp.bytesWritten ?? 0;
    if (written !== before || written === 0) since = Date.now();
    before = written;
    return Date.now() - since > 50;
  }, 'backpressure had reached the origin server');
  return before;
}

describe.concurrent('a client that pauses', () => {
  test('for many times upstreamIdle gets everything, and the origin server was held back [nginx; undici]', async ({
    net,
  }) => {
    const size = 48 * MiB;
    const { client, origin, running } = await through(net, sendsMuch(size), {
      timeouts: { upstreamIdle: 200 },
    });
    await client.get('/');
    const head = await client.readHead();
    client.pause();
    expect(await stalled(origin)).toBeLessThan(size);
    await pauseMs(1000);
    client.resume();
    let at = 0;
    const { complete } = await client.readContent(head, {
      onContent: (bytes) => {
        if (!isSeeded('slow', at, bytes)) throw new Error(`Wrong bytes at ${at}`);
        at += bytes.length;
      },
    });
    expect(complete).toBe(true);
    expect(at).toBe(size);
    expect(await running.record()).toMatchObject({ outcome: 'completed', bytesDown: size });
  });

  test.for(['sized', 'chunked'] as const)(
    'again and again gets every byte of %s content right [nginx]',
    async (framing, { net }) => {
      const size = 24 * MiB;
      const { client } = await through(net, sendsMuch(size, framing));
      await client.get('/');
      const head = await client.readHead();
      let at = 0;
      let pauses = 0;
      const { complete } = await client.readContent(head, {
        onContent: (bytes) => {
          if (!isSeeded('slow', at, bytes)) throw new Error(`Wrong bytes at ${at}`);
          at += bytes.length;
          if (at > pauses * 2 * MiB) {
            pauses += 1;
            client.pause();
            setTimeout(() => client.resume(), 1 + ((pauses * 37) % 130));
          }
        },
      });
      expect(complete).toBe(true);
      expect(at).toBe(size);
      expect(pauses).toBeGreaterThan(5);
    },
  );

  test('in the midst of an upload for many times upstreamIdle is waited for [nginx]', async ({ net }) => {
    const { client, running } = await through(
      net,
      async (connection) => {
        const { content } = await connection.readRequest();
        await connection.write(sized(content));
      },
      { timeouts: { upstreamIdle: 150, responseHead: 500 } },
    );
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345');
    await pauseMs(800);
    await client.send('67890');
    expect((await client.readResponse()).content.toString()).toBe('1234567890');
    expect((await running.record()).outcome).toBe('completed');
  });
});

describe.concurrent('a client that holds a transfer up for longer than clientIdle', () => {
  const timeouts = { clientIdle: 200 };

  test('by not reading is cut off, and so is the origin server [nginx]', async ({ net }) => {
    const { client, running, origin } = await through(net, sendsMuch(1024 * MiB), { timeouts });
    client.pause();
    await client.get('/');
    expect(await running.record()).toMatchObject({
      outcome: 'client_stalled',
      error: 'client_stalled',
      status: 200,
    });
    await origin.connections[0]?.closed;
    client.resume();
    expect((await client.readResponse({ onContent: () => {} })).complete).toBe(false);
  });

  test('by not reading the end of a response that is otherwise done is cut off [nginx]', async ({ net }) => {
    // Fits into no socket buffer, but the origin server's part of it is over soon.
    const { client, running } = await through(net, sendsMuch(24 * MiB), { timeouts });
    client.pause();
    await client.get('/');
    expect((await running.record()).outcome).toBe('client_stalled');
  });

  test('by not sending its content gets 408, and the origin server never a whole request [RFC 9110 15.5.9; nginx]', async ({
    net,
  }) => {
    const { client, running, origin } = await through(
      net,
      async (connection) => {
        await connection.readRequest();
        await connection.write(sized('must not be'));
      },
      { timeouts },
    );
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345');
    const response = await client.readResponse();
    expect(response.head.status).toBe(408);
    expect(response.head.get('connection')).toBe('close');
    expect(await running.record()).toMatchObject({ outcome: 'client_stalled', status: 408 });
    await origin.connections[0]?.closed;
  });
});

test('40 clients that read nothing of their downloads hold nobody else up [nginx; undici]', async ({
  net,
}) => {
  const { client, running, origin } = await through(net, async (connection) => {
    const { target } = await connection.readHead();
    if (target === '/small') return connection.write(sized('small', ['Connection: close']));
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
    await connection.writeSeeded('held', 0, 1e9);
  });
  for (let i = 0; i < 40; i += 1) {
    const held = await net.client(running, { paused: true });
    await held.get('/large');
  }
  await until(() => origin.total === 40, 'all downloads had begun');
  for (let i = 0; i < 5; i += 1) {
    const other = await net.client(running);
    await other.get('/small');
    expect((await other.readResponse()).content.toString()).toBe('small');
  }
  client.close();
});
