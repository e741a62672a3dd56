import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { describe, expect } from 'vitest';
import { createProxyMiddleware } from '../../src/compat.js';
import { toExpress } from '../../src/express.js';
import { attach, createProxy, stripPrefix } from '../../src/index.js';
import { loopbackCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { startHttp2Server } from '../support/node-http2.js';
import { respondWith } from '../support/raw-origin.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { sized } from '../support/through.js';

interface Asked {
  /** The lines of the client's request, without those of its target and connection. */
  lines: string[];
  /** Of the upstream. */
  path?: string;
  prefix?: string;
  target?: string;
  method?: string;
  tls?: boolean;
  options?: Omit<ProxyOptions, 'upstream'>;
}

interface Answered {
  status: number;
  /** What the origin server got, with `{up}` for its own authority; null where it was not asked. */
  seen: { get(name: string): string | undefined } | null;
}

async function ask(net: Network, { path = '', prefix = '', ...asked }: Asked): Promise<Answered> {
  let head: RequestHead | null = null;
  const origin = await net.origin(
    respondWith((received) => {
      head = received;
      return sized('', [], 'HTTP/1.1 201 Created');
    }),
  );
  const certificate = asked.tls === true ? await loopbackCertificate() : undefined;
  const proxy = createProxy({ upstream: origin.url + path, ...asked.options });
  const running = await startServer(undefined, certificate && { tls: certificate });
  attach(running.server, prefix === '' ? proxy : stripPrefix(prefix, proxy));
  net.cleanup(() => running.stop());
  net.cleanup(() => proxy.close());
  const client = await net.client(running, certificate && { tls: { ca: certificate.ca } });
  const { method = 'MOVE', target = `${prefix}/a` } = asked;
  await client.send([`${method} ${target} HTTP/1.1`, ...asked.lines, '', ''].join('\r\n'));
  const { status } = (await client.readResponse()).head;
  const got = head as RequestHead | null;
  const seen = got && {
    get: (name: string) => got.get(name)?.replaceAll(`127.0.0.1:${origin.port}`, '{up}'),
  };
  return { status, seen };
}

const destination = async (net: Network, value: string, asked: Partial<Asked> = {}): Promise<unknown> => {
  const lines = ['Host: files.test', `Destination: ${value}`, 'Overwrite: F', ...(asked.lines ?? [])];
  const { status, seen } = await ask(net, { ...asked, lines });
  if (seen !== null) expect(seen.get('overwrite')).toBe('F');
  return seen?.get('destination') ?? status;
};

describe('the Destination of a WebDAV request', () => {
  test.for([
    ['a URL of the proxy', 'http://files.test/b%2Fc?d', {}, 'http://{up}/b%2Fc?d'],
    ['an absolute path', '/b', {}, '/b'],
    ['a URL, below a base path', 'http://files.test/b', { path: '/dav' }, 'http://{up}/dav/b'],
    ['a path, below a base path', '/b', { path: '/dav/' }, '/dav/b'],
    ['a URL behind stripPrefix', 'http://files.test/m/b', { prefix: '/m' }, 'http://{up}/b'],
    ['a path behind stripPrefix', '/m/b', { prefix: '/m', path: '/dav' }, '/dav/b'],
    ['a URL of a proxy with TLS', 'https://files.test:443/b', { tls: true }, 'http://{up}/b'],
    ['a URL of a front that ends TLS and does not say so', 'https://files.test/b', {}, 'http://{up}/b'],
    ['a URL, of a COPY', 'http://files.test/b', { method: 'COPY' }, 'http://{up}/b'],
    [
      'a URL, of a request in absolute form',
      'http://public.test/b',
      { target: 'http://public.test/a' },
      'http://{up}/b',
    ],
    [
      "a URL where headers.host is 'client'",
      'http://files.test/b',
      { path: '/dav', options: { headers: { host: 'client' } } },
      'http://files.test/dav/b',
    ],
    [
      'a URL by the host, port and prefix that a trusted proxy names',
      'https://public.test:8443/dav/b',
      {
        options: { trustedProxies: ['127.0.0.0/8'] },
        lines: ['X-Forwarded-Host: public.test', 'X-Forwarded-Port: 8443', 'X-Forwarded-Prefix: /dav'],
      },
      'http://{up}/b',
    ],
  ] as const)(
    'names the place on the origin server where it was %s [RFC 4918 10.3]',
    async ([, value, asked, expected], { net }) => {
      expect(
        await destination(net, value, { ...asked, lines: [...('lines' in asked ? asked.lines : [])] }),
      ).toBe(expected);
    },
  );

  test.for([
    ['another host', 'http://other.test/b', {}],
    ['another port', 'http://files.test:8080/b', {}],
    ['a path outside of the prefix', 'http://files.test/b', { prefix: '/m' }],
    [
      'a host that a proxy names that is not trusted',
      'http://public.test/b',
      { lines: ['X-Forwarded-Host: public.test'] },
    ],
    [
      "a URL of the proxy, and headers.destination is 'pass'",
      'http://files.test/b',
      { options: { headers: { destination: 'pass' } } },
    ],
  ] as const)('passes as it is where it was %s [RFC 4918 10.3]', async ([, value, asked], { net }) => {
    expect(
      await destination(net, value, { ...asked, lines: [...('lines' in asked ? asked.lines : [])] }),
    ).toBe(value);
  });

  test.for(['http://files.test/../b', '/%2e%2e/b', 'http://{host}/b', '../b'])(
    'is refused with 400 where the origin server would look outside of the base path: %s [Sluiceway]',
    async (value, { net }) => {
      const headers = { host: 'inner.test' } as const;
      const at = value.replace('{host}', 'inner.test');
      expect(await destination(net, at, { path: '/dav', options: { headers } })).toBe(400);
    },
  );

  test('is left to a rule or a hook that sets it [Sluiceway]', async ({ net }) => {
    const mine = 'http://files.test/mine';
    const headers = { request: { set: { Destination: mine } } };
    expect(await destination(net, '/b', { path: '/dav', options: { headers } })).toBe(mine);
    const onUpstreamRequest: NonNullable<ProxyOptions['onUpstreamRequest']> = ({
      upstreamRequest,
      request,
    }) => {
      expect(request.headers.get('destination')).toBe('/b');
      upstreamRequest.headers.set('Destination', mine);
    };
    expect(await destination(net, '/b', { path: '/dav', options: { onUpstreamRequest } })).toBe(mine);
  });

  test('follows the upstream that a hook chooses, and passes where the hook has changed the path [Sluiceway]', async ({
    net,
  }) => {
    const chosen = await destination(net, 'http://files.test/b', {
      path: '/dav',
      options: {
        onUpstreamRequest: ({ upstreamRequest }) =>
          upstreamRequest.setTarget(`http://${upstreamRequest.target.base.host}/other`),
      },
    });
    expect(chosen).toBe('http://{up}/other/b');
    const changed = await destination(net, 'http://files.test/b', {
      options: { onUpstreamRequest: ({ upstreamRequest }) => void (upstreamRequest.path = '/x/a') },
    });
    expect(changed).toBe('http://files.test/b');
    const query = await destination(net, 'http://files.test/b', {
      options: { onUpstreamRequest: ({ upstreamRequest }) => void (upstreamRequest.path += '?key') },
    });
    expect(query).toBe('http://{up}/b');
  });

  test('is mapped below the mount path of a framework, and passes where the path was rewritten [Sluiceway]', async ({
    net,
  }) => {
    const seen: unknown[] = [];
    const origin = await net.origin(
      respondWith((head) => {
        seen.push(head.get('destination')?.replace(head.get('host') ?? '', '{up}'));
        return sized('');
      }),
    );
    const proxy = createProxy({ upstream: `${origin.url}/dav` });
    const rewriting = createProxyMiddleware({
      target: origin.url,
      changeOrigin: true,
      pathFilter: '/api',
      pathRewrite: { '^/api': '/v1' },
    });
    const mounted = createProxyMiddleware({ target: `${origin.url}/dav`, changeOrigin: true });
    const app = express();
    app.use('/files', toExpress(stripPrefix('/m', proxy)));
    app.use('/compat', mounted);
    app.use(rewriting);
    const running = await startServer(app);
    net.cleanup(() => running.stop());
    net.cleanup(() => Promise.all([proxy.close(), rewriting.close(), mounted.close()]));
    const client = await net.client(running);
    for (const path of ['/files/m/a', '/compat/a', '/api/a']) {
      await client.send(
        `MOVE ${path} HTTP/1.1\r\nHost: files.test\r\nDestination: http://files.test${path}2\r\n\r\n`,
      );
      expect((await client.readResponse()).head.status).toBe(200);
    }
    expect(seen).toEqual(['http://{up}/dav/a2', 'http://{up}/dav/a2', 'http://files.test/api/a2']);
  });

  test('is mapped over HTTP/2 on both sides [RFC 9113 8.3.1]', async ({ net }) => {
    const { connect } = await import('node:http2');
    let seen: unknown[] = [];
    const origin = await startHttp2Server(net, (stream, headers) => {
      seen = [headers['destination'], headers['if']];
      stream.respond({ ':status': 201 });
      stream.end();
    });
    const proxy = createProxy({ upstream: { url: `${origin.url}/dav`, protocol: 'http2' } });
    const server = createServer();
    attach(server, proxy);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    net.cleanup(async () => {
      session.destroy();
      server.close();
      await proxy.close();
    });
    const stream = session.request({
      ':method': 'COPY',
      ':path': '/a',
      ':authority': 'files.test',
      destination: 'http://files.test/b',
      if: '<http://files.test/b> (<urn:uuid:1>)',
    });
    await once(stream.resume(), 'end');
    expect(seen).toEqual([`${origin.url}/dav/b`, `<${origin.url}/dav/b> (<urn:uuid:1>)`]);
  });
});

test('the resource tags of If are mapped as a Destination is, and its tokens are not [RFC 4918 10.4]', async ({
  net,
}) => {
  const lines = [
    'Host: files.test',
    'If: <http://files.test/a> (<http://files.test/token> ["etag"]) </b> (Not <DAV:no-lock>)',
    'Content-Length: 0',
  ];
  const { seen } = await ask(net, { method: 'PUT', path: '/dav', lines });
  expect(seen?.get('if')).toBe(
    '<http://{up}/dav/a> (<http://files.test/token> ["etag"]) </dav/b> (Not <DAV:no-lock>)',
  );
});
