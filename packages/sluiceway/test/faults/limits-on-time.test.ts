import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { through } from '../support/through.js';

const pauseMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.concurrent('the total timeout', () => {
  test('answers 504 where no head has come [RFC 9110 15.6.5; Caddy]', async ({ net }) => {
    const { client, running, origin } = await through(
      net,
      async (connection) => {
        await connection.readAll();
      },
      { timeouts: { total: 300 } },
    );
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(504);
    expect(await running.record()).toMatchObject({ outcome: 'limited', error: 'total_timeout' });
    await origin.connections[0]?.closed;
  });

  test('ends a transfer visibly, however well it goes [Caddy]', async ({ net }) => {
    const { client, running, origin } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        for (let i = 0; i < 1000; i++) {
          await connection.write('1\r\nx\r\n');
          await pauseMs(5);
        }
      },
      { timeouts: { total: 400 } },
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(false);
    expect(response.contentLength).toBeGreaterThan(0);
    expect(await running.record()).toMatchObject({ outcome: 'limited', status: 200 });
    await origin.connections[0]?.closed;
  });

  test('ends an upload that takes too long [Caddy]', async ({ net }) => {
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readAll();
      },
      { timeouts: { total: 300 } },
    );
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    expect((await client.readResponse()).head.status).toBe(504);
    expect((await running.record()).outcome).toBe('limited');
  });

  test('ends a tunnel [Caddy]', async ({ net }) => {
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n');
        await connection.readAll();
      },
      { timeouts: { total: 300 } },
    );
    await client.get('/', ['Connection: Upgrade', 'Upgrade: foo']);
    expect((await client.readHead()).status).toBe(101);
    await client.closed;
    expect((await running.record()).outcome).toBe('limited');
  });
});

describe.concurrent('the minimum rate', () => {
  test('ends what trickles below it after 5 s, and leaves what is above it [Caddy]', async ({ net }) => {
    const trickle =
      (bytes: number) =>
      async (connection: Parameters<Parameters<(typeof net)['origin']>[0]>[0]): Promise<void> => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        for (let i = 0; i < 56; i++) {
          await connection.write(`${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`);
          await pauseMs(100);
        }
        await connection.write('0\r\n\r\n');
      };
    const limits = { minRate: 1000 };
    const slow = await through(net, trickle(20), { limits });
    const fast = await through(net, trickle(400), { limits });
    await slow.client.get('/');
    await fast.client.get('/');
    const [below, above] = await Promise.all([slow.client.readResponse(), fast.client.readResponse()]);
    expect(below.complete).toBe(false);
    expect((await slow.running.record()).outcome).toBe('upstream_stalled');
    expect(above.complete).toBe(true);
    expect((await fast.running.record()).outcome).toBe('completed');
  });
});
