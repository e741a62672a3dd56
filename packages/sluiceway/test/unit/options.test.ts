import { beforeAll, describe, expect, test } from 'vitest';
import { OptionsError } from '../../src/options/checker.js';
import type { ProxyOptions } from '../../src/proxy/options/proxy-options.js';
import { resolveProxyOptions } from '../../src/proxy/options/proxy-settings.js';
import { loopbackCertificate, makeCertificate, type TestCertificate } from '../support/certificates.js';

const UPSTREAM = 'http://origin.test';

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await loopbackCertificate();
});

/** The paths of everything that is wrong, with their messages; the options need not be of their type. */
function problems(options: unknown): Record<string, string> {
  try {
    resolveProxyOptions(options as ProxyOptions);
    return {};
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    return Object.fromEntries(error.problems.map(({ path, message }) => [path, message]));
  }
}

/** Good options with one of them replaced; `path` is as in a problem. */
function withOption(path: string, value: unknown): unknown {
  const options: Record<string, unknown> = { upstream: { url: UPSTREAM } };
  let at = options;
  const keys = path.split('.');
  for (const key of keys.slice(0, -1)) at = (at[key] ??= {}) as Record<string, unknown>;
  at[keys.at(-1) as string] = value;
  return options;
}

const NOT_AN_OBJECT = [null, 5, 'x', [], true];
const NOT_A_FUNCTION = [null, {}, 'x', 5];
const NOT_A_DURATION = [null, -1, 1.5, 'soon', '5 s', {}, Number.NaN, '25d', true];
const NOT_A_COUNT = [null, -1, 1.5, '5', {}, Number.NaN];

/** Every option, with values that it does not take. */
const table: [path: string, bad: unknown[]][] = [
  ['upstream', [null, 5, true, 'origin.test', 'ftp://origin.test', 'http://', '/path', 'http://a b']],
  ['upstream.url', [null, 5, '', 'origin.test', 'ftp://origin.test', 'http://u:p@origin.test/']],
  ['upstream.tls', NOT_AN_OBJECT],
  ['upstream.tls.ca', [5, 'nonsense', '', ['nonsense'], {}]],
  ['upstream.tls.cert', [5, 'nonsense']],
  ['upstream.tls.key', [5, 'nonsense']],
  ['upstream.tls.servername', [5, '']],
  ['upstream.connections', NOT_AN_OBJECT],
  ['upstream.connections.max', [...NOT_A_COUNT, 0]],
  ['upstream.connections.maxQueued', NOT_A_COUNT],
  ['upstream.connections.idleTimeout', NOT_A_DURATION],
  ['name', [null, 5, '', 'two words', 'caf\u00e9', 'a,b']],
  ['profile', [null, 5, 'passthrough', [], {}]],
  ['addresses', [null, 'private', true]],
  ['trustedProxies', [null, '10.0.0.0/8', {}]],
  ['trustedProxies[0]', []],
  ['headers', NOT_AN_OBJECT],
  [
    'headers.host',
    [null, 5, '', 'a b', 'a/b', 'u@a', 'a:', 'a:0', 'a:65536', 'a:b', '::1', '[::1', 'caf\u00e9'],
  ],
  ['headers.request', NOT_AN_OBJECT],
  ['headers.request.set', NOT_AN_OBJECT],
  ['headers.request.append', NOT_AN_OBJECT],
  ['headers.request.remove', [null, 'X-A', {}]],
  ['headers.response', NOT_AN_OBJECT],
  ['headers.response.set', NOT_AN_OBJECT],
  ['headers.response.append', NOT_AN_OBJECT],
  ['headers.response.remove', [null, 'X-A', {}]],
  ['headers.cookies', [null, 5, 'keep', 'drop', [], true]],
  ['headers.cookies.domain', [null, 5, 'a b', 'a;b', 'a/b', 'a.', '.', [], { 'a.test': 5 }, { '*': 'a;b' }]],
  ['headers.cookies.path', [null, 5, 'a', 'a;b', '/a b', '/a;b', '/a\n', '/\xe9', [], { '/a': 'b' }]],
  ['headers.cookies.secure', [null, true, 'always']],
  ['headers.location', [null, true, 'keep']],
  ['timeouts', NOT_AN_OBJECT],
  ['timeouts.connect', [...NOT_A_DURATION, 0, false]],
  ['timeouts.responseHead', [...NOT_A_DURATION, 0, '0']],
  ['timeouts.upstreamIdle', [...NOT_A_DURATION, 0, '0s']],
  ['timeouts.clientIdle', [...NOT_A_DURATION, 0]],
  ['timeouts.tunnelIdle', [...NOT_A_DURATION, 0]],
  ['timeouts.total', [...NOT_A_DURATION, 0]],
  ['timeouts.tunnelDrain', [...NOT_A_DURATION, false]],
  ['limits', NOT_AN_OBJECT],
  ['limits.minRate', [null, -1, 1.5, '1k', {}, 0, '0B']],
  ['limits.requestContent', [null, -1, 1.5, '1k', {}]],
  ['limits.responseHead', [null, -1, '1k', 1023, {}]],
  ['limits.responseHeaders', [...NOT_A_COUNT, 0]],
  ['observers', [null, {}, () => {}]],
  ['transform', [null, 'yes', 1, [], {}, { changesContent: true, create: () => null }]],
  ['transform.request', [null, 'yes', 1]],
  ['transform.request.changesContent', [null, 'yes', 1, {}]],
  ['transform.request.create', NOT_A_FUNCTION],
  ['transform.response', [null, 'yes', 1]],
  ['transform.response.changesContent', [null, 'yes', 1, {}]],
  ['transform.response.create', NOT_A_FUNCTION],
  ['transport', [null, 5, {}, { send() {}, close() {} }]],
  ['errors', [null, 'log', true]],
  ['onRequest', NOT_A_FUNCTION],
  ['onUpstreamRequest', NOT_A_FUNCTION],
  ['onUpstreamResponse', NOT_A_FUNCTION],
  ['onError', NOT_A_FUNCTION],
];

