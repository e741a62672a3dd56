import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { describe, expect } from 'vitest';
import { toFetch } from '../../src/fetch.js';
import { createProxy, type LiveTransfer, type TransferRecord } from '../../src/index.js';
import { undiciTransport } from '../../src/undici.js';
import { loopbackCertificate } from '../support/certificates.js';
import { startConnectProxy } from '../support/connect-proxy.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { throughGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { streaming } from '../support/stream-from.js';
import { sized, through } from '../support/through.js';
import { throughHttp2 } from '../support/through-http2.js';
import { until } from '../support/until.js';
import { webSocketLine } from '../support/web-socket-line.js';

const authority = (url: string): string => new URL(url).host;

describe('the record of a transfer', () => {
  test('names the version of HTTP/2 that the client speaks, and its authority [Envoy]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('content')));
    const running = await net.proxy({ upstream: origin.url }, { http2: 'h2c' });
    const client = await net.http2(running);
    await client.get('/');
    expect(await running.record()).toMatchObject({
      clientAddress: '127.0.0.1',
      forwardedFor: null,
      host: 'test',
      httpVersion: '2.0',
      upstreamHttpVersion: '1.1',
    });
  });

  test('has the path of a target in absolute form, without the password in it [RFC 9112 3.2.2; RFC 9110 4.2.4]', async ({
    net,
  }) => {
    const { running } = await through(net, respondWith(sized('content')));
    const targets = [
      'http://ann:secret@a.test/b?c',
      'HTTP://a.test',
      'http://a.test//b/http://c',
      'ftp://ann:secret@a.test/d',
    ];
    for (const [i, target] of targets.entries()) {
      const client = await net.client(running);
      await client.get(target);
      await client.readResponse();
      await running.record(i);
    }
    const records = await running.records(targets.length);
    expect(records.map(({ path }) => path)).toEqual(['/b?…', '/', '//b/http://c', '/d']);
    expect(JSON.stringify(records)).not.toContain('secret');
  });

  test('names version 1.0 of a client that speaks it, and no host where it names none [Envoy]', async ({
    net,
  }) => {
    const { client, running } = await through(net, respondWith(sized('content')));
    await client.send('GET / HTTP/1.0\r\n\r\n');
    await client.readHead();
    expect(await running.record()).toMatchObject({ httpVersion: '1.0', host: null });
  });

  test('names the version of HTTP/2 that the origin server speaks, and its address [Envoy]', async ({
    net,
  }) => {
    const { client, running, origin } = await throughHttp2(net, (stream) => {
      stream.respond({ ':status': 200 });
      stream.end('x');
    });
    await client.get('/');
    await client.readResponse();
    expect(await running.record()).toMatchObject({
      httpVersion: '1.1',
      upstream: new URL(origin.url).origin,
      upstreamAddress: `127.0.0.1:${new URL(origin.url).port}`,
      upstreamHttpVersion: '2.0',
    });
  });

  test.for([
    ['untrusted', [], null],
    ['trusted', ['127.0.0.1'], '192.0.2.7'],
  ] as const)(
    'has the client behind a proxy that is %s accordingly [Caddy]',
    async ([, trustedProxies, expected], { net }) => {
      const { client, running } = await through(net, respondWith(sized('content')), {
        trustedProxies: [...trustedProxies],
      });
      await client.get('/', ['X-Forwarded-For: 192.0.2.7']);
      await client.readResponse();
      expect(await running.record()).toMatchObject({ clientAddress: '127.0.0.1', forwardedFor: expected });
    },
  );

  test('has the client that an application has found beside the socket [Express]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('content')));
    const records: TransferRecord[] = [];
    const proxy = createProxy({
      upstream: origin.url,
      observers: [{ onTransferEnd: (record) => void records.push(record) }],
    });
    const server = await startServer((request, response) => {
      void proxy.handle(request, response, { client: { address: '192.0.2.8', host: 'files.test' } });
    });
    net.cleanup(async () => {
      proxy.destroy();
      await server.stop();
    });
    const client = await net.client(server);
    await client.get('/');
    await client.readResponse();
    await until(() => records.length === 1, 'the transfer had ended');
    expect(records[0]).toMatchObject({
      clientAddress: '127.0.0.1',
      forwardedFor: '192.0.2.8',
      host: 'files.test',
    });
  });

  test('names the server that a redirect led to [Envoy]', async ({ net }) => {
    const file = await net.origin(respondWith(sized('content')));
    const first = await net.origin(
      respondWith(sized('', [`Location: ${file.url}/file?secret=1`], 'HTTP/1.1 302 Found')),
    );
    const { client, records } = await streaming(net, `${first.url}/`, { addresses: 'any' });
    await client.get('/');
    await client.readResponse();
    await until(() => records.length === 1, 'the transfer had ended');
    expect(records[0]).toMatchObject({
      upstream: file.url,
      upstreamAddress: authority(file.url),
      attempts: 2,
    });
  });

  test('names the mirror that gave the response [nginx]', async ({ net }) => {
    const fails = await net.origin(respondWith(sized('', [], 'HTTP/1.1 503 Service Unavailable')));
    const works = await net.origin(respondWith(sized('content')));
    const running = await net.proxy({ upstream: { url: fails.url, mirrors: [works.url] } });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('content');
    expect(await running.record()).toMatchObject({
      upstream: works.url,
      upstreamAddress: authority(works.url),
    });
  });

  test('names the server, and no address, where the connection is refused [nginx]', async ({ net }) => {
    const gone = await startServer();
    await gone.stop();
    const running = await net.proxy({ upstream: `http://127.0.0.1:${gone.port}` });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(await running.record()).toMatchObject({
      status: 502,
      upstream: `http://127.0.0.1:${gone.port}`,
      upstreamAddress: null,
      upstreamHttpVersion: null,
      responseHeadMs: null,
      firstByteMs: expect.any(Number) as number,
      error: 'connection_refused',
      errorMessage: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  test('keeps the address of an origin server that breaks off before its head [Sluiceway]', async ({
    net,
  }) => {
    const { client, running, origin } = await through(net, async (connection) => {
      await connection.readHead();
      connection.reset();
    });
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n');
    await client.readResponse();
    expect(await running.record()).toMatchObject({
      status: 502,
      upstreamAddress: authority(origin.url),
      upstreamHttpVersion: null,
    });
  });

  test('has no upstream for an answer of a hook, and no head of one [Envoy]', async ({ net }) => {
    const running = await net.proxy({ onRequest: () => ({ status: 200, content: 'own' }) });
    const client = await net.client(running);
    await client.get('/');
    await client.readResponse();
    expect(await running.record()).toMatchObject({
      outcome: 'answered',
      upstream: null,
      upstreamAddress: null,
      upstreamHttpVersion: null,
      responseHeadMs: null,
      firstByteMs: expect.any(Number) as number,
    });
  });

  test('has the address and no host of a request that cannot be read [Sluiceway]', async ({ net }) => {
    const { client, running } = await through(net, respondWith(sized('content')));
    await client.send('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
    await client.readResponse();
    expect(await running.record()).toMatchObject({
      status: 400,
      clientAddress: '127.0.0.1',
      host: null,
      httpVersion: '1.1',
      upstream: null,
    });
  });

  test('has the numbers of a tunnel too [Envoy]', async ({ net }) => {
    const line = await webSocketLine(net, (socket) => socket.close());
    const socket = await line.connect();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(await line.running.record()).toMatchObject({
      status: 101,
      host: `127.0.0.1:${line.running.port}`,
      upstream: `http://127.0.0.1:${line.origin.port}`,
      upstreamAddress: `127.0.0.1:${line.origin.port}`,
      upstreamHttpVersion: '1.1',
      responseHeadMs: expect.any(Number) as number,
      firstByteMs: expect.any(Number) as number,
    });
  });

  test('has the address of the egress proxy, which is what was connected to [Envoy]', async ({ net }) => {
    const egress = await startConnectProxy(net);
    const origin = await net.origin(respondWith(sized('content')));
    const running = await net.proxy({ upstream: { url: origin.url, egressProxy: egress.url } });
    const client = await net.client(running);
    await client.get('/');
    await client.readResponse();
    expect(await running.record()).toMatchObject({
      upstream: origin.url,
      upstreamAddress: authority(egress.url),
    });
  });

  test.for([
    ['http1', 'http1'],
    ['http2', 'http2'],
    ['auto', 'http2'],
    ['auto', 'http1'],
  ] as const)(
    'has the time to connect for the request that has waited for the connection (protocol %s, origin server with %s) [nginx]',
    async ([protocol, spoken], { net }) => {
      const certificate = await loopbackCertificate();
      const { ca } = certificate;
      const origin = createSecureServer(
        { ...certificate, allowHTTP1: true, ...(spoken === 'http1' && { ALPNProtocols: ['http/1.1'] }) },
        (_request, response) => void response.end('content'),
      );
      net.cleanup(() => new Promise((resolve) => origin.close(resolve)));
      await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
      const { port } = origin.address() as AddressInfo;
      const running = await net.proxy({
        upstream: { url: `https://127.0.0.1:${port}`, protocol, tls: { ca } },
      });
      net.cleanup(() => running.proxy.close());
      const client = await net.client(running);
      for (let i = 0; i < 2; i++) {
        await client.get('/');
        await client.readResponse();
        await running.record(i);
      }
      expect((await running.records(2)).map(({ connectMs }) => connectMs)).toEqual([
        expect.any(Number),
        null,
      ]);
    },
  );

  test('has the address that undici connected to [undici]', async ({ net }) => {
    const { client, running, origin } = await through(net, respondWith(sized('content')), {
      transport: undiciTransport(new Agent(), { closesDispatcher: true }),
    });
    await client.get('/');
    await client.readResponse();
    expect(await running.record()).toMatchObject({ upstreamAddress: authority(origin.url) });
  });

  test('of a gateway names the origin server without the path and the query of the URL [Sluiceway]', async ({
    net,
  }) => {
    const { client, link, records, origin } = await throughGateway(net, respondWith(sized('content')));
    await client.get(link('/bucket/secret-name?X-Amz-Signature=secret'));
    await client.readResponse();
    await until(() => records.length === 1, 'the transfer had ended');
    expect(records[0]).toMatchObject({
      host: 'test',
      upstream: origin.url,
      upstreamAddress: authority(origin.url),
    });
    expect(JSON.stringify(records)).not.toContain('secret');
  });

  test('of a gateway has no upstream where the guard refuses the URL before a connection [Sluiceway]', async ({
    net,
  }) => {
    const { client, link, records, origin } = await throughGateway(net, respondWith(sized('content')), {
      guard: { allowAddresses: ['127.0.0.0/8'], allowPorts: 'any', denyHosts: ['127.0.0.1'] },
    });
    await client.get(link('/file'));
    await client.readResponse();
    await until(() => records.length === 1, 'the transfer had ended');
    expect(records[0]).toMatchObject({
      outcome: 'blocked',
      attempts: 0,
      upstream: null,
      upstreamAddress: null,
    });
    expect(origin.connections).toHaveLength(0);
  });

  test('of the fetch adapter has what its host tells, and no version, which none does [WHATWG Fetch]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith(sized('content')));
    const records: TransferRecord[] = [];
    const proxy = createProxy<{ request: Request; host: unknown }>({
      upstream: origin.url,
      observers: [{ onTransferEnd: (record) => void records.push(record) }],
    });
    net.cleanup(() => proxy.destroy());
    const handler = toFetch(proxy, { client: () => ({ address: '192.0.2.9' }) });
    await (await handler(new Request('http://files.test/a'))).text();
    await until(() => records.length === 1, 'the transfer had ended');
    expect(records[0]).toMatchObject({
      clientAddress: null,
      forwardedFor: '192.0.2.9',
      host: 'files.test',
      httpVersion: null,
      upstream: origin.url,
      upstreamAddress: authority(origin.url),
      upstreamHttpVersion: '1.1',
    });
  });
});

test('the time to the head is at least that which the origin server takes [Envoy]', async ({ net }) => {
  let askedAt = 0;
  let answeredAt = 0;
  const answer = new Gate();
  const { client, running } = await through(net, async (connection) => {
    await connection.readHead();
    askedAt = performance.now();
    await answer.opened;
    answeredAt = performance.now();
    await connection.write(sized('content'));
  });
  await client.get('/');
  await until(() => askedAt > 0 && performance.now() - askedAt > 30, 'some time had passed');
  answer.open();
  await client.readResponse();
  const { responseHeadMs, firstByteMs, durationMs } = await running.record();
  expect(responseHeadMs).toBeGreaterThanOrEqual(Math.floor(answeredAt - askedAt) - 1);
  expect(firstByteMs).toBeGreaterThanOrEqual(responseHeadMs ?? Number.NaN);
  expect(durationMs).toBeGreaterThanOrEqual(firstByteMs ?? Number.NaN);
});

test('a running transfer shows who asks and who is asked as soon as that is known [Envoy]', async ({
  net,
}) => {
  let live: LiveTransfer | undefined;
  const seen: Partial<LiveTransfer>[] = [];
  const gate = new Gate();
  const read = (): void => {
    const { clientAddress, host, httpVersion, upstream, upstreamAddress, upstreamHttpVersion } =
      live as LiveTransfer;
    seen.push({ clientAddress, host, httpVersion, upstream, upstreamAddress, upstreamHttpVersion });
  };
  const { client, origin, running } = await through(
    net,
    async (connection) => {
      await connection.readHead();
      read();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1');
      await gate.opened;
      await connection.write('2');
    },
    {
      observers: [
        {
          onTransferStart(transfer) {
            live = transfer;
            read();
          },
        },
      ],
    },
  );
  await client.get('/');
  await client.readHead();
  read();
  const known = { clientAddress: '127.0.0.1', httpVersion: '1.1' };
  const asked = { ...known, host: 'test', upstream: origin.url, upstreamAddress: authority(origin.url) };
  expect(seen).toEqual([
    { ...known, host: null, upstream: null, upstreamAddress: null, upstreamHttpVersion: null },
    { ...asked, upstreamHttpVersion: null },
    { ...asked, upstreamHttpVersion: '1.1' },
  ]);
  expect(live?.responseHeadMs).toBeGreaterThanOrEqual(0);
  expect(live?.firstByteMs).toBeGreaterThanOrEqual(live?.responseHeadMs ?? Number.NaN);
  gate.open();
  await client.readExactly(2);
  await running.record();
});
