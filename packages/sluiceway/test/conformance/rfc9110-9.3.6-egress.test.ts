import { createHash } from 'node:crypto';
import { beforeAll, describe, expect } from 'vitest';
import { loopbackCertificate, type TestCertificate } from '../support/certificates.js';
import { type ConnectProxy, type ConnectProxyOptions, startConnectProxy } from '../support/connect-proxy.js';
import { isSeeded, seededBytes, seededDigest } from '../support/content.js';
import { contentOf, fetchText, startTransport, toRequest } from '../support/exchange.js';
import { type Network, test } from '../support/fixture.js';
import type { RawClient } from '../support/raw-client.js';
import { type OriginScript, type RawOrigin, respondWith } from '../support/raw-origin.js';
import type { RunningProxy } from '../support/servers.js';
import { streaming } from '../support/stream-from.js';
import { sized } from '../support/through.js';
import { serveAlways, startTlsServer } from '../support/tls-server.js';
import { until } from '../support/until.js';

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await loopbackCertificate();
});

interface Line {
  egress: ConnectProxy;
  origin: RawOrigin;
  running: RunningProxy;
  client: RawClient;
}

/** A client, a proxy, the egress proxy and an origin server in line. */
async function line(
  net: Network,
  protocol: 'http:' | 'https:',
  script: OriginScript,
  options: ConnectProxyOptions & { credentials?: string } = {},
): Promise<Line> {
  const origin = await net.origin(script, protocol === 'https:' ? { tls: certificate } : {});
  const egress = await startConnectProxy(net, options);
  const running = await net.proxy({
    upstream: {
      url: origin.url,
      tls: { ca: certificate.ca },
      egressProxy: egress.url.replace('//', `//${options.credentials ?? ''}`),
    },
  });
  return { egress, origin, running, client: await net.client(running) };
}

describe.for(['http:', 'https:'] as const)('with %s origin servers, an egress proxy', (protocol) => {
  test('is asked for a tunnel to host and port, and for nothing else [RFC 9110 9.3.6; RFC 9112 3.2.3]', async ({
    net,
  }) => {
    const { egress, origin, client } = await line(net, protocol, respondWith(sized('through')));
    await client.get('/file?secret=1', ['Proxy-Authorization: Basic Y2xpZW50', 'Cookie: a=b']);
    expect((await client.readResponse()).content.toString()).toBe('through');
    const host = protocol === 'https:' ? 'localhost' : '127.0.0.1';
    expect(egress.requests.map(({ raw }) => raw)).toEqual([
      `CONNECT ${host}:${origin.port} HTTP/1.1\r\nHost: ${host}:${origin.port}\r\n\r\n`,
    ]);
  });

  test('gets the credentials of its URL, and the origin server does not [RFC 9110 11.7.2; RFC 7617 2]', async ({
    net,
  }) => {
    const seen: string[] = [];
    const { egress, client } = await line(
      net,
      protocol,
      respondWith((head) => {
        seen.push(head.raw);
        return sized('ok');
      }),
      { credentials: 'j%C3%BCrgen:p%40ss%3Aword@' },
    );
    await client.get('/');
    await client.readResponse();
    const basic = Buffer.from('jürgen:p@ss:word', 'utf8').toString('base64');
    expect(egress.requests[0]?.get('proxy-authorization')).toBe(`Basic ${basic}`);
    expect(seen).toHaveLength(1);
    expect(seen[0]).not.toMatch(/proxy-|basic/i);
  });

  test('is asked once for all requests of a connection that is kept [RFC 9112 9.3]', async ({ net }) => {
    const { egress, origin, client } = await line(net, protocol, respondWith(sized('again')));
    for (let i = 0; i < 5; i += 1) {
      await client.get(`/${i}`);
      expect((await client.readResponse()).content.toString()).toBe('again');
    }
    expect([egress.requests.length, origin.total]).toEqual([1, 1]);
  });

  test('carries 20 MB down, byte for byte [RFC 9110 9.3.6]', async ({ net }) => {
    const SIZE = 20_000_000;
    const { client } = await line(net, protocol, async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      await connection.writeSeeded('egress', 0, SIZE);
    });
    await client.get('/');
    const digest = createHash('sha256');
    const response = await client.readResponse({ onContent: (bytes) => void digest.update(bytes) });
    expect(response).toMatchObject({ complete: true, contentLength: SIZE });
    expect(digest.digest('hex')).toBe(seededDigest('egress', SIZE));
  });

  test('carries 20 MB up, byte for byte [RFC 9110 9.3.6]', async ({ net }) => {
    const SIZE = 20_000_000;
    const digest = createHash('sha256');
    const { client } = await line(net, protocol, async (connection) => {
      await connection.readHead();
      await connection.take(SIZE, (bytes) => void digest.update(bytes));
      await connection.write(sized('stored'));
    });
    await client.send(`PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: ${SIZE}\r\n\r\n`);
    for (let at = 0; at < SIZE; at += 1_000_000) await client.send(seededBytes('up', at, 1_000_000));
    expect((await client.readResponse()).content.toString()).toBe('stored');
    expect(digest.digest('hex')).toBe(seededDigest('up', SIZE));
  });

  test('carries an upgrade, with bytes both ways and both half-closes [RFC 9110 7.8]', async ({ net }) => {
    const { client, running } = await line(net, protocol, async (connection) => {
      await connection.readHead();
      await connection.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly',
      );
      await connection.write((await connection.readExactly(4)).toString('latin1').toUpperCase());
      const rest = await connection.readAll();
      await connection.write(rest);
      connection.end();
    });
    await client.get('/', ['Connection: upgrade', 'Upgrade: echo']);
    expect((await client.readHead()).status).toBe(101);
    expect((await client.readExactly(5)).toString()).toBe('early');
    await client.send('ping');
    expect((await client.readExactly(4)).toString()).toBe('PING');
    await client.send('last words');
    client.end();
    const { bytes, ended } = await client.readUntilClose();
    expect([bytes.toString(), ended]).toEqual(['last words', 'fin']);
    expect(await running.record()).toMatchObject({ status: 101, outcome: 'completed' });
  });

  test('may say something before it opens the tunnel, and has no content then [RFC 9110 9.3.6; RFC 9110 15.2]', async ({
    net,
  }) => {
    const answer =
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' +
      'HTTP/1.0 299 \r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n';
    const { client } = await line(net, protocol, respondWith(sized('through')), { answer });
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('through');
  });

  test('is left at once when the proxy in front of it is closed [Node]', async ({ net }) => {
    const { egress, client, running } = await line(net, protocol, respondWith(sized('ok')));
    await client.get('/');
    await client.readResponse();
    expect(egress.listener.open).toBe(1);
    client.close();
    await running.proxy.close();
    await until(() => egress.listener.open === 0, 'the tunnel was closed');
  });
});

