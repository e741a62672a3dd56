import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect } from 'vitest';
import { createProxy } from '../../src/index.js';
import { loopbackCertificate } from '../support/certificates.js';
import type { Network } from '../support/fixture.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RawClient } from '../support/raw-client.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const get = (target: string, lines = ''): string => `GET ${target} HTTP/1.1\r\nHost: test\r\n${lines}\r\n`;

/** Clients of a proxy behind a server of each kind, whose sockets are seen. */
async function serve(
  net: Network,
  kind: string,
  upstream: string,
): Promise<{ sockets: Socket[]; connect: () => Promise<RawClient> }> {
  const sockets: Socket[] = [];
  if (kind === 'a server of the application') {
    const proxy = createProxy({ upstream });
    const server = createServer((request, response) => void proxy.handle(request, response));
    server.on('connection', (socket) => sockets.push(socket));
    net.cleanup(async () => {
      proxy.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { sockets, connect: () => net.client((server.address() as AddressInfo).port) };
  }
  const certificate = await loopbackCertificate();
  const isTls = kind === 'attach over TLS';
  const running = await net.proxy({ upstream }, isTls ? { tls: certificate } : {});
  running.server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => sockets.push(socket));
  return { sockets, connect: () => net.client(running, isTls ? { tls: { ca: certificate.ca } } : {}) };
}

describe.each(['attach', 'attach over TLS', 'a server of the application'])('through %s', (kind) => {
  test('a client that pipelines 1,000 requests is read no further while some wait, others are served, and all are answered in order [RFC 9112 9.3.2; nginx]', async ({
    net,
  }) => {
    const slow = new Gate();
    const origin = await net.origin(async (connection) => {
      for (;;) {
        const { target } = await connection.readHead();
        if (target === '/0') await slow.opened;
        await connection.write(sized(target));
      }
    });
    const { sockets, connect } = await serve(net, kind, origin.url);
    const client = await connect();
    const padding = `X-Padding: ${'x'.repeat(1000)}\r\n`;
    let requests = '';
    for (let i = 0; i < 1000; i += 1) requests += get(`/${i}`, padding);
    const sending = client.send(requests);
    await until(() => (sockets[0]?.bytesRead ?? 0) > 10_000, 'the first requests were read');
    const other = await connect();
    for (let i = 0; i < 50; i += 1) {
      await other.get('/other');
      expect((await other.readResponse()).content.toString()).toBe('/other');
    }
    expect(sockets[0]?.bytesRead).toBeLessThan(200_000);
    slow.open();
    for (let i = 0; i < 1000; i += 1) expect((await client.readResponse()).content.toString()).toBe(`/${i}`);
    await sending;
  });
});

test('clients that pipeline so much at once that 10,000 requests wait are cut off, and others are served [Sluiceway]', async ({
  net,
}) => {
  const slow = new Gate();
  const origin = await net.origin(async (connection) => {
    for (;;) {
      const { target } = await connection.readHead();
      if (target === '/') await slow.opened;
      await connection.write(sized(target));
    }
  });
  const { sockets, connect } = await serve(net, 'attach', origin.url);
  const requests = get('/').repeat(1600);
  const clients = await Promise.all(Array.from({ length: 12 }, connect));
  for (const client of clients) void client.send(requests).catch(() => {});
  await until(() => sockets.some((socket) => socket.destroyed), 'some were cut off');
  // Those who ask for little are not.
  const modest = await connect();
  await modest.send(get('/a') + get('/b') + get('/c'));
  for (const target of ['/a', '/b', '/c'])
    expect((await modest.readResponse()).content.toString()).toBe(target);
  for (const client of clients) client.reset();
  slow.open();
});

test('an upgrade behind so many requests that reading has stopped opens after them [RFC 9112 9.3.2]', async ({
  net,
}) => {
  const slow = new Gate();
  const { client, origin } = await through(net, async (connection) => {
    for (;;) {
      const { target } = await connection.readHead();
      if (target === '/0') await slow.opened;
      if (target === '/up') break;
      await connection.write(sized(target));
    }
    await connection.write('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n');
    expect((await connection.readExactly(9)).toString()).toBe('firstlast');
    connection.end();
  });
  const requests = Array.from({ length: 30 }, (_, i) => get(`/${i}`)).join('');
  await client.send(`${requests}${get('/up', 'Connection: Upgrade\r\nUpgrade: foo\r\n')}first`);
  await until(() => origin.total === 1, 'the first request was under way');
  slow.open();
  for (let i = 0; i < 30; i += 1) expect((await client.readResponse()).content.toString()).toBe(`/${i}`);
  expect((await client.readHead()).status).toBe(101);
  await client.send('last');
  await client.readUntilClose();
});

describe.each(['attach', 'attach over TLS', 'a server of the application'])(
  'through %s, behind good requests',
  (kind) => {
    test.for([
      ['what is no request', 'GARBAGE\r\n\r\n', 400],
      ['a request of another version', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
      [
        'a request with two lengths',
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
        400,
      ],
      ['a head that is too large', get('/', `X: ${'x'.repeat(20_000)}\r\n`), 431],
      [
        'an upload whose chunks are not',
        'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
        400,
      ],
    ] as const)(
      '%s takes no answer away, and is refused after them [RFC 9112 9.3.2; HAProxy]',
      async ([, bad, status], { net }) => {
        const slow = new Gate();
        const origin = await net.origin(async (connection) => {
          for (;;) {
            const { target } = await connection.readHead();
            await slow.opened;
            await connection.write(sized(target.repeat(100_000)));
          }
        });
        const { connect } = await serve(net, kind, origin.url);
        const client = await connect();
        await client.send(get('/1') + get('/2') + bad);
        await until(() => origin.total === 1, 'the first request was under way');
        slow.open();
        for (let i = 0; i < 2; i += 1)
          expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: 200_000 });
        const refusal = await client.readResponse();
        expect(refusal.head.status).toBe(status);
        expect(refusal.head.get('connection')).toBe('close');
        expect(await client.closed).toBe('fin');
      },
    );

    test.for([
      ['what is no request', 'GARBAGE\r\n\r\n'],
      ['invalid chunks', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
    ] as const)(
      'a client that goes on sending after %s is read until it leaves, so that no reset discards the refusal [RFC 9112 9.6; nginx]',
      async ([, bad], { net }) => {
        const slow = new Gate();
        const origin = await net.origin(async (connection) => {
          await connection.readHead();
          await slow.opened;
          await connection.write(sized('ok'));
        });
        const { connect } = await serve(net, kind, origin.url);
        const client = await connect();
        await client.send(`${get('/')}${bad}`);
        await until(() => origin.total === 1, 'the first request was under way');
        slow.open();
        expect((await client.readResponse()).content.toString()).toBe('ok');
        expect((await client.readResponse()).head.status).toBe(400);
        expect(await client.closed).toBe('fin');
        // More than the buffers of the sockets hold.
        await client.send(Buffer.alloc(32 * 1024 * 1024));
      },
    );

    test('of which the last says close, anything is ignored [RFC 9112 9.6; HAProxy]', async ({ net }) => {
      const slow = new Gate();
      const origin = await net.origin(async (connection) => {
        await connection.readHead();
        await slow.opened;
        await connection.write(sized('x'.repeat(300_000)));
      });
      const { connect } = await serve(net, kind, origin.url);
      const client = await connect();
      await client.send(get('/', 'Connection: close\r\n') + get('/behind'));
      await until(() => origin.total === 1, 'the request was under way');
      void client.send(get('/behind', `X: ${'x'.repeat(100_000)}\r\n`)).catch(() => {});
      slow.open();
      expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: 300_000 });
      expect(await client.closed).toBe('fin');
      expect(origin.total).toBe(1);
    });
  },
);
