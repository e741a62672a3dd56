import { describe, expect } from 'vitest';
import { type Network, test } from '../support/fixture.js';
import type { OriginConnection } from '../support/raw-origin.js';
import { StoppedTime } from '../support/stopped-time.js';
import { type Line, through } from '../support/through.js';
import { until } from '../support/until.js';

const TOTAL_MS = 300;

/** A proxy with a total timeout, in time that stands still. */
async function startLimited(
  net: Network,
  script: (connection: OriginConnection) => Promise<void>,
): Promise<Line & { time: StoppedTime }> {
  const time = new StoppedTime(net);
  return { ...(await through(net, script, { timeouts: { total: TOTAL_MS } })), time };
}

describe('the total timeout', () => {
  test('answers 504 where no head has come [RFC 9110 15.6.5; Caddy]', async ({ net }) => {
    const { client, running, origin, time } = await startLimited(net, async (connection) => {
      await connection.readAll();
    });
    await client.get('/');
    await until(() => origin.total === 1, 'the origin server was asked');
    await time.pass(TOTAL_MS);
    expect((await client.readResponse()).head.status).toBe(504);
    expect(await running.record()).toMatchObject({ outcome: 'limited', error: 'total_timeout' });
    await origin.connections[0]?.closed;
  });

  test('ends a transfer visibly, however well it goes [Caddy]', async ({ net }) => {
    const { client, running, origin, time } = await startLimited(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      await connection.readAll();
    });
    await client.get('/');
    const reading = client.readContent(await client.readHead());
    for (let ms = 0; ms < TOTAL_MS; ms += 5) {
      const before = client.bytesRead;
      await origin.connections[0]?.write('1\r\nx\r\n');
      await until(() => client.bytesRead > before, 'the byte had come');
      await time.pass(5);
    }
    expect(await reading).toMatchObject({ complete: false, contentLength: TOTAL_MS / 5 });
    expect(await running.record()).toMatchObject({ outcome: 'limited', status: 200 });
    await origin.connections[0]?.closed;
  });

  test('ends an upload that takes too long [Caddy]', async ({ net }) => {
    const { client, running, origin, time } = await startLimited(net, async (connection) => {
      await connection.readAll();
    });
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await until(() => origin.total === 1, 'the origin server was asked');
    await time.pass(TOTAL_MS);
    expect((await client.readResponse()).head.status).toBe(504);
    expect((await running.record()).outcome).toBe('limited');
  });

  test('ends a tunnel [Caddy]', async ({ net }) => {
    const { client, running, time } = await startLimited(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n');
      await connection.readAll();
    });
    await client.get('/', ['Connection: Upgrade', 'Upgrade: foo']);
    expect((await client.readHead()).status).toBe(101);
    await time.pass(TOTAL_MS);
    await client.closed;
    expect((await running.record()).outcome).toBe('limited');
  });
});

describe('the minimum rate', () => {
  test('ends what trickles below it after 5 s, and leaves what is above it [Caddy]', async ({ net }) => {
    const time = new StoppedTime(net);
    const start = async (bytes: number) => {
      const line = await through(
        net,
        async (connection) => {
          await connection.readHead();
          await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
          await connection.readAll();
        },
        { limits: { minRate: 1000 } },
      );
      await line.client.get('/');
      const content = line.client.readContent(await line.client.readHead());
      const chunk = `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;
      return { ...line, content, send: (text = chunk) => line.origin.connections[0]?.write(text) };
    };
    const slow = await start(20);
    const fast = await start(400);
    for (let ms = 0; ms < 5600; ms += 100) {
      const before = fast.client.bytesRead;
      if (ms <= 5000) expect(slow.running.recorded).toEqual([]);
      if (slow.running.recorded.length === 0) await slow.send();
      await fast.send();
      await until(() => fast.client.bytesRead > before, 'the bytes had come');
      await time.pass(100);
    }
    await fast.send('0\r\n\r\n');
    expect(await slow.content).toMatchObject({ complete: false });
    expect((await slow.running.record()).outcome).toBe('upstream_stalled');
    expect(await fast.content).toMatchObject({ complete: true });
    expect((await fast.running.record()).outcome).toBe('completed');
  });
});
