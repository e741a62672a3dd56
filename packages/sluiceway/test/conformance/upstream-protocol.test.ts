import { type EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer as createHttp2Server } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import { NegotiatingTransport } from '../../src/upstream/negotiating-transport.js';
import { loopbackCertificate, makeAuthority } from '../support/certificates.js';
import { startConnectProxy } from '../support/connect-proxy.js';
import { failureOf, fetchText, toRequest } from '../support/exchange.js';
import { type Network, test } from '../support/fixture.js';
import { ErrorCode } from '../support/frames.js';
import { startHttp2Server } from '../support/node-http2.js';
import { type OriginConnection, respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { sized } from '../support/through.js';
import { answer, speakFrames } from '../support/through-http2.js';
import { until } from '../support/until.js';

interface TlsOrigin {
  url: string;
  /** TCP connections so far. */
  connections: Socket[];
  ca: string;
}

/** A server of Node's own that tells each client the version that it speaks, with or without HTTP/2. */
async function startTlsOrigin(net: Network, { http2 }: { http2: boolean }): Promise<TlsOrigin> {
  const { cert, key, ca } = await loopbackCertificate();
  const server: EventEmitter & {
    listen(port: number, host: string): unknown;
    close(): unknown;
    address(): unknown;
  } = http2 ? createHttp2Server({ cert, key, allowHTTP1: true }) : createServer({ cert, key });
  const connections: Socket[] = [];
  server.on('connection', (socket: Socket) => connections.push(socket));
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    response.setHeader('x-version', request.httpVersion);
    response.end(`HTTP/${request.httpVersion} ${request.url}`);
  });
  server.on('upgrade', (_request: unknown, socket: Socket) => {
    socket.end(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nover HTTP/1.1',
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  net.cleanup(() => {
    server.close();
    for (const socket of connections) socket.destroy();
  });
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, connections, ca };
}

async function startAuto(
  net: Network,
  origin: TlsOrigin,
  options: object = {},
): Promise<NegotiatingTransport> {
  const transport = new NegotiatingTransport({ tls: { ca: origin.ca }, ...options });
  net.cleanup(() => transport.destroy());
  return transport;
}

/** The protocol that a connection has agreed on, once it is secure. */
async function agreed(connection: OriginConnection): Promise<unknown> {
  await once(connection.socket, 'secure');
  return Reflect.get(connection.socket, 'alpnProtocol');
}

describe('upstream.protocol', () => {
  test.for([
    ['http1', '1.1'],
    ['http2', '2.0'],
    ['auto', '2.0'],
  ] as const)(
    '%s speaks HTTP/%s with an https: origin server that knows both [RFC 7301 3.2; nginx]',
    async ([protocol, version], { net }) => {
      const origin = await startTlsOrigin(net, { http2: true });
      const running = await net.proxy({ upstream: { url: origin.url, protocol, tls: { ca: origin.ca } } });
      const client = await net.client(running);
      for (let i = 0; i < 3; i += 1) {
        await client.get(`/${i}`);
        expect((await client.readResponse()).content.toString()).toBe(`HTTP/${version} /${i}`);
      }
      // The connection that finds out is the one that is used.
      expect(origin.connections).toHaveLength(1);
    },
  );

  test.for(['http1', 'auto'] as const)(
    '%s speaks HTTP/1.1 with one that knows nothing else, over one connection [RFC 7301 3.2]',
    async (protocol, { net }) => {
      const origin = await startTlsOrigin(net, { http2: false });
      const running = await net.proxy({ upstream: { url: origin.url, protocol, tls: { ca: origin.ca } } });
      const client = await net.client(running);
      for (let i = 0; i < 3; i += 1) {
        await client.get(`/${i}`);
        expect((await client.readResponse()).content.toString()).toBe(`HTTP/1.1 /${i}`);
      }
      expect(origin.connections).toHaveLength(1);
    },
  );

  test('http2 answers 502 where the origin server does not agree on HTTP/2 [RFC 9113 3.2]', async ({
    net,
  }) => {
    const origin = await startTlsOrigin(net, { http2: false });
    const running = await net.proxy({
      upstream: { url: origin.url, protocol: 'http2', tls: { ca: origin.ca } },
    });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(await running.record()).toMatchObject({ error: 'tls_protocol_error' });
  });

  test('auto speaks HTTP/1.1 with an http: origin server, which there is no way to ask [RFC 9113 3.3]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith(sized('HTTP/1.1')));
    const running = await net.proxy({ upstream: { url: origin.url, protocol: 'auto' } });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('HTTP/1.1');
  });

  test('auto sends an upgrade over HTTP/1.1, beside HTTP/2 for the rest [RFC 9110 7.8; Go ReverseProxy]', async ({
    net,
  }) => {
    const origin = await startTlsOrigin(net, { http2: true });
    const running = await net.proxy({
      upstream: { url: origin.url, protocol: 'auto', tls: { ca: origin.ca } },
    });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).head.get('x-version')).toBe('2.0');
    await client.get('/', ['Connection: Upgrade', 'Upgrade: echo']);
    expect((await client.readHead()).status).toBe(101);
    expect((await client.readUntilClose()).bytes.toString()).toBe('over HTTP/1.1');
  });

  test('http2 answers an upgrade 502: there is none over HTTP/2 [RFC 9113 8.6]', async ({ net }) => {
    const origin = await startHttp2Server(net, (stream) => stream.respond({}, { endStream: true }));
    const running = await net.proxy({ upstream: { url: origin.url, protocol: 'http2' } });
    const client = await net.client(running);
    await client.get('/', ['Connection: Upgrade', 'Upgrade: websocket']);
    expect((await client.readResponse()).head.status).toBe(502);
    expect(await running.record()).toMatchObject({ error: 'http_upgrade_failed' });
  });
});

