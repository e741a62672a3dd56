import { createServer } from 'node:net';
import { describe, expect } from 'vitest';
import { runAborts } from '../support/aborts.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const LEAVING = ['close', 'reset'] as const;

describe.each(LEAVING)('a client that leaves (%s)', (how) => {
  test('before the head has its upstream connection closed, and is recorded as aborted [Go ReverseProxy; Caddy]', async ({
    net,
  }) => {
    const time = new StoppedTime(net);
    const arrived = new Gate();
    const { client, running, origin } = await through(net, async (connection) => {
      await connection.readHead();
      arrived.open();
      await connection.readAll();
    });
    await client.get('/');
    await arrived.opened;
    client[how]();
    const closed = origin.connections[0]?.closed ?? Promise.reject(new Error('No connection'));
    if (how === 'close') await time.passUntil(closed, 250);
    await closed;
    expect(await running.record()).toMatchObject({
      outcome: 'client_aborted',
      error: 'client_aborted',
      status: null,
    });
    // A reset tells at once. An end may be a half-close, and bytes have to be sent to find out.
    expect(time.passed).toBeLessThanOrEqual(how === 'close' ? 1750 : 0);
  });

  test.for(['Content-Length: 100000000', 'Transfer-Encoding: chunked', 'X-Until: close'])(
    'in the midst of content with %s has its upstream connection closed [Go ReverseProxy]',
    async (framing, { net }) => {
      const { client, running, origin } = await through(net, async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`);
        if (framing.includes('chunked')) await connection.write('fffffff\r\n');
        await connection.writeSeeded('leave', 0, 100_000_000);
      });
      await client.get('/');
      await client.readHead();
      await client.readExactly(1_000_000);
      client[how]();
      await origin.connections[0]?.closed;
      expect(await running.record()).toMatchObject({ outcome: 'client_aborted', status: 200 });
    },
  );

  test('while the origin server is silent in the midst of chunked content has its upstream connection closed [Go ReverseProxy]', async ({
    net,
  }) => {
    const time = new StoppedTime(net);
    const { client, running, origin } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
      await connection.readAll();
    });
    await client.get('/');
    await client.readHead();
    await client.readThrough('half\r\n');
    client[how]();
    const closed = origin.connections[0]?.closed ?? Promise.reject(new Error('No connection'));
    if (how === 'close') await time.passUntil(closed, 250);
    await closed;
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted', bytesDown: 4 });
  });

  test('in the midst of its upload has its upstream connection closed before the request is whole [RFC 9112 8; nginx]', async ({
    net,
  }) => {
    let received = 0;
    const { client, running, origin } = await through(net, async (connection) => {
      await connection.readHead();
      received = (await connection.readAll()).length;
    });
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nhalf of it');
    await until(() => (origin.connections[0]?.bytesRead ?? 0) > 100, 'the first half arrived');
    client[how]();
    await origin.connections[0]?.closed;
    expect(received).toBeLessThan(1000);
    expect((await running.record()).outcome).toBe('client_aborted');
  });
});

test.for(['Content-Length: 10', 'X-Until: close'])(
  'a client that closes in the midst of content with %s of which no more comes is given up, and never by an end [RFC 9112 9.6; Sluiceway]',
  async (framing, { net }) => {
    const time = new StoppedTime(net);
    const { client, running, origin } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\nhalf`);
      await connection.readAll();
    });
    await client.send('GET / HTTP/1.0\r\nHost: test\r\n\r\n');
    await client.readHead();
    await client.readExactly(4);
    client.end();
    const rest = client.readUntilClose();
    await time.passUntil(rest, 250);
    expect((await rest).ended).toBe('reset');
    await origin.connections[0]?.closed;
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted', bytesDown: 4 });
    expect(time.passed).toBeGreaterThan(3000);
  },
);

test('a client that has closed in the midst of sized content is noticed with the next bytes of it [RFC 9112 9.6; HAProxy]', async ({
  net,
}) => {
  const more = new Gate();
  const { client, running, origin } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhalf');
    await more.opened;
    await connection.writeSeeded('more', 0, 900_000);
    await connection.readAll();
  });
  await client.get('/');
  await client.readHead();
  await client.readExactly(4);
  client.close();
  more.open();
  await origin.connections[0]?.closed;
  expect((await running.record()).outcome).toBe('client_aborted');
});

test('a client that leaves while it has paused has its upstream connection closed [nginx]', async ({
  net,
}) => {
  const { client, running, origin } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
    await connection.writeSeeded('paused', 0, 1e9);
  });
  await client.get('/');
  await client.readHead();
  client.pause();
  let before = -1;
  await until(() => {
    const written = origin.connections[0]?.tcp.bytesWritten ?? 0;
    const stalled = written === before;
    before = written;
    return stalled;
  }, 'backpressure had reached the origin server');
  client.reset();
  await origin.connections[0]?.closed;
  expect((await running.record()).outcome).toBe('client_aborted');
});

test('a client that leaves while the connection is being made gives it up [Go ReverseProxy]', async ({
  net,
}) => {
  // Accepts TCP and never answers the TLS handshake.
  const sockets = new Set<{ destroyed: boolean }>();
  let hungUp = 0;
  const silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => (hungUp += 1));
    socket.resume();
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  net.cleanup(() => silent.close());
  const { port } = silent.address() as { port: number };
  const running = await net.proxy({ upstream: `https://127.0.0.1:${port}` });
  const client = await net.client(running);
  await client.get('/');
  await until(() => sockets.size === 1, 'the connection was under way');
  client.reset();
  await until(() => hungUp === 1, 'the connection was given up');
  expect((await running.record()).outcome).toBe('client_aborted');
});

test('100 clients that leave one after the other, without waiting for each other, leave nothing [Go ReverseProxy]', async ({
  net,
}) => {
  const { origin, running } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
    await connection.writeSeeded('many', 0, 100_000_000);
  });
  for (let i = 0; i < 100; i++) {
    const client = await net.client(running);
    await client.get('/');
    if (i % 4 > 0) await client.readHead();
    if (i % 4 > 1) await client.readExactly(1 + 1000 * i);
    client[LEAVING[i % 2] as 'close' | 'reset']();
  }
  expect(new Set((await running.records(100)).map((record) => record.outcome))).toEqual(
    new Set(['client_aborted']),
  );
  await until(() => origin.open === 0, 'no upstream connection was left');
  expect(running.proxy.active).toBe(0);
});

test('300 clients that leave, in every phase and every way, leave no socket and no descriptor on either side [Go ReverseProxy; Node]', async ({
  net,
}) => {
  await runAborts(net, 300);
});

test('clients that leave are not held against the origin server: the next request is served [Caddy]', async ({
  net,
}) => {
  const { running, origin } = await through(net, respondWith(sized('content')));
  for (let i = 0; i < 20; i++) {
    const gone = await net.client(running);
    await gone.get('/');
    gone.reset();
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('content');
    client.close();
  }
  expect(origin.total).toBeLessThanOrEqual(41);
});