test('bytes that come right behind the answer to CONNECT are not lost [RFC 9110 9.3.6]', async ({ net }) => {
  const response = sized('early');
  const { client } = await line(net, 'http:', (connection) => void connection.readHead(), {
    answer: `HTTP/1.1 200 OK\r\n\r\n${response.toString('latin1')}`,
  });
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('early');
});

test('an answer to CONNECT that comes byte by byte is read like any other [RFC 9112 2.2]', async ({
  net,
}) => {
  const origin = await net.origin(respondWith(sized('through')));
  const egress = await net.origin(async (connection) => {
    await connection.readHead();
    for (const byte of 'HTTP/1.1 200 OK\r\nVia: 1.1 slow\r\n\r\n') await connection.write(byte);
    await connection.readHead();
    await connection.write(sized('by the proxy'));
  });
  const running = await net.proxy({ upstream: { url: origin.url, egressProxy: egress.url } });
  const client = await net.client(running);
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('by the proxy');
});

test('an IPv6 destination is asked for in brackets [RFC 3986 3.2.2]', async ({ net }) => {
  const origin = await net.origin(respondWith(sized('six')));
  const egress = await startConnectProxy(net);
  const running = await net.proxy({
    upstream: { url: `http://[2001:db8::7]:${origin.port}`, egressProxy: egress.url },
  });
  const client = await net.client(running);
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('six');
  expect(egress.requests[0]?.target).toBe(`[2001:db8::7]:${origin.port}`);
});

test('a name is for the proxy to look up: one that only the proxy knows is reached [RFC 9110 9.3.6]', async ({
  net,
}) => {
  const origin = await net.origin(respondWith(sized('inside')));
  const egress = await startConnectProxy(net);
  const running = await net.proxy({
    upstream: { url: `http://only-inside.invalid:${origin.port}`, egressProxy: new URL(egress.url) },
  });
  const client = await net.client(running);
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('inside');
});

