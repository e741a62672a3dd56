import { createServer } from 'node:http';
import { describe, expect } from 'vitest';
import { createProxyMiddleware, responseInterceptor } from '../../src/compat.js';
import { test } from '../support/fixture.js';
import { problemsOf } from '../support/problems.js';
import type { RawResponse } from '../support/raw-client.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { listen } from './adapter-under-test.js';
import { ask, behind, type Options } from './compat-line.js';

const tells = respondWith((head) => sized(head.target));
const hangsUp: OriginScript = async (connection) => {
  await connection.readHead();
  connection.end();
};
const UPGRADE = ['Connection: Upgrade', 'Upgrade: echo'];

const fails = (): never => {
  throw new Error('broken handler');
};
const rejects = async (): Promise<never> => fails();
/** Nothing can be made a string of it. */
const throwsBare = (): never => {
  throw Object.create(null) as Error;
};

/** Everything that is done with it throws, `instanceof` included. */
const throwsRevoked = (): never => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  throw proxy as Error;
};

/** What the process is warned of during a test. */
function watchWarnings(cleanup: (undo: () => void) => void): string[] {
  const warnings: string[] = [];
  const note = ({ message }: Error): void => void warnings.push(message);
  process.on('warning', note);
  cleanup(() => process.off('warning', note));
  return warnings;
}

describe('a handler that throws', () => {
  const rows: [name: string, options: Options, status: string][] = [
    ['pathFilter', { pathFilter: fails }, '404'],
    ['pathFilter, bare', { pathFilter: throwsBare }, '404'],
    ['router', { router: fails }, '500'],
    ['router, bare', { router: throwsBare }, '500'],
    ['router, revoked', { router: throwsRevoked }, '500'],
    ['pathRewrite', { pathRewrite: rejects }, '500'],
    ['on.proxyRes, revoked', { on: { proxyRes: throwsRevoked } }, '502'],
    ['on.start', { on: { start: fails } }, '502'],
    ['on.proxyReq', { on: { proxyReq: fails } }, '502'],
    ['on.proxyReq, bare', { on: { proxyReq: throwsBare } }, '502'],
    ['on.proxyRes', { on: { proxyRes: rejects } }, '502'],
    [
      'responseInterceptor()',
      { selfHandleResponse: true, on: { proxyRes: responseInterceptor(fails) } },
      '502',
    ],
    ['on.end', { on: { end: fails } }, '/a'],
    ['logger', { logger: { info: fails, error: fails } }, '/a'],
    ['logger, revoked', { logger: { info: throwsRevoked, error: fails } }, '/a'],
  ];
  test.for(rows)(
    'as %s ends its request at most [http-proxy-middleware]',
    async ([, options, status], { net }) => {
      const { client } = await behind(net, tells, options);
      expect(await ask(client, '/a')).toBe(status);
      expect(await ask(client, '/a')).toBe(status);
    },
  );

  test.for([
    ['throws', fails],
    ['rejects', rejects],
    ['throws something bare', throwsBare],
  ] as const)(
    'as on.error that %s leaves the failure to the error handler [Express]',
    async ([, error], { net }) => {
      const warnings = watchWarnings(net.cleanup);
      const { client } = await behind(net, hangsUp, { on: { error } });
      expect(await ask(client, '/a')).toBe('502');
      expect(warnings).toEqual([expect.stringContaining('on.error has failed')]);
    },
  );

  test('as pathFilter leaves an upgrade to others who listen [http-proxy-middleware]', async ({ net }) => {
    const proxy = createProxyMiddleware({ target: 'http://127.0.0.1:9', pathFilter: fails });
    const server = createServer();
    server.on('upgrade', proxy.upgrade);
    server.on('upgrade', (_, socket) =>
      socket.end('HTTP/1.1 400 Bad Request\r\nX-By: other\r\nContent-Length: 0\r\n\r\n'),
    );
    const app = await listen(server);
    net.cleanup(async () => {
      await app.close();
      await proxy.close();
    });
    const client = await net.client(app.port);
    await client.get('/', UPGRADE);
    expect((await client.readResponse()).head.get('x-by')).toBe('other');
  });
});