describe('each option refuses what it does not take, and says where', () => {
  test.each(table)('%s', (path, bad) => {
    for (const value of bad) {
      const found = problems(withOption(path, value));
      const paths = Object.keys(found).filter((each) => each === path || each.startsWith(`${path}.`));
      expect(paths, `${JSON.stringify(value)} for ${path}: ${JSON.stringify(found)}`).not.toEqual([]);
    }
  });

  test.each([
    ['trustedProxies', ['10.0.0.0/8', 'proxy.test', 5, '::1/129'], ['[1]', '[2]', '[3]']],
    [
      'observers',
      [
        {},
        { onTransferEnd: () => {} },
        null,
        { onTransferEnd: 5 },
        { onResponseContent: {} },
        { onEnd: () => {} },
      ],
      ['[2]', '[3].onTransferEnd', '[4].onResponseContent', '[5]'],
    ],
  ])('each item of %s has a path of its own', (path, value, expected) => {
    expect(Object.keys(problems(withOption(path, value)))).toEqual(expected.map((each) => path + each));
  });

  describe('rules for fields', () => {
    const FRAMING = [
      'Content-Length',
      'transfer-encoding',
      'Connection',
      'Upgrade',
      'TE',
      'Trailer',
      'Keep-Alive',
      'Proxy-Connection',
      'Expect',
      'HTTP2-Settings',
    ];

    test.each(['request', 'response'])('of a %s decide on nothing that frames the message', (direction) => {
      for (const name of FRAMING) {
        const rules = { set: { [name]: '1' }, append: { [name]: '1' }, remove: ['X-A', name] };
        const message = 'frames the message: only the proxy sets it';
        expect(problems({ upstream: UPSTREAM, headers: { [direction]: rules } })).toEqual({
          [`headers.${direction}.set.${name}`]: message,
          [`headers.${direction}.append.${name}`]: message,
          [`headers.${direction}.remove[1]`]: message,
        });
      }
    });

    test('have a path for each name, and repeat no value', () => {
      const set = {
        'X-Number': 5,
        'X-Control': 'secret\r\nX: y',
        'X-Wide': 'secret\u010d',
        'X-Space': ' secret',
        'X-None': [],
        'X-Some': ['secret', null],
        'two words': 'secret',
        '': 'secret',
        'X-Good': ['a', 'b'],
        'X-Empty': '',
        'X-Text': 'caf\xe9',
        'x-good': 'c',
      };
      const found = problems({ upstream: UPSTREAM, headers: { response: { set } } });
      expect(Object.keys(found)).toEqual(
        ['X-Number', 'X-Control', 'X-Wide', 'X-Space', 'X-None', 'X-Some', 'two words', '', 'x-good'].map(
          (name) => `headers.response.set.${name}`,
        ),
      );
      expect(JSON.stringify(found)).not.toContain('secret');
      expect(
        problems({ upstream: UPSTREAM, headers: { request: { remove: ['X-A', 'b c', 5, ''] } } }),
      ).toEqual({
        'headers.request.remove[1]': 'is not a valid field name',
        'headers.request.remove[2]': 'must be a string, not number',
        'headers.request.remove[3]': 'must not be empty',
      });
    });

    test('leave Host to headers.host, and CDN-Loop and Early-Data to nobody', () => {
      const rules = { set: { host: 'a' }, remove: ['HOST', 'Cdn-Loop', 'early-data'] };
      expect(problems({ upstream: UPSTREAM, headers: { request: rules } })).toEqual({
        'headers.request.set.host': 'is set by headers.host',
        'headers.request.remove[0]': 'is set by headers.host',
        'headers.request.remove[1]': 'must pass unchanged: otherwise loops are not detected (RFC 8586)',
        'headers.request.remove[2]':
          'must pass unchanged: otherwise a possible replay is treated as safe (RFC 8470)',
      });
    });
  });

  test('a client certificate and a key that do not belong together', async () => {
    const other = await makeCertificate(['other.test']);
    const pair = { cert: certificate.cert, key: other.key };
    expect(problems({ upstream: { url: UPSTREAM, tls: pair } })).toHaveProperty(['upstream.tls']);
    for (const half of [{ cert: other.cert }, { key: other.key }]) {
      expect(problems({ upstream: { url: UPSTREAM, tls: half } })).toHaveProperty(['upstream.tls']);
    }
  });

  test('no key or certificate is repeated in a message', () => {
    const found = problems({
      upstream: { url: UPSTREAM, tls: { key: 'secret', cert: 'secret', ca: 'secret' } },
    });
    expect(JSON.stringify(found)).not.toContain('secret');
  });
});

