import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib';
import express from 'express';
import { describe, expect } from 'vitest';
import { createProxyMiddleware, fixRequestBody, responseInterceptor } from '../../src/compat.js';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { ask, behind, type Mount, type Options } from './compat-line.js';

const tells = respondWith((head) => sized(head.target));

describe('the path that is asked for', () => {
  test('of a mount point is that of the target, with a slash only where the client sent one [@fastify/http-proxy]', async ({
    net,
  }) => {
    const mount: Mount = (app, proxy) => app.use('/x', proxy);
    const { client } = await behind(net, tells, {}, mount, '/y');
    for (const [target, asked] of [
      ['/x?a=1', '/y?a=1'],
      ['/x', '/y'],
      ['/x/?a=1', '/y/?a=1'],
      ['/x/z?a', '/y/z?a'],
    ] as const)
      expect(await ask(client, target)).toBe(asked);
  });

  test('of the root is that of the target [http-proxy-middleware]', async ({ net }) => {
    const { client } = await behind(net, tells, {}, undefined, '/y');
    expect(await ask(client, '/')).toBe('/y');
  });

  test('begins with a slash where middleware has left none [http-proxy-middleware]', async ({ net }) => {
    const mount: Mount = (app, proxy) =>
      app.use((request, response, next) => {
        request.url = request.url.replace(/^\/api/, '');
        void proxy(request, response, next);
      });
    const { client } = await behind(net, tells, {}, mount);
    expect(await ask(client, '/api?foo')).toBe('/?foo');
    expect(await ask(client, '/api')).toBe('/');
  });
});

describe('responseInterceptor()', () => {
  const intercepts = (interceptor: Parameters<typeof responseInterceptor>[0]): Options => ({
    selfHandleResponse: true,
    on: { proxyRes: responseInterceptor(interceptor) },
  });

  test('sets status, fields and cookies, and removes fields, by the response [http-proxy-middleware]', async ({
    net,
  }) => {
    const script = respondWith(() =>
      sized('Hello', [
        'Content-Type: text/plain',
        'X-Powered-By: origin',
        'X-Kept: 1',
        'X-Kept: 2',
        'Set-Cookie: theirs=1',
        'ETag: "1"',
      ]),
    );
    const { client } = await behind(
      net,
      script,
      intercepts((content, proxyRes, _, response) => {
        expect(response.getHeader('content-type')).toBe('text/plain');
        expect([proxyRes.statusCode, response.statusCode]).toEqual([200, 200]);
        response.statusCode = 418;
        response.setHeader('Content-Type', 'application/json');
        response.setHeader('X-New', 'a');
        response.removeHeader('x-powered-by');
        response.appendHeader('Set-Cookie', 'ours=2');
        return `${content.toString()}, 文`;
      }),
      (app, proxy) =>
        app.use((_, response, next) => {
          response.setHeader('X-Before', '1');
          next();
        }, proxy),
    );
    await client.get('/');
    const { head, content } = await client.readResponse();
    expect(head.startLine).toBe("HTTP/1.1 418 I'm a Teapot");
    expect(content.toString()).toBe('Hello, 文');
    expect(head.lines).toEqual(
      expect.arrayContaining(['X-Kept: 1', 'X-Kept: 2', 'X-New: a', 'Content-Type: application/json']),
    );
    expect(head.get('x-before')).toBe('1');
    expect(head.getAll('set-cookie')).toEqual(['theirs=1', 'ours=2']);
    expect(head.get('content-length')).toBe('10');
    expect(['x-powered-by', 'etag', 'transfer-encoding'].filter((name) => head.has(name))).toEqual([]);
  });

  const coded: [coding: string, content: Buffer][] = [
    ['br', brotliCompressSync('Hello')],
    ['GZIP', gzipSync('Hello')],
    ['deflate', deflateRawSync('Hello')],
    ['gzip, br', brotliCompressSync(gzipSync('Hello'))],
    ['gzip', Buffer.alloc(0)],
  ];
  test.for(coded)('gets content in %s decoded [http-proxy-middleware]', async ([coding, bytes], { net }) => {
    const { client } = await behind(
      net,
      respondWith(() => sized(bytes, [`Content-Encoding: ${coding}`])),
      intercepts((content) => content),
    );
    await client.get('/');
    const { head, content } = await client.readResponse();
    expect(content.toString()).toBe(bytes.length === 0 ? '' : 'Hello');
    expect(head.has('content-encoding')).toBe(false);
  });

  test('gets content in a coding that is not known as it came, and the head says so [RFC 9110 8.4]', async ({
    net,
  }) => {
    const { client } = await behind(
      net,
      respondWith(() => sized('x', ['Content-Encoding: gzip, dcb'])),
      intercepts((content) => content),
    );
    await client.get('/');
    const { head, content } = await client.readResponse();
    expect([head.get('content-encoding'), content.toString()]).toEqual(['gzip, dcb', 'x']);
  });

  test('that throws leaves nothing of the target in the answer of the error handler [Express]', async ({
    net,
  }) => {
    const { client } = await behind(
      net,
      respondWith(() => sized('Hello', ['X-Secret: 1', 'Content-Type: image/png'])),
      intercepts(() => {
        throw new Error('no');
      }),
    );
    await client.get('/');
    const { head } = await client.readResponse();
    expect([head.startLine, head.has('x-secret')]).toEqual(['HTTP/1.1 502 Bad Gateway', false]);
  });

  test('is called for content that says no-transform, and not for a response without content [RFC 9110 6.4.1]', async ({
    net,
  }) => {
    let calls = 0;
    const script = respondWith(({ target }) =>
      target === '/none'
        ? Buffer.from('HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n')
        : sized('x', ['Cache-Control: no-transform']),
    );
    const { client } = await behind(
      net,
      script,
      intercepts(() => {
        calls += 1;
        return 'changed';
      }),
    );
    expect(await ask(client, '/')).toBe('changed');
    await client.get('/none');
    const { head } = await client.readResponse();
    expect([head.status, head.has('content-encoding'), calls]).toEqual([204, false, 1]);
  });
});