describe('a failed upgrade', () => {
  /** What a client gets of an upgrade whose target hangs up. */
  async function upgradeBy(net: Parameters<typeof behind>[0], options: Options): Promise<RawResponse> {
    const { app } = await behind(net, hangsUp, { ws: true, ...options });
    const first = await net.client(app.port);
    await first.get('/first');
    await first.readResponse();
    const client = await net.client(app.port);
    await client.get('/live', UPGRADE);
    return client.readResponse();
  }

  test('calls on.error with the socket, on which it may answer [http-proxy-middleware]', async ({ net }) => {
    const seen: string[] = [];
    const { head } = await upgradeBy(net, {
      on: {
        error(error, request, socket, target) {
          if ('writeHead' in socket) return;
          seen.push(`${request.url} ${target?.hostname} ${error.message}`);
          socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
        },
      },
    });
    expect(head.status).toBe(503);
    expect(seen).toEqual(['/live 127.0.0.1 The origin server closed the connection.']);
  });

  test('is answered where on.error does not answer it, throws, or is not there [RFC 9110 7.8]', async ({
    net,
  }) => {
    for (const options of [
      {},
      { on: { error: () => {} } },
      { on: { error: fails } },
      { router: fails },
      { router: throwsRevoked },
    ]) {
      const { head } = await upgradeBy(net, options);
      expect([502, 500]).toContain(head.status);
      expect(head.get('content-type')).toBe('application/problem+json');
    }
  });

  test('that pathFilter does not want gets 404 where nothing else listens [RFC 9110 15.5.5]', async ({
    net,
  }) => {
    const { head } = await upgradeBy(net, { pathFilter: '/first' });
    expect(head.status).toBe(404);
  });
});

describe('a request whose socket tells of no server', () => {
  test.for([
    ['null', null],
    ['undefined', undefined],
  ] as const)('(%s) is served with ws [http-proxy-middleware]', async ([, server], { net }) => {
    const proxy = createProxyMiddleware({ target: 'http://127.0.0.1:9', ws: true, pathFilter: '/x' });
    net.cleanup(() => proxy.close());
    let passed = 0;
    const request = { url: '/other', headers: {}, socket: { server } };
    await proxy(request as never, {} as never, () => void (passed += 1));
    expect(passed).toBe(1);
  });
});

describe('options', () => {
  const target = 'http://127.0.0.1:9';

  test('that ask for nothing are no fault [http-proxy-middleware]', () => {
    const idle = {
      agent: undefined,
      plugins: [],
      toProxy: false,
      forward: null,
      ejectPlugins: false,
      http2: false,
      pathRewrite: undefined,
      pathFilter: undefined,
      on: { open: undefined, error: undefined },
    };
    expect(() => createProxyMiddleware({ target, ...idle } as object)).not.toThrow();
    expect(() => createProxyMiddleware({ target, pathRewrite: null })).not.toThrow();
  });

  test('that are none are refused by their own names, all at once [Sluiceway]', () => {
    const wrong = {
      target,
      pathRewrite: '/api',
      router: 'http://127.0.0.1',
      changeOrigin: 'yes',
      auth: 5,
      followRedirects: -1,
      protocolRewrite: 'ftp',
      headers: 'x',
      logger: {},
      on: [],
    };
    expect(problemsOf(() => createProxyMiddleware(wrong as object))).toEqual([
      'pathRewrite must be a function, or an object of replacements by regular expressions',
      'router must be an object, not string',
      'on must be an object, not an array',
      'changeOrigin must be true or false, not "yes"',
      'auth must be a string, not number',
      "protocolRewrite must be one of 'http', 'https', not \"ftp\"",
      'followRedirects must be a whole number from 0 to 100, not -1',
      'headers must be an object, not string',
      'logger must have the methods info and error',
    ]);
    for (const pathRewrite of [[], 5, true, { '^/a': 1 }])
      expect(problemsOf(() => createProxyMiddleware({ target, pathRewrite } as object))).toHaveLength(1);
  });

  test('that createProxy checks are refused by the names that they have here [Sluiceway]', () => {
    const wrong = {
      target,
      headers: { 'Content-Length': '1', host: 'a b' },
      proxyTimeout: -1,
      timeout: -1,
      cookieDomainRewrite: 5,
      name: 'a b',
    };
    expect(problemsOf(() => createProxyMiddleware({ ...wrong, headers: { host: 'a b' } } as object))).toEqual(
      ['headers.host must be a host, with or without a port'],
    );
    expect(
      problemsOf(() => createProxyMiddleware({ ...wrong, headers: { 'Content-Length': '1' } } as object)).map(
        (problem) => problem.split(' ', 1)[0],
      ),
    ).toEqual(
      expect.arrayContaining([
        'headers.Content-Length',
        'proxyTimeout',
        'timeout',
        'cookieDomainRewrite',
        'name',
      ]),
    );
  });

  test('headers.host is the Host of the request, unless changeOrigin is set [http-proxy-middleware]', async ({
    net,
  }) => {
    const script = respondWith((head) => sized(head.getAll('host').join()));
    const given = await behind(net, script, { headers: { HOST: 'upstream', 'X-A': '1' } });
    expect(await ask(given.client, '/')).toBe('upstream');
    const changed = await behind(net, script, { headers: { host: 'a.test' }, changeOrigin: true });
    expect(await ask(changed.client, '/')).toBe(`127.0.0.1:${changed.origin.port}`);
  });
});