describe('TLS inside the tunnel', () => {
  const tls12 = { maxVersion: 'TLSv1.2' } as const;
  const closing = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok';
  const identity = () => ({ cert: certificate.cert, key: certificate.key });

  test('is with the origin server: its name is asked for and verified, not that of the proxy [RFC 9110 4.3.4]', async ({
    net,
  }) => {
    const names: unknown[] = [];
    const server = await startTlsServer(net, identity(), (socket) => {
      names.push(socket.servername, socket.alpnProtocol);
      serveAlways(closing)(socket);
    });
    const egress = await startConnectProxy(net);
    const reach = async (url: string, ca: string) => {
      const running = await net.proxy({ upstream: { url, egressProxy: egress.url, tls: { ca } } });
      const client = await net.client(running);
      await client.get('/');
      const { head } = await client.readResponse();
      return [head.status, (await running.record()).error];
    };
    expect(await reach(server.url, certificate.ca)).toEqual([200, null]);
    expect(names).toEqual(['localhost', false]);
    // The proxy is at 127.0.0.1, for which the certificate holds.
    const elsewhere = `https://192.0.2.1:${server.port}`;
    expect(await reach(elsewhere, certificate.ca)).toEqual([502, 'tls_certificate_error']);
    const unknown = `https://elsewhere.test:${server.port}`;
    expect(await reach(unknown, certificate.ca)).toEqual([502, 'tls_certificate_error']);
  });

  test.for([['TLSv1.2'], ['TLSv1.3']] as const)(
    'resumes its session on the next connection (%s) [RFC 8446 2.2]',
    async ([version], { net }) => {
      const server = await startTlsServer(
        net,
        { ...identity(), minVersion: version, maxVersion: version },
        serveAlways(closing),
      );
      const egress = await startConnectProxy(net);
      const running = await net.proxy({
        upstream: { url: server.url, egressProxy: egress.url, tls: { ca: certificate.ca } },
      });
      const client = await net.client(running);
      for (let i = 1; i <= 3; i += 1) {
        await client.get('/');
        await client.readResponse();
        await until(() => egress.listener.open === 0, 'the tunnel was closed');
      }
      expect(server.resumed).toEqual([false, true, true]);
    },
  );

  test('offers HTTP/1.1 only [RFC 7301 3.2]', async ({ net }) => {
    const offered: unknown[] = [];
    const server = await startTlsServer(
      net,
      {
        ...identity(),
        ...tls12,
        ALPNCallback: ({ protocols }) => {
          offered.push(protocols);
          return 'http/1.1';
        },
      },
      serveAlways(closing),
    );
    const egress = await startConnectProxy(net);
    const running = await net.proxy({
      upstream: { url: server.url, egressProxy: egress.url, tls: { ca: certificate.ca } },
    });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(200);
    expect(offered).toEqual([['http/1.1']]);
  });
});

describe('an egress proxy that is reached over TLS', () => {
  test.for(['http:', 'https:'] as const)(
    'carries connections to %s origin servers both ways [RFC 9110 9.3.6]',
    async (protocol, { net }) => {
      const SIZE = 3_000_000;
      const origin = await net.origin(
        async (connection) => {
          for (let i = 0; i < 2; i += 1) {
            const { content } = await connection.readRequest();
            await connection.write(sized(content));
          }
        },
        protocol === 'https:' ? { tls: certificate } : {},
      );
      const egress = await startConnectProxy(net, { tls: certificate });
      const { port } = egress.listener;
      const proxy = {
        protocol: 'https:' as const,
        hostname: 'localhost',
        port,
        authorization: null,
        tls: { ca: certificate.ca },
      };
      const transport = startTransport(net, {
        egress: { http: proxy, https: proxy, except: [] },
        tls: { ca: certificate.ca },
      });
      for (let i = 0; i < 2; i += 1) {
        const content = seededBytes('tls in tls', 0, SIZE);
        const request = toRequest(origin.url, { method: 'PUT', content: contentOf([content]) });
        const echoed = await fetchText(transport, request);
        expect(isSeeded('tls in tls', 0, Buffer.from(echoed, 'latin1'))).toBe(true);
        expect(echoed.length).toBe(SIZE);
      }
      expect([egress.requests.length, origin.total]).toEqual([1, 1]);
    },
  );

  test('is verified: one with a certificate that nobody trusts gets no request [RFC 9110 4.3.4]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith(sized('ok')));
    const egress = await startConnectProxy(net, { tls: certificate });
    const running = await net.proxy({ upstream: { url: origin.url, egressProxy: egress.url } });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(await running.record()).toMatchObject({
      outcome: 'upstream_refused',
      error: 'tls_certificate_error',
    });
    expect(egress.requests).toEqual([]);
  });
});

describe('streamFrom', () => {
  test('goes through the egress proxy where any address is allowed, each redirect too [RFC 9110 9.3.6]', async ({
    net,
  }) => {
    const egress = await startConnectProxy(net);
    const file = await net.origin(respondWith(sized('file')));
    const origin = await net.origin(
      respondWith(sized('', [`Location: http://other.test:${file.port}/`], 'HTTP/1.1 302 Found')),
    );
    const { client } = await streaming(net, `http://first.test:${origin.port}/`, {
      egressProxy: egress.url,
      addresses: 'any',
    });
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('file');
    expect(egress.requests.map(({ target }) => target)).toEqual([
      `first.test:${origin.port}`,
      `other.test:${file.port}`,
    ]);
  });

  test('shares connections only between calls with the same egress proxy [Node]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('file')));
    const first = await startConnectProxy(net);
    const second = await startConnectProxy(net);
    for (const egress of [first, first, second]) {
      const { client } = await streaming(net, `http://shared.test:${origin.port}/`, {
        egressProxy: egress.url,
        addresses: 'any',
      });
      await client.get('/');
      await client.readResponse();
    }
    expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
  });
});
