import { describe, expect } from 'vitest';
import { bearer, createProxy } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import type { ResponseHead } from '../support/message-head.js';
import { problemsOf } from '../support/problems.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { streaming } from '../support/stream-from.js';
import { sized, through } from '../support/through.js';

const APP = 'https://app.example.com';
const TOKEN = 'aaaaaaaaaaaaaaaa';

type Cors = Exclude<NonNullable<ProxyOptions['cors']>, false>;

async function withCors(
  net: Network,
  cors: Partial<Cors> = {},
  options: Partial<ProxyOptions> = {},
  script: OriginScript = respondWith(sized('x')),
) {
  const line = await through(net, script, { cors: { origins: [APP], ...cors }, ...options });
  const ask = async (lines: readonly string[], method = 'GET'): Promise<ResponseHead> => {
    await line.client.send([`${method} /a HTTP/1.1`, 'Host: test', ...lines, '\r\n'].join('\r\n'));
    return (await line.client.readResponse({ method })).head;
  };
  const preflight = (wanted = 'PUT', origin = APP, lines: readonly string[] = []) =>
    ask([`Origin: ${origin}`, `Access-Control-Request-Method: ${wanted}`, ...lines], 'OPTIONS');
  return { ...line, ask, preflight };
}

const corsFieldsOf = (head: ResponseHead): string[] =>
  head.lines.filter((line) => /^access-control-|^cross-origin-/i.test(line)).toSorted();

describe('a preflight', () => {
  test('is answered before access is checked and before anything is dialled [WHATWG Fetch 3.3]', async ({
    net,
  }) => {
    const { preflight, origin, running } = await withCors(
      net,
      { methods: ['GET', 'PUT'], headers: ['Authorization'], maxAge: '1h', credentials: true },
      { access: bearer([TOKEN]) },
    );
    const head = await preflight('PUT', APP, ['Access-Control-Request-Headers: authorization']);
    expect(head.status).toBe(204);
    expect(corsFieldsOf(head)).toEqual([
      'Access-Control-Allow-Credentials: true',
      'Access-Control-Allow-Headers: If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Range, Authorization',
      'Access-Control-Allow-Methods: GET, PUT',
      `Access-Control-Allow-Origin: ${APP}`,
      'Access-Control-Max-Age: 3600',
      'Cross-Origin-Resource-Policy: cross-origin',
    ]);
    expect([head.get('vary'), head.has('content-length'), origin.total]).toEqual(['Origin', false, 0]);
    expect((await running.record()).outcome).toBe('answered');
  });

  test('of another origin gets 403 without CORS fields [WHATWG Fetch 3.3]', async ({ net }) => {
    const { preflight, origin } = await withCors(net);
    const head = await preflight('GET', 'https://evil.test');
    expect([head.status, corsFieldsOf(head), head.get('vary'), origin.total]).toEqual([403, [], 'Origin', 0]);
  });

  test('passes to the origin server, with its answer, without the option and for other OPTIONS [RFC 9110 9.3.7]', async ({
    net,
  }) => {
    const script = respondWith(sized('', ['Access-Control-Allow-Origin: *', 'Allow: GET']));
    const plain = await through(net, script);
    await plain.client.send(
      `OPTIONS /a HTTP/1.1\r\nHost: a\r\nOrigin: ${APP}\r\nAccess-Control-Request-Method: GET\r\n\r\n`,
    );
    expect((await plain.client.readResponse()).head.get('access-control-allow-origin')).toBe('*');
    const { ask, origin } = await withCors(net, {}, {}, script);
    const head = await ask([`Origin: ${APP}`], 'OPTIONS');
    expect([head.get('allow'), origin.total]).toEqual(['GET', 1]);
  });

  test('about a private network is answered only if that is allowed [Sluiceway]', async ({ net }) => {
    for (const privateNetwork of [true, false]) {
      const { preflight } = await withCors(net, { privateNetwork });
      const head = await preflight('GET', APP, ['Access-Control-Request-Private-Network: true']);
      expect(head.get('access-control-allow-private-network')).toBe(privateNetwork ? 'true' : undefined);
    }
  });

  test('of any origin is answered with stars, and Authorization by name [WHATWG Fetch 3.3]', async ({
    net,
  }) => {
    const { preflight } = await withCors(net, {
      origins: '*',
      methods: '*',
      headers: '*',
      exposeHeaders: '*',
    });
    const head = await preflight('DELETE', 'null');
    expect(corsFieldsOf(head)).toEqual([
      'Access-Control-Allow-Headers: *, Authorization',
      'Access-Control-Allow-Methods: *',
      'Access-Control-Allow-Origin: *',
      'Access-Control-Max-Age: 86400',
      'Cross-Origin-Resource-Policy: cross-origin',
    ]);
    expect(head.has('vary')).toBe(false);
  });
});