describe('responseInterceptor() that makes what nobody can send', () => {
  test.for<[what: string, interceptor: Parameters<typeof responseInterceptor>[0]]>([
    ['an object', () => ({}) as unknown as string],
    ['nothing', async () => undefined as unknown as string],
    ['a status that is none', (content, _, __, response) => ((response.statusCode = 99), content)],
  ])('%s leaves the response to the error handler as it was [Express]', async ([, interceptor], { net }) => {
    const { client } = await behind(
      net,
      respondWith(sized('Hello', ['Content-Type: text/plain'], 'HTTP/1.1 200 Fine')),
      { selfHandleResponse: true, on: { proxyRes: responseInterceptor(interceptor) } },
      (app, proxy) =>
        app.use((_, response, next) => {
          response.setHeader('X-Before', '1');
          next();
        }, proxy),
    );
    await client.get('/');
    const { head } = await client.readResponse();
    expect([head.startLine, head.get('x-before'), head.get('content-type')]).toEqual([
      'HTTP/1.1 502 Bad Gateway',
      '1',
      'text/html; charset=utf-8',
    ]);
  });
});

describe('fixRequestBody(proxyReq, request)', () => {
  const echoes = respondWith((head, bytes) =>
    sized(`${head.get('x-key')} ${head.get('content-length')} ${bytes.toString('latin1')}`),
  );
  const post = (type: string, content: string): string =>
    `POST / HTTP/1.1\r\nHost: test\r\nContent-Type: ${type}\r\nContent-Length: ${content.length}\r\n\r\n${content}`;

  test('called by hand sends what on.proxyReq has made of request.body [http-proxy-middleware]', async ({
    net,
  }) => {
    const { client } = await behind(
      net,
      echoes,
      {
        on: {
          proxyReq(proxyReq, request) {
            (request.body as { limit?: number }).limit = 25;
            proxyReq.setHeader('X-Key', 'k');
            fixRequestBody(proxyReq, request);
          },
        },
      },
      (app, proxy) => app.use(express.json(), proxy),
    );
    await client.send(post('application/json', '{"a": 1}'));
    expect((await client.readResponse()).content.toString()).toBe('k 18 {"a":1,"limit":25}');
  });

  test.for<[how: string, proxyReq: typeof fixRequestBody]>([
    ['called by hand', (proxyReq, request) => fixRequestBody(proxyReq, request)],
    ['as the handler', fixRequestBody],
  ])(
    '%s makes text anew, in the charset of the Content-Type that is sent [http-proxy-middleware]',
    async ([, proxyReq], { net }) => {
      const { client } = await behind(
        net,
        echoes,
        { headers: { 'X-Key': 'k' }, on: { proxyReq } },
        (app, proxy) => app.use(express.text(), proxy),
      );
      await client.send(Buffer.from(post('text/plain; charset=iso-8859-1', 'caf\xe9'), 'latin1'));
      expect((await client.readResponse()).content.toString('latin1')).toBe('k 4 café');
    },
  );

  test('leaves content alone that nothing has read [http-proxy-middleware]', async ({ net }) => {
    const { client } = await behind(net, echoes, {
      headers: { 'X-Key': 'k' },
      on: { proxyReq: (proxyReq, request) => fixRequestBody(proxyReq, request) },
    });
    await client.send(post('application/json', '{ "a": 1 }'));
    expect((await client.readResponse()).content.toString()).toBe('k 10 { "a": 1 }');
  });

  test('that is not called leaves a request refused whose content was read [Sluiceway]', async ({ net }) => {
    const { client, origin } = await behind(net, echoes, { on: { proxyReq: () => {} } }, (app, proxy) =>
      app.use(express.json(), proxy),
    );
    await client.send(post('application/json', '{}'));
    expect((await client.readResponse()).head.status).toBe(500);
    expect(origin.total).toBe(0);
  });
});

