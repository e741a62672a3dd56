import { describe, expect } from 'vitest';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import type { RawClient } from '../support/raw-client.js';
import { respondWith } from '../support/raw-origin.js';
import type { RunningProxy } from '../support/servers.js';
import { sized } from '../support/through.js';

/** A proxy that serves both versions over TLS, and a client that speaks HTTP/1.1 with it, by ALPN or without. */
async function start(net: Network, alpn: readonly string[] | undefined): Promise<[RunningProxy, RawClient]> {
  const origin = await net.origin(
    respondWith((head, content) => sized(`${head.method} ${head.get('via')} ${content.length}`)),
  );
  const running = await net.proxy({ upstream: origin.url, name: 'us' }, { http2: 'tls' });
  const ca = running.ca ?? '';
  return [running, await net.client(running, { tls: { ca, ...(alpn && { alpn }) } })];
}

describe.for([
  ['that asks for it (ALPN)', ['http/1.1']],
  ['without ALPN', undefined],
] as const)('on a port for HTTP/2 over TLS, a client of HTTP/1.1 %s', ([, alpn]) => {
  test('is served over one connection, downloads and uploads [RFC 7301 3.2; RFC 9113 3.2]', async ({
    net,
  }) => {
    const [, client] = await start(net, alpn);
    for (let i = 0; i < 2; i += 1) {
      await client.get('/');
      expect((await client.readResponse()).content.toString()).toBe('GET 1.1 us 0');
      await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n');
      await client.send(seededBytes('up', 0, 100_000));
      expect((await client.readResponse()).content.toString()).toBe('POST 1.1 us 100000');
    }
  });

  test('has the limits of HTTP/1.1: 408 for a head that takes too long, and no limit on a whole request [RFC 9110 15.5.9; Node]', async ({
    net,
  }) => {
    const [running] = await start(net, alpn);
    expect(running.server).toMatchObject({
      headersTimeout: 60_000,
      requestTimeout: 0,
      keepAliveTimeout: 75_000,
      maxHeadersCount: 0,
    });
  });

  test('whose many fields are counted gets 431 [RFC 6585 5; Node]', async ({ net }) => {
    const [, client] = await start(net, alpn);
    await client.get(
      '/',
      Array.from({ length: 1200 }, (_, i) => `X-${i}: 1`),
    );
    expect((await client.readResponse()).head.status).toBe(431);
  });

  test('without Host gets 400 [RFC 9112 3.2]', async ({ net }) => {
    const [, client] = await start(net, alpn);
    await client.send('GET / HTTP/1.1\r\n\r\n');
    expect((await client.readResponse()).head.status).toBe(400);
  });

  test('may change the protocol [RFC 9110 7.8]', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nhello');
      await connection.readAll();
    });
    const running = await net.proxy({ upstream: origin.url }, { http2: 'tls' });
    const client = await net.client(running, { tls: { ca: running.ca ?? '', ...(alpn && { alpn }) } });
    await client.get('/', ['Connection: Upgrade', 'Upgrade: foo']);
    expect((await client.readHead()).status).toBe(101);
    expect((await client.readExactly(5)).toString()).toBe('hello');
  });

  test('may not ask for h2c [RFC 9113 3.1; Go ReverseProxy]', async ({ net }) => {
    const [, client] = await start(net, alpn);
    await client.get('/', [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABk',
    ]);
    expect((await client.readResponse()).content.toString()).toBe('GET 1.1 us 0');
  });
});