describe('a response', () => {
  test('has the CORS fields of the proxy in place of those of the origin server [WHATWG Fetch 3.3]', async ({
    net,
  }) => {
    const theirs = [
      'Access-Control-Allow-Origin: *',
      'access-control-allow-credentials: true',
      'Access-Control-Expose-Headers: X-Theirs',
      'Vary: Accept-Encoding, Origin',
    ];
    const { ask } = await withCors(net, { exposeHeaders: ['X-Sum'] }, {}, respondWith(sized('x', theirs)));
    const head = await ask([`Origin: ${APP}`]);
    expect(corsFieldsOf(head)).toEqual([
      `Access-Control-Allow-Origin: ${APP}`,
      'Access-Control-Expose-Headers: Accept-Ranges, Content-Disposition, Content-Encoding, Content-Length, Content-Range, ETag, Last-Modified, Retry-After, X-Sum',
      'Cross-Origin-Resource-Policy: cross-origin',
    ]);
    expect(head.getAll('vary')).toEqual(['Accept-Encoding, Origin']);
    expect(corsFieldsOf(await ask(['Origin: https://evil.test']))).toEqual([]);
    expect(corsFieldsOf(await ask([]))).toEqual([]);
  });

  test.for<[string, number, Partial<ProxyOptions>, OriginScript]>([
    ['refused for its credentials', 401, { access: bearer([TOKEN]) }, respondWith(sized(''))],
    ['not found', 404, {}, respondWith(sized('', [], 'HTTP/1.1 404 Not Found'))],
    ['without an origin server', 502, {}, (connection) => connection.end()],
    [
      'of a hook that fails',
      502,
      { onUpstreamResponse: () => Promise.reject(new Error('no')) },
      respondWith(sized('')),
    ],
    ['that is not modified', 304, {}, respondWith('HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n')],
  ])(
    'that is %s has them, too, and tells caches to vary [WHATWG Fetch 3.3]',
    async ([, status, options, script], { net }) => {
      const { ask } = await withCors(net, {}, options, script);
      const head = await ask([`Origin: ${APP}`]);
      expect([head.status, head.get('access-control-allow-origin'), head.get('vary')]).toEqual([
        status,
        APP,
        'Origin',
      ]);
    },
  );

  test.for<[string | RegExp, string, boolean]>([
    ['https://*.example.com', 'https://a.example.com', true],
    ['https://*.example.com', 'https://a.b.example.com', true],
    ['https://*.example.com', 'https://example.com', false],
    ['https://*.example.com', 'http://a.example.com', false],
    ['https://*.example.com', 'https://a.example.com:8443', false],
    ['https://*.example.com:8443', 'https://a.example.com:8443', true],
    ['https://*.example.com', 'https://evil.test/.example.com', false],
    ['https://*.example.com', 'https://evilexample.com', false],
    ['https://*.example.com', 'https://.example.com', false],
    [/https:\/\/pr-\d+\.test/, 'https://pr-12.test', true],
    [/https:\/\/pr-\d+\.test/, 'https://pr-12.test.evil.test', false],
    [/https:\/\/a\.test|https:\/\/b\.test/g, 'https://b.test', true],
    [/https:\/\/a\.test|https:\/\/b\.test/g, 'https://b.test.evil.test', false],
    ['null', 'null', true],
    [APP, 'null', false],
  ])(
    'of a proxy that allows %s, for %s: %s [WHATWG Fetch 3.3]',
    async ([allowed, origin, mayRead], { net }) => {
      const { ask } = await withCors(net, { origins: [allowed] });
      for (let i = 0; i < 2; i += 1)
        expect((await ask([`Origin: ${origin}`])).get('access-control-allow-origin')).toBe(
          mayRead ? origin : undefined,
        );
    },
  );

  test('of streamFrom has them as well [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('x')));
    const { client } = await streaming(net, `${origin.url}/file`, {
      addresses: 'any',
      cors: { origins: [APP] },
    });
    await client.get('/', [`Origin: ${APP}`]);
    expect((await client.readResponse()).head.get('access-control-allow-origin')).toBe(APP);
  });

  test('over HTTP/2 has them as well [RFC 9113 8.3]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('x')));
    const running = await net.proxy({ upstream: origin.url, cors: { origins: [APP] } }, { http2: 'h2c' });
    const client = await net.http2(running);
    const { status, fields } = await client.get('/', { origin: APP });
    expect([status, fields['access-control-allow-origin']]).toEqual([200, APP]);
  });
});

test('wrong options are reported with their paths [Sluiceway]', () => {
  const problems = (cors: unknown) =>
    problemsOf(() => createProxy({ upstream: 'http://a.test', cors: cors as Cors }));
  expect(problems({})).toEqual(['cors.origins is required']);
  expect(problems({ origins: [] })).toEqual(['cors.origins must have at least one']);
  expect(problems({ origins: '*', credentials: true })).toEqual([
    "cors.origins cannot be '*' together with credentials",
  ]);
  expect(
    problems({ origins: [APP], credentials: true, methods: '*', headers: '*', exposeHeaders: '*' }),
  ).toEqual(
    ['methods', 'headers', 'exposeHeaders'].map(
      (name) => `cors.${name} cannot be '*' together with credentials`,
    ),
  );
  for (const origin of ['*', 'app.test', `${APP}/`, 'https://a.*.test', 'https://*', 'https://a b', 1])
    expect(problems({ origins: [origin] }), String(origin)).toEqual([
      expect.stringMatching(/^cors\.origins\[0\] must be an origin/),
    ]);
  expect(problems({ origins: [APP], methods: ['a b'], headers: ['*'], maxAge: -1, origin: 1 })).toHaveLength(
    4,
  );
  expect(problems(false)).toEqual([]);
});