describe('a Location of the target', () => {
  const rows: [name: string, options: Options, location: string, expected: string][] = [
    ['autoRewrite: a path', { autoRewrite: true }, '/new?x', 'http://test/new?x'],
    ['autoRewrite: a relative path', { autoRewrite: true }, 'new', 'http://test/a/new'],
    ['autoRewrite: no scheme', { autoRewrite: true }, '//SELF/new', 'http://test/new'],
    ['hostRewrite: no scheme', { hostRewrite: 'shop.test:81' }, '//SELF/new', 'http://shop.test:81/new'],
    ['both rewrites: a path', { autoRewrite: true, protocolRewrite: 'https' }, '/new', 'https://test/new'],
    ['protocolRewrite: no scheme', { protocolRewrite: 'https' }, '//SELF/new', 'https://SELF/new'],
    ['protocolRewrite: a path', { protocolRewrite: 'https' }, '/new', '/new'],
    ['autoRewrite: another host', { autoRewrite: true }, '//else.test/new', '//else.test/new'],
    ['autoRewrite: a path of two slashes', { autoRewrite: true }, 'http://SELF//a', 'http://test//a'],
    ['autoRewrite: a backslash', { autoRewrite: true }, '/\\else.test/', '/\\else.test/'],
  ];
  test.for(rows)(
    'under %s names this server where it named the target, and passes otherwise [httpxy]',
    async ([, options, location, expected], { net }) => {
      let self = '';
      const script = respondWith(() =>
        sized('', [`Location: ${location.replace('SELF', self)}`], 'HTTP/1.1 302 Found'),
      );
      const line = await behind(net, script, options);
      self = `127.0.0.1:${line.origin.port}`;
      await line.client.get('/a/b');
      const { head } = await line.client.readResponse();
      expect(head.get('location')).toBe(expected.replace('SELF', self));
    },
  );
});

describe('two middlewares in a row', () => {
  test('are no loop, and one that asks itself is [RFC 9110 7.6.3]', async ({ net }) => {
    const inner = await behind(net, tells, {});
    const outer = createProxyMiddleware({ target: `http://127.0.0.1:${inner.app.port}` });
    const { client } = await behind(net, tells, {}, (app) => app.use('/outer', outer));
    net.cleanup(() => outer.close());
    expect(await ask(client, '/outer/a')).toBe('/a');

    let port = 0;
    const looped = await behind(net, tells, { router: () => `http://127.0.0.1:${port}` });
    ({ port } = looped.app);
    expect(await ask(looped.client, '/')).toBe('508');
  });

  test('have the name that they are given in Via [RFC 9110 7.6.3]', async ({ net }) => {
    const { client } = await behind(
      net,
      respondWith((head) => sized(head.get('via') ?? '')),
      { name: 'edge' },
    );
    expect(await ask(client, '/')).toBe('1.1 edge');
  });
});

describe('timeout', () => {
  test('runs while the target is waited for [http-proxy]', async ({ net }) => {
    const { client } = await behind(net, async (connection) => void (await connection.closed), {
      timeout: 20,
      proxyTimeout: 60_000,
    });
    expect(await ask(client, '/')).toBe('504');
  });
});

describe('functions as router and pathRewrite', () => {
  test('get the request, the response and options for this request [http-proxy-middleware]', async ({
    net,
  }) => {
    const { client, origin } = await behind(
      net,
      respondWith((head) => sized(`${head.target} ${head.get('x-user')}`)),
      ({ url }) => ({
        router(request, response, options) {
          expect(request.url).toBe('/a');
          options.headers = { 'X-User': String(response?.locals['user']) };
          return url;
        },
        pathRewrite(path, request, response, options) {
          return `${path}${request.method}${String(response?.headersSent)}${String(options.headers?.['X-User'])}`;
        },
      }),
      (app, proxy) =>
        app.use((_, response, next) => {
          response.locals['user'] = 'ann';
          next();
        }, proxy),
    );
    expect(await ask(client, '/a')).toBe('/aGETfalseann ann');
    expect(origin.total).toBe(1);
  });

  test('fail the request where they change what cannot be another one for a request [Sluiceway]', async ({
    net,
  }) => {
    const causes: string[] = [];
    const { client } = await behind(net, tells, {
      router(_, __, options) {
        options.changeOrigin = true;
        return undefined;
      },
      on: { error: ({ cause }) => void causes.push(String(cause)) },
    });
    expect(await ask(client, '/')).toBe('500');
    expect(causes[0]).toContain('has changed changeOrigin');
  });

  const falsy = [
    ['null', null],
    ['undefined', undefined],
    ['an empty string', ''],
    ['false', false],
  ] as const;
  test.for(falsy)(
    'leave the target where router returns %s [http-proxy-middleware]',
    async ([, value], { net }) => {
      const { client } = await behind(net, tells, { router: () => value });
      expect(await ask(client, '/a')).toBe('/a');
    },
  );
});
