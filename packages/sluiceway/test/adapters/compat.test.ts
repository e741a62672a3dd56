import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import express from 'express';
import { describe, expect } from 'vitest';
import { createProxyMiddleware, fixRequestBody, responseInterceptor } from '../../src/compat.js';
import { OptionsError } from '../../src/index.js';
import { test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { problemsOf } from '../support/problems.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { chunked, sized } from '../support/through.js';
import { until } from '../support/until.js';
import { listen } from './adapter-under-test.js';
import { ask, behind, type Mount, type Options } from './compat-line.js';

/** An origin server that says what it was asked for. */
const tells = respondWith((head) => sized(`${head.get('host')}${head.target}`, ['X-Removed: 1']));

describe('the recipe of http-proxy-middleware', () => {
  test('for a path of Express takes the path off, and puts that of the target before it [http-proxy-middleware]', async ({
    net,
  }) => {
    const mount: Mount = (app, proxy) => app.use('/api', proxy);
    const { client } = await behind(net, tells, {}, mount, '/base');
    expect(await ask(client, '/api/foo/bar?q=%20')).toBe('test/base/foo/bar?q=%20');
  });

  test('for virtual hosts gives the target its own Host, and the one of the client otherwise [http-proxy-middleware]', async ({
    net,
  }) => {
    const changed = await behind(net, tells, { changeOrigin: true });
    expect(await ask(changed.client, '/a')).toBe(`127.0.0.1:${changed.origin.port}/a`);
    const kept = await behind(net, tells, { changeOrigin: false });
    expect(await ask(kept.client, '/a')).toBe('test/a');
  });

  const filters: [name: string, filter: Options['pathFilter'], proxied: string[], left: string[]][] = [
    ['a path', '/api', ['/api', '/api/a', '/apis'], ['/', '/ap', '/a/api', '/api/../b']],
    ['several paths', ['/api', '/rest'], ['/api/a', '/rest/b'], ['/soap']],
    [
      'a glob',
      '/api/**/*.json',
      ['/api/a.json', '/api/b/c/a.json'],
      ['/api/a.xml', '/a.json', '/api/.a.json'],
    ],
    ['a glob for all', '**', ['/', '/a/b.html'], []],
    ['a glob of one level', '/*.html', ['/a.html'], ['/a/b.html']],
    ['several globs', ['/api/**/*.json', '/rest/**'], ['/api/a.json', '/rest/a/b'], ['/api/a']],
    ['globs with an exception', ['/api/**', '!**/bad.json'], ['/api/good.json'], ['/api/bad.json', '/x']],
    ['a glob with a choice', '/{a,b}/?', ['/a/1', '/b/2'], ['/c/1', '/a/12']],
    ['a function', (path, { method }) => path.startsWith('/api') && method === 'GET', ['/api/a'], ['/b']],
  ];
  test.for(filters)(
    'for %s as pathFilter leaves other requests to the next middleware [http-proxy-middleware]',
    async ([, pathFilter, proxied, left], { net }) => {
      const { client } = await behind(net, tells, pathFilter === undefined ? {} : { pathFilter });
      for (const path of proxied) expect(await ask(client, path)).toBe(`test${path}`);
      for (const path of left) expect(await ask(client, path), path).toBe('404');
    },
  );

  const rewrites: [name: string, rewrite: Options['pathRewrite'], path: string, sent: string][] = [
    ['rewrites a path', { '^/api/old': '/api/new' }, '/api/old/a?b', '/api/new/a?b'],
    ['removes a path', { '^/api/': '/' }, '/api/lorum/ipsum', '/lorum/ipsum'],
    ['adds a path', { '^/': '/extra/' }, '/api/a', '/extra/api/a'],
    ['leaves nothing', { '^/socket': '' }, '/socket', '/'],
    ['fits with its first rule only', { '^/a': '/b', '^/b': '/c' }, '/a', '/b'],
    ['asks a function', (path) => path.replace('/foo', '/bar'), '/foo/a', '/bar/a'],
    ['waits for a function', async (path) => `${path}?x`, '/foo', '/foo?x'],
    ['keeps what a function says nothing about', () => undefined, '/foo', '/foo'],
  ];
  test.for(rewrites)(
    'for pathRewrite %s [http-proxy-middleware]',
    async ([, pathRewrite, path, sent], { net }) => {
      const { client } = await behind(net, tells, pathRewrite === undefined ? {} : { pathRewrite });
      expect(await ask(client, path)).toBe(`test${sent}`);
    },
  );

  test('for a router goes by host, by path, by both, or by a function [http-proxy-middleware]', async ({
    net,
  }) => {
    const table = await behind(net, tells, ({ url, port }) => ({
      router: {
        'integration.test': `${url}/1`,
        'test/api': { host: '127.0.0.1', port, pathname: '/2' },
        '/rest': `${url}/3`,
      },
    }));
    expect(await ask(table.client, '/rest/a')).toBe('test/3/rest/a');
    expect(await ask(table.client, '/api/a')).toBe('test/2/api/a');
    expect(await ask(table.client, '/else')).toBe('test/else');
    await table.client.send('GET /a HTTP/1.1\r\nHost: integration.test\r\n\r\n');
    expect((await table.client.readResponse()).content.toString()).toBe('integration.test/1/a');

    const called = await behind(net, tells, ({ url }) => ({
      router: async ({ query }) => (typeof query['to'] === 'string' ? `${url}/${query['to']}` : undefined),
    }));
    expect(await ask(called.client, '/a?to=x')).toBe('test/x/a?to=x');
    expect(await ask(called.client, '/a')).toBe('test/a');
  });

  test('for events changes heads both ways [http-proxy-middleware]', async ({ net }) => {
    let seen: RequestHead | undefined;
    const events: string[] = [];
    const script = respondWith((head) => {
      seen = head;
      return sized('x', ['X-Removed: 1', 'Set-Cookie: a=1', 'Set-Cookie: b=2', 'X-Kept: 1', 'X-Kept: 2']);
    });
    const { client } = await behind(net, script, {
      headers: { 'X-Static': 'yes' },
      auth: 'user:secret',
      on: {
        start: ({ url }, _, target) => void events.push(`start ${url} ${target.hostname}`),
        proxyReq(proxyReq, { originalUrl }) {
          proxyReq.setHeader('x-added', `${proxyReq.method} ${proxyReq.path} ${originalUrl}`);
          proxyReq.removeHeader('accept');
          expect([proxyReq.hasHeader('Accept'), proxyReq.getHeader('x-static')]).toEqual([false, 'yes']);
        },
        async proxyRes(proxyRes, _, response) {
          await Promise.resolve();
          proxyRes.headers['x-added'] = 'foobar';
          delete proxyRes.headers['x-removed'];
          response.setHeader('X-Direct', '1');
          proxyRes.statusCode = 203;
        },
        end: () => void events.push('end'),
      },
    });
    await client.get('/a', ['Accept: */*']);
    const { head } = await client.readResponse();
    expect(seen?.lines).toEqual(
      expect.arrayContaining([
        'X-Static: yes',
        'x-added: GET /a /a',
        'Authorization: Basic dXNlcjpzZWNyZXQ=',
      ]),
    );
    expect(seen?.has('accept')).toBe(false);
    expect([head.status, head.get('x-added'), head.has('x-removed'), head.get('x-direct')]).toEqual([
      203,
      'foobar',
      false,
      '1',
    ]);
    expect(head.getAll('set-cookie')).toEqual(['a=1', 'b=2']);
    expect(head.getAll('x-kept')).toEqual(['1', '2']);
    await until(() => events.length === 2, 'the events were there');
    expect(events).toEqual(['start /a 127.0.0.1', 'end']);
  });

  test('for errors lets on.error answer, or else the error handler [http-proxy-middleware]', async ({
    net,
  }) => {
    const hangsUp: OriginScript = async (connection) => {
      await connection.readHead();
      connection.end();
    };
    const answered = await behind(net, hangsUp, {
      on: {
        error(error, request, response, target) {
          if (!('writeHead' in response)) throw error;
          response.writeHead(500, { 'Content-Type': 'text/plain' });
          response.end(`${request.url} ${target?.hostname} ${error.message}`);
        },
      },
    });
    await answered.client.get('/a');
    const { head, content } = await answered.client.readResponse();
    expect([head.status, content.toString()]).toEqual([
      500,
      '/a 127.0.0.1 The origin server closed the connection.',
    ]);
    const left = await behind(net, hangsUp, {});
    expect(await ask(left.client, '/a')).toBe('502');
  });

  test('for a client that leaves calls on.econnreset, and not on.error [http-proxy-middleware]', async ({
    net,
  }) => {
    const events: string[] = [];
    const { client, origin } = await behind(net, async (connection) => void (await connection.readAll()), {
      on: { econnreset: () => void events.push('left'), error: () => void events.push('error') },
    });
    await client.get('/');
    await until(() => origin.total === 1, 'the origin server was asked');
    client.close();
    await until(() => events.length > 0, 'the event was there');
    expect(events).toEqual(['left']);
  });

  test('for body parsers sends again what they have read [http-proxy-middleware]', async ({ net }) => {
    const { client } = await behind(
      net,
      respondWith((_, bytes) => sized(bytes)),
      { on: { proxyReq: fixRequestBody } },
      (app, proxy) => app.use(express.json()).use(proxy),
    );
    await client.send(
      'POST / HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"a": 1 }',
    );
    expect((await client.readResponse()).content.toString()).toBe('{"a":1}');
  });

  test('for posts that are modified takes request.body as middleware before has left it [http-proxy-middleware]', async ({
    net,
  }) => {
    const { client } = await behind(
      net,
      respondWith((_, bytes) => sized(bytes)),
      { reuseParsedBody: true },
      (app, proxy) =>
        app
          .use(express.urlencoded({ extended: false }), (request, _, next) => {
            (request.body as Record<string, string>)['injected'] = 'server-only';
            next();
          })
          .use(proxy),
    );
    await client.send(
      'POST / HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=1',
    );
    expect((await client.readResponse()).content.toString()).toBe('a=1&injected=server-only');
  });

  const replies: [name: string, response: Buffer, expected: string][] = [
    ['text', sized('Hello', ['Content-Type: text/plain', 'ETag: "1"']), 'Goodbye'],
    ['coded text', sized(gzipSync('Hello'), ['Content-Encoding: gzip']), 'Goodbye'],
    ['text of unknown length', chunked(['Hel', 'lo']), 'Goodbye'],
  ];
  test.for(replies)(
    'for responseInterceptor() changes %s, whole and decoded [http-proxy-middleware]',
    async ([, reply, expected], { net }) => {
      const { client } = await behind(
        net,
        respondWith(() => reply),
        {
          selfHandleResponse: true,
          on: {
            proxyRes: responseInterceptor(async (content, proxyRes, { method }) => {
              expect([proxyRes.statusCode, method]).toEqual([200, 'GET']);
              return content.toString().replace('Hello', 'Goodbye');
            }),
          },
        },
      );
      await client.get('/');
      const { head, content, complete } = await client.readResponse();
      expect([content.toString(), complete]).toEqual([expected, true]);
      expect([head.has('content-encoding'), head.has('etag')]).toEqual([false, false]);
    },
  );

  test('for responseInterceptor() answers 502 where the content has broken off [RFC 9112 8]', async ({
    net,
  }) => {
    const { client } = await behind(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(sized('Hello').subarray(0, -1));
        connection.end();
      },
      { selfHandleResponse: true, on: { proxyRes: responseInterceptor((content) => content) } },
    );
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
  });

  const switches: OriginScript = async (connection) => {
    const head = await connection.readHead();
    await connection.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n${head.target} ${head.get('x-ws')}`,
    );
    connection.end();
  };
  const UPGRADE = ['Connection: Upgrade', 'Upgrade: echo'];

  test('for WebSockets takes them from the server after the first request, under its pathFilter [http-proxy-middleware]', async ({
    net,
  }) => {
    const { client, app } = await behind(net, switches, {
      ws: true,
      pathFilter: '/socket',
      pathRewrite: { '^/socket': '/live' },
      on: { proxyReqWs: (proxyReq) => void proxyReq.setHeader('X-Ws', 'yes') },
    });
    expect(await ask(client, '/else')).toBe('404');
    const other = await net.client(app.port);
    await other.get('/socket/1', UPGRADE);
    expect((await other.readHead()).status).toBe(101);
    expect((await other.readUntilClose()).bytes.toString()).toBe('/live/1 yes');
  });

  test('for a server upgrades without a first request [http-proxy-middleware]', async ({ net }) => {
    const origin = await net.origin(switches);
    const proxy = createProxyMiddleware({ target: origin.url.replace('http', 'ws'), changeOrigin: true });
    const server = createServer();
    server.on('upgrade', proxy.upgrade);
    const app = await listen(server);
    net.cleanup(async () => {
      await app.close();
      await proxy.close();
    });
    const client = await net.client(app.port);
    await client.get('/a', UPGRADE);
    expect((await client.readHead()).status).toBe(101);
  });
});

describe('the option of http-proxy', () => {
  const paths: [name: string, options: Options, sent: string][] = [
    ['prependPath: false leaves the path of the target out', { prependPath: false }, 'test/a?b'],
    ['ignorePath takes the target as it is', { ignorePath: true }, 'test/base'],
  ];
  test.for(paths)('%s [http-proxy]', async ([, options, sent], { net }) => {
    const { client } = await behind(net, tells, options, undefined, '/base');
    expect(await ask(client, '/a?b')).toBe(sent);
  });

  test('xfwd tells the target of the client, and nothing where it is false [http-proxy]', async ({ net }) => {
    for (const [xfwd, expected] of [
      [true, ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Host: test', 'X-Forwarded-Proto: http']],
      [false, []],
    ] as const) {
      let lines: readonly string[] = [];
      const script = respondWith((head) => {
        ({ lines } = head);
        return sized('x');
      });
      const { client } = await behind(net, script, { xfwd });
      await client.get('/', ['X-Forwarded-For: 6.6.6.6']);
      await client.readResponse();
      expect(lines.filter((line) => /^x-forwarded/i.test(line))).toEqual(expected);
    }
  });

  test('cookieDomainRewrite and cookiePathRewrite change cookies, by value or for all [http-proxy]', async ({
    net,
  }) => {
    const cookies = ['Set-Cookie: a=1; Domain=old.test; Path=/x', 'Set-Cookie: b=2; Domain=other.test'];
    const { client } = await behind(
      net,
      respondWith(() => sized('x', cookies)),
      {
        cookieDomainRewrite: { 'old.test': 'new.test', '*': '' },
        cookiePathRewrite: '/y',
      },
    );
    await client.get('/');
    expect((await client.readResponse()).head.getAll('set-cookie')).toEqual([
      'a=1; Domain=new.test; Path=/y',
      'b=2',
    ]);
  });

  const locations: [name: string, options: Options, expected: string][] = [
    ['hostRewrite', { hostRewrite: 'shop.test' }, 'http://shop.test/new'],
    ['autoRewrite', { autoRewrite: true }, 'http://test/new'],
    ['protocolRewrite', { hostRewrite: 'shop.test', protocolRewrite: 'https' }, 'https://shop.test/new'],
  ];
  test.for(locations)(
    '%s changes a Location of the target [http-proxy]',
    async ([, options, expected], { net }) => {
      let url = '';
      const script = respondWith(({ target }) =>
        sized('', [`Location: ${target === '/own' ? url : 'http://else.test'}/new`], 'HTTP/1.1 302 Found'),
      );
      const line = await behind(net, script, options);
      ({ url } = line.origin);
      await line.client.get('/own');
      expect((await line.client.readResponse()).head.get('location')).toBe(expected);
      await line.client.get('/else');
      expect((await line.client.readResponse()).head.get('location')).toBe('http://else.test/new');
    },
  );

  test('followRedirects follows them in place of the client [http-proxy]', async ({ net }) => {
    const script = respondWith(({ target }) =>
      target === '/a' ? sized('', ['Location: /b'], 'HTTP/1.1 302 Found') : sized(target),
    );
    const { client } = await behind(net, script, { followRedirects: true });
    expect(await ask(client, '/a')).toBe('/b');
  });

  test('proxyTimeout ends the wait for the target with 504 [http-proxy]', async ({ net }) => {
    const { client } = await behind(net, async (connection) => void (await connection.closed), {
      proxyTimeout: 20,
    });
    expect(await ask(client, '/a')).toBe('504');
  });
});

describe('what is not supported', () => {
  const target = 'http://127.0.0.1:9';

  test('is refused when the middleware is made, all of it at once, with what to use instead', () => {
    const options = {
      target,
      agent: {},
      secure: false,
      plugins: [() => {}],
      selfHandleResponse: true,
      onProxyReq: () => {},
      changeOrgin: true,
      on: { open: () => {}, proxyReq: 'x' },
      pathFilter: ['/a', '/b/*'],
    };
    // What callers in JavaScript may write.
    const problems = problemsOf(() => createProxyMiddleware(options as object));
    expect(problems).toEqual([
      'agent is not supported: use createProxy with upstream.connections, upstream.egressProxy or transport',
      'plugins is not supported: use the hooks and observers of createProxy',
      'onProxyReq is not supported: use on.proxyReq',
      "changeOrgin is not an option; did you mean 'changeOrigin'?",
      'pathFilter must not mix paths with globs',
      'on.open is not supported: use onUpstreamResponse of createProxy, with the status 101',
      'on.proxyReq must be a function, not string',
      'selfHandleResponse requires on.proxyRes: responseInterceptor(…); use onUpstreamResponse or transform',
      'secure must not be false: trust the certificate of the target by target.ca',
    ]);
  });

  test('is a target that is none, a glob that is not understood, and the way of older versions', () => {
    for (const options of [
      {},
      { target: 'localhost' },
      { target: { host: 'a', pfx: 'x' } },
      { target, pathFilter: '/+(a|b)' },
      { target, pathRewrite: { '(': '' } },
      '/api',
    ])
      expect(() => createProxyMiddleware(options as object)).toThrow(OptionsError);
  });

  test('is writing to what is sent and reading what comes, which ends the request with the reason', async ({
    net,
  }) => {
    const causes: string[] = [];
    for (const on of [
      { proxyReq: (proxyReq: { write(): void }) => proxyReq.write() },
      { proxyRes: (proxyRes: { pipe(): void }) => proxyRes.pipe() },
    ] satisfies Options['on'][]) {
      const { client } = await behind(net, tells, {
        on: { ...on, error: (error) => void causes.push(String(error.cause)) },
      });
      expect(await ask(client, '/')).toBe('500');
    }
    expect(causes).toEqual([
      expect.stringContaining('proxyReq.write() is not supported: change request.body'),
      expect.stringContaining('proxyRes.pipe() is not supported: the response is relayed anyway'),
    ]);
  });
});