describe('what is missing or not known', () => {
  test.each([undefined, null, 5, 'http://origin.test', []])('options that are %j', (options) => {
    expect(Object.keys(problems(options))).toEqual(['']);
  });

  test('a transform needs a direction, and both parts of each', () => {
    expect(problems({ upstream: UPSTREAM, transform: {} })).toEqual({
      transform: 'needs request, response or both',
    });
    expect(problems({ upstream: UPSTREAM, transform: { request: {}, response: {} } })).toEqual({
      'transform.request.changesContent': 'is required',
      'transform.request.create': 'is required',
      'transform.response.changesContent': 'is required',
      'transform.response.create': 'is required',
    });
    for (const direction of ['request', 'response'])
      for (const changesContent of [true, false, () => true])
        expect(
          problems({
            upstream: UPSTREAM,
            transform: { [direction]: { changesContent, create: () => null } },
          }),
        ).toEqual({});
  });

  test('an upstream is required, unless a hook chooses', () => {
    expect(problems({})).toEqual({ upstream: 'is required' });
    expect(problems({ upstream: {} })).toEqual({ 'upstream.url': 'is required' });
    expect(problems({ onRequest: () => ({ upstream: UPSTREAM }) })).toEqual({});
  });

  test.each([
    ['upsteam', 'upstream'],
    ['trustedproxies', 'trustedProxies'],
    ['timeouts.conect', 'connect'],
    ['limits.minrate', 'minRate'],
    ['headers.hosts', 'host'],
    ['headers.respnse', 'response'],
    ['headers.request.removes', 'remove'],
    ['headers.cookies.secured', 'secure'],
    ['upstream.tlss', 'tls'],
    ['upstream.tls.serverName', 'servername'],
    ['upstream.connections.maxQueue', 'maxQueued'],
    ['onUpstreamResponses', 'onUpstreamResponse'],
    ['transform.reponse', 'response'],
    ['transform.request.changeContent', 'changesContent'],
  ])('%s is not an option, %s is', (path, meant) => {
    expect(problems(withOption(path, 1))).toMatchObject({
      [path]: `is not an option; did you mean '${meant}'?`,
    });
  });

  test('verification cannot be turned off', () => {
    const tls = { rejectUnauthorized: false, checkServerIdentity: () => undefined };
    expect(problems({ upstream: { url: UPSTREAM, tls } })).toMatchObject({
      'upstream.tls.rejectUnauthorized': 'is not an option',
      'upstream.tls.checkServerIdentity': 'is not an option',
    });
  });

  test('everything is said at once', () => {
    const bad = table.filter(([path, values]) => !path.includes('upstream') && values.length > 0);
    const options: Record<string, unknown> = { upstreem: 1, upstream: 'origin.test' };
    for (const [path, [value]] of bad) if (!path.includes('.')) options[path] = value;
    expect(Object.keys(problems(options)).toSorted()).toEqual(Object.keys(options).toSorted());
  });
});