describe('what an https: origin server speaks', () => {
  test('is asked by one connection, however many requests come first [RFC 7301]', async ({ net }) => {
    for (const http2 of [true, false]) {
      const origin = await startTlsOrigin(net, { http2 });
      const transport = await startAuto(net, origin, { maxConnections: 5 });
      const texts = await Promise.all(
        Array.from({ length: 30 }, (_, i) => fetchText(transport, toRequest(origin.url, { path: `/${i}` }))),
      );
      expect(texts).toEqual(Array.from({ length: 30 }, (_, i) => `HTTP/${http2 ? '2.0' : '1.1'} /${i}`));
      expect(origin.connections.length).toBeLessThanOrEqual(http2 ? 1 : 5);
    }
  });

  test('is not known where the connection fails, and all who wait are told; the next request asks again [RFC 7301]', async ({
    net,
  }) => {
    const origin = await startTlsOrigin(net, { http2: true });
    const wrong = await startAuto(net, {
      ...origin,
      ca: (await makeAuthority()).ca,
    });
    const failures = await Promise.all([1, 2].map(() => failureOf(wrong.send(toRequest(origin.url)))));
    for (const failure of failures) expect(failure).toMatchObject({ code: 'tls_certificate_error' });
    expect(origin.connections).toHaveLength(1);
    await failureOf(wrong.send(toRequest(origin.url)));
    expect(origin.connections).toHaveLength(2);
  });

  test('is found out for the others when the request that asked is given up [RFC 7301]', async ({ net }) => {
    const origin = await startTlsOrigin(net, { http2: true });
    const transport = await startAuto(net, origin);
    const first = transport.send(toRequest(origin.url));
    const second = fetchText(transport, toRequest(origin.url, { path: '/second' }));
    first.abort(new SluicewayError('client_aborted', 'left'));
    await expect(first.response).rejects.toMatchObject({ code: 'client_aborted' });
    expect(await second).toBe('HTTP/2.0 /second');
    expect(origin.connections).toHaveLength(1);
  });

  test('changes when it asks for HTTP/1.1 with HTTP_1_1_REQUIRED, and the request is sent again that way [RFC 9113 7]', async ({
    net,
  }) => {
    const certificate = await loopbackCertificate();
    const origin = await net.origin(
      async (connection) => {
        const alpnProtocol = await agreed(connection);
        if (alpnProtocol !== 'h2') return respondWith(sized('over HTTP/1.1'))(connection);
        await speakFrames(async (frames) => {
          const { stream } = await frames.readSection();
          await frames.reset(stream, ErrorCode.HTTP_1_1_REQUIRED);
          await frames.readFrame().catch(() => {});
        })(connection);
      },
      { tls: { ...certificate, alpn: ['h2', 'http/1.1'] } },
    );
    const transport = new NegotiatingTransport({ tls: { ca: certificate.ca } });
    net.cleanup(() => transport.destroy());
    expect(await fetchText(transport, toRequest(origin.url, { method: 'POST' }))).toBe('over HTTP/1.1');
    expect(await fetchText(transport, toRequest(origin.url))).toBe('over HTTP/1.1');
    expect(origin.total).toBe(2);
  });

  test('changes when a later connection agrees on HTTP/1.1 only, and requests go that way [RFC 7301]', async ({
    net,
  }) => {
    const certificate = await loopbackCertificate();
    const alpn = ['h2', 'http/1.1'];
    const script = speakFrames(async (frames, connection) => {
      const { stream } = await frames.readSection();
      await answer(frames, stream, 'over HTTP/2');
      connection.end();
    });
    const origin = await net.origin(
      async (connection) => {
        const alpnProtocol = await agreed(connection);
        return alpnProtocol === 'h2' ? script(connection) : respondWith(sized('over HTTP/1.1'))(connection);
      },
      { tls: { ...certificate, alpn } },
    );
    const transport = new NegotiatingTransport({ tls: { ca: certificate.ca } });
    net.cleanup(() => transport.destroy());
    expect(await fetchText(transport, toRequest(origin.url))).toBe('over HTTP/2');
    await until(() => origin.open === 0, 'the connection was closed');
    alpn.shift();
    expect(await fetchText(transport, toRequest(origin.url))).toBe('over HTTP/1.1');
    expect(await fetchText(transport, toRequest(origin.url))).toBe('over HTTP/1.1');
  });

  test('is asked through an egress proxy as well [RFC 9110 9.3.6]', async ({ net }) => {
    for (const http2 of [true, false]) {
      const origin = await startTlsOrigin(net, { http2 });
      const proxy = await startConnectProxy(net);
      const running = await net.proxy({
        upstream: { url: origin.url, protocol: 'auto', tls: { ca: origin.ca }, egressProxy: proxy.url },
      });
      const client = await net.client(running);
      for (let i = 0; i < 2; i += 1) {
        await client.get('/');
        expect((await client.readResponse()).content.toString()).toBe(`HTTP/${http2 ? '2.0' : '1.1'} /`);
      }
      expect(proxy.tunnels).toHaveLength(1);
    }
  });

  test('need not be asked for HTTP/2 by option, through an egress proxy too, with TLS and without [RFC 9113 3.3]', async ({
    net,
  }) => {
    const certificate = await loopbackCertificate();
    for (const tls of [certificate, undefined]) {
      const origin = await startHttp2Server(
        net,
        (stream) => {
          stream.respond();
          stream.end('over HTTP/2');
        },
        tls && { tls },
      );
      const proxy = await startConnectProxy(net);
      const running = await net.proxy({
        upstream: { url: origin.url, protocol: 'http2', tls: { ca: certificate.ca }, egressProxy: proxy.url },
      });
      const client = await net.client(running);
      await client.get('/');
      expect((await client.readResponse()).content.toString()).toBe('over HTTP/2');
      expect(proxy.tunnels).toHaveLength(1);
    }
  });

  test('without TLS through an egress proxy: an origin server that waits for the preface gets it, and its answer is read [RFC 9113 3.4]', async ({
    net,
  }) => {
    const origin = await net.origin(
      speakFrames(async (frames) => answer(frames, (await frames.readSection()).stream, 'over HTTP/2')),
    );
    const proxy = await startConnectProxy(net);
    const running = await net.proxy({
      upstream: { url: origin.url, protocol: 'http2', egressProxy: proxy.url },
      timeouts: { responseHead: 2000 },
    });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('over HTTP/2');
  });

  test('is of no matter for transports that end: closing waits, destroying does not [Go ReverseProxy]', async ({
    net,
  }) => {
    const origin = await startTlsOrigin(net, { http2: true });
    const closing = await startAuto(net, origin);
    const text = fetchText(closing, toRequest(origin.url));
    await closing.close();
    expect(await text).toBe('HTTP/2.0 /');
    const destroyed = await startAuto(net, origin);
    const failure = failureOf(destroyed.send(toRequest(origin.url)));
    destroyed.destroy();
    expect(await failure).toMatchObject({ code: 'shutdown' });
    expect(await failureOf(destroyed.send(toRequest(origin.url)))).toMatchObject({ code: 'shutdown' });
    await destroyed.close();
  });
});

test('streamFrom speaks what its option says [RFC 7301]', async ({ net }) => {
  const origin = await startTlsOrigin(net, { http2: true });
  const { streamFrom } = await import('../../src/index.js');
  const versions: string[] = [];
  for (const protocol of ['http1', 'auto'] as const) {
    const options = { protocol, addresses: 'any', tls: { ca: origin.ca }, profile: 'passThrough' } as const;
    const server = await startServer(
      (request, response) => void streamFrom(request, response, origin.url, options),
    );
    net.cleanup(() => server.stop());
    const client = await net.client(server);
    await client.get('/');
    versions.push((await client.readResponse()).head.get('x-version') ?? '');
    client.close();
  }
  expect(versions).toEqual(['1.1', '2.0']);
});
