import { describe, expect } from 'vitest';
import { collect, failureOf, fetchText, HeldSink, startTransport, toRequest } from '../support/exchange.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false;
  void promise.finally(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
};

describe('close', () => {
  test('without a connection resolves at once, and again', async ({ net }) => {
    const transport = startTransport(net);
    await transport.close();
    await transport.close();
  });

  test('closes idle connections and resolves', async ({ net }) => {
    const [first, second] = [
      await net.origin(respondWith(sized('a'))),
      await net.origin(respondWith(sized('b'))),
    ];
    const transport = startTransport(net);
    await Promise.all([first, second].map(({ url }) => fetchText(transport, toRequest(url))));
    await transport.close();
    await until(() => first.open + second.open === 0, 'both are closed');
  });

  test('lets what runs and what waits finish, then resolves and keeps nothing', async ({ net }) => {
    const gate = new Gate();
    const origin = await net.origin(async (connection) => {
      for (;;) {
        await connection.readHead();
        await gate.opened;
        await connection.write(sized('whole'));
      }
    });
    const transport = startTransport(net, { maxConnections: 1 });
    const running = fetchText(transport, toRequest(origin.url));
    const waiting = fetchText(transport, toRequest(origin.url));
    const closed = transport.close();
    expect(await isSettled(closed)).toBe(false);
    gate.open();
    expect(await Promise.all([running, waiting])).toEqual(['whole', 'whole']);
    await closed;
    await until(() => origin.open === 0, 'the connection is closed');
  });

  test('waits for content that its receiver takes slowly', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('hello')));
    const transport = startTransport(net);
    const { content } = await transport.send(toRequest(origin.url)).response;
    const sink = new HeldSink();
    content.start(sink);
    await sink.event();
    const closed = transport.close();
    expect(await isSettled(closed)).toBe(false);
    sink.release();
    await closed;
    expect(sink.events).toEqual(['chunk', 'end']);
  });

  test('a request after it is still served, on a connection that is not kept', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('late')));
    const transport = startTransport(net);
    await transport.close();
    expect(await fetchText(transport, toRequest(origin.url))).toBe('late');
    await until(() => origin.open === 0, 'the connection is closed');
  });
});

describe('destroy', () => {
  test('fails what runs, waits and dials, closes every connection, and lets close resolve', async ({
    net,
  }) => {
    const script: OriginScript = async (connection) => {
      for (;;) {
        const { target } = await connection.readHead();
        if (target === '/idle') await connection.write(sized('x'));
        if (target === '/content') await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe');
      }
    };
    const origin = await net.origin(script);
    const other = await net.origin(() => {});
    const transport = startTransport(net, { maxConnections: 3 });
    await fetchText(transport, toRequest(origin.url, { path: '/idle' }));
    const content = transport.send(toRequest(origin.url, { path: '/content' }));
    const running = failureOf(content);
    await content.response;
    const failed = [
      running,
      failureOf(transport.send(toRequest(origin.url, { path: '/head' }))),
      failureOf(transport.send(toRequest(origin.url, { path: '/head' }))),
      failureOf(transport.send(toRequest(origin.url, { path: '/waits' }))),
      failureOf(transport.send(toRequest(other.url.replace('http:', 'https:')))),
    ];
    await until(() => origin.total === 3 && other.total === 1, 'all connections are there');
    transport.destroy();
    const shutdown: unknown = expect.objectContaining({ code: 'shutdown', outcome: 'shutdown' });
    expect(await Promise.all(failed)).toEqual(failed.map(() => shutdown));
    await until(() => origin.open + other.open === 0, 'all connections are closed');
    await transport.close();
    transport.destroy();
  });

  test('a request after it is refused', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('x')));
    const transport = startTransport(net);
    transport.destroy();
    expect(await failureOf(transport.send(toRequest(origin.url)))).toMatchObject({ code: 'shutdown' });
    expect(origin.total).toBe(0);
  });

  test('content whose last chunk is still lent ends, and its connection is closed', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('hello')));
    const transport = startTransport(net);
    const { content } = await transport.send(toRequest(origin.url)).response;
    const sink = new HeldSink();
    content.start(sink);
    await sink.event();
    transport.destroy();
    await until(() => origin.open === 0, 'the connection is closed');
    expect(sink.isOver).toBe(true);
    sink.release();
    expect(sink.events).toEqual(['chunk', 'fail']);
  });
});

test('an idle connection and its timers are nothing that a process would wait for', async ({ net }) => {
  const origin = await net.origin(respondWith(sized('x')));
  const transport = startTransport(net);
  const sockets = (): number =>
    process.getActiveResourcesInfo().filter((each) => each === 'TCPSocketWrap').length;
  const timers = (): number => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
  const before = sockets();
  const timersBefore = timers();
  const { content } = await transport.send(toRequest(origin.url)).response;
  // Ours and the origin server's.
  expect(sockets()).toBe(before + 2);
  await collect(content);
  expect(sockets()).toBe(before + 1);
  expect(timers()).toBeLessThanOrEqual(timersBefore);
  // In use again, it is waited for again.
  const again = await transport.send(toRequest(origin.url)).response;
  expect([origin.total, sockets()]).toEqual([1, before + 2]);
  again.content.cancel();
});
