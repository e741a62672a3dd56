import { describe, expect } from 'vitest';
import { createProxy } from '../../src/index.js';
import { loopbackCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import { startHttp2Server } from '../support/node-http2.js';
import { type RawOrigin, respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

/** Asks so many destinations in turn, each at `/<index>`. */
async function askAll(
  net: Network,
  urls: readonly string[],
  upstream: object,
): Promise<{ ask(index: number): Promise<void> }> {
  const running = await net.proxy({
    upstream: { url: urls[0] ?? '', ...upstream },
    onRequest: ({ request: { path } }) => ({ upstream: urls[Number(path.slice(1))] ?? '' }),
  });
  const client = await net.client(running);
  const ask = async (index: number): Promise<void> => {
    await client.get(`/${index}`);
    expect(await client.readResponse()).toMatchObject({ head: { status: 200 }, complete: true });
  };
  for (let i = 0; i < urls.length; i += 1) await ask(i);
  return { ask };
}

const startOrigins = (net: Network, count: number): Promise<RawOrigin[]> =>
  Promise.all(Array.from({ length: count }, () => net.origin(respondWith(sized('x')))));

describe('idle connections to all destinations together', () => {
  test('are as many as `upstream.connections.maxIdle` says, and the oldest gives way [Go Transport]', async ({
    net,
  }) => {
    const origins = await startOrigins(net, 5);
    const urls = origins.map(({ url }) => url);
    const { ask } = await askAll(net, urls, { connections: { maxIdle: 2 } });
    const open = (): number[] => origins.map((origin) => origin.open);
    await until(() => open().join() === '0,0,0,1,1', 'the last two were left');
    // The one that is used becomes the newest.
    await ask(3);
    await ask(0);
    await until(() => open().join() === '1,0,0,1,0', 'the oldest gave way');
    expect(origins.map(({ total }) => total)).toEqual([2, 1, 1, 1, 1]);
  });

  test('are none where it is 0 [Sluiceway]', async ({ net }) => {
    const origins = await startOrigins(net, 2);
    await askAll(
      net,
      origins.map(({ url }) => url),
      { connections: { maxIdle: 0 } },
    );
    await until(() => origins.every(({ open }) => open === 0), 'none was kept');
  });

  test('count those of HTTP/2 [Go Transport]', async ({ net }) => {
    const origins = await Promise.all(
      Array.from({ length: 4 }, () =>
        startHttp2Server(net, (stream) => stream.respond({}, { endStream: true })),
      ),
    );
    await askAll(
      net,
      origins.map(({ url }) => url),
      { protocol: 'http2', connections: { maxIdle: 2 } },
    );
    const open = (): string => origins.map(({ sessions }) => (sessions[0]?.closed === false ? 1 : 0)).join();
    await until(() => open() === '0,0,1,1', 'the last two were left');
  });

  test('count those of both versions where the version is negotiated [Sluiceway]', async ({ net }) => {
    const { cert, key, ca } = await loopbackCertificate();
    const tls = { cert, key, ca };
    const http2 = await startHttp2Server(net, (stream) => stream.respond({}, { endStream: true }), { tls });
    const http1 = await net.origin(respondWith(sized('x')), { tls: { ...tls, alpn: ['http/1.1'] } });
    const secure = http2.url.replace('http:', 'https:').replace('127.0.0.1', 'localhost');
    await askAll(net, [secure, http1.url], { protocol: 'auto', tls: { ca }, connections: { maxIdle: 1 } });
    await until(() => http2.sessions[0]?.closed !== false, 'the session of HTTP/2 gave way');
    expect(http1.open).toBe(1);
  });

  test.for([-1, 1.5, '7'])('cannot be limited to %j [Sluiceway]', (maxIdle) => {
    const connections = { maxIdle } as { maxIdle: number };
    expect(() => createProxy({ upstream: { url: 'http://127.0.0.1', connections } })).toThrow(
      /upstream\.connections\.maxIdle/,
    );
  });
});
