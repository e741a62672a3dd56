import { describe, expect, test } from 'vitest';
import { anyAddress, publicAddresses } from '../../src/net/address-policy.js';
import { dial } from '../../src/net/dialer.js';
import { decideEgress, parseEgress, readEgressEnvironment } from '../../src/net/egress.js';
import type { ProxyOptions } from '../../src/proxy/options/proxy-options.js';
import { resolveProxyOptions } from '../../src/proxy/options/proxy-settings.js';
import { ManualTransport } from '../support/manual-transport.js';
import { problemsOf } from '../support/problems.js';

const to = (url: string) => {
  const { protocol, hostname, port } = new URL(url);
  return {
    protocol: protocol === 'https:' ? ('https:' as const) : ('http:' as const),
    hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
  };
};

const failure = (call: () => unknown): string => {
  try {
    call();
    return 'no failure';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('the URL of an egress proxy', () => {
  test.for([
    ['http://proxy.test', 'http:', 'proxy.test', 80, null],
    ['http://proxy.test:3128/', 'http:', 'proxy.test', 3128, null],
    ['https://proxy.test', 'https:', 'proxy.test', 443, null],
    ['HTTP://[::1]:3128', 'http:', '::1', 3128, null],
    ['http://user:pass@proxy.test:3128', 'http:', 'proxy.test', 3128, 'user:pass'],
    ['http://user@proxy.test', 'http:', 'proxy.test', 80, 'user:'],
    ['http://:pass@proxy.test', 'http:', 'proxy.test', 80, ':pass'],
    ['http://us%40er:p%3A%2F%C3%A9@proxy.test', 'http:', 'proxy.test', 80, 'us@er:p:/é'],
    ['http://user:a:b@c@proxy.test', 'http:', 'proxy.test', 80, 'user:a:b@c'],
  ] as const)('%s is read [RFC 3986 3.2; RFC 7617 2]', ([url, protocol, hostname, port, userinfo]) => {
    const authorization =
      userinfo === null ? null : `Basic ${Buffer.from(userinfo, 'utf8').toString('base64')}`;
    const expected = { protocol, hostname, port, authorization };
    for (const given of [url, new URL(url)]) {
      expect(parseEgress(given)).toEqual({ http: expected, https: expected, except: [] });
    }
  });

  test.for([
    'proxy.test:3128',
    'socks5://proxy.test:1080',
    'http://',
    'http://hush-hush@',
    'http://user:hush-hush@proxy.test/path',
    'http://user:hush-hush@proxy.test?query',
    'http://user:hush-hush@proxy.test#fragment',
    'http://user:hush-hush@proxy.test:0',
    'http://user:hush-hush@proxy.test:99999',
    'http://user:%E0%A4%A@hush-hush.test',
    'http://us%3Aer:hush-hush@proxy.test',
    'http://user:hush-hush%0d%0a@proxy.test',
    'http://user:hush-hush@pro xy.test',
    'ftp://user:hush-hush@proxy.test',
  ])('%s is refused, and no part of it is repeated [RFC 3986 7.5]', (url) => {
    const message = failure(() => parseEgress(url));
    expect(message).toMatch(/^must /);
    expect(message).not.toMatch(/hush|proxy\.test/);
  });
});

describe('the environment', () => {
  const proxies = { HTTP_PROXY: 'http://plain.test:1', HTTPS_PROXY: 'http://secure.test:2' };
  const choose = (environment: Record<string, string>, url: string) =>
    decideEgress(readEgressEnvironment(environment), to(url))?.hostname ?? 'direct';

  test('has a proxy for each scheme of the destination [Go ProxyFromEnvironment; curl]', () => {
    expect(choose(proxies, 'http://a.test/')).toBe('plain.test');
    expect(choose(proxies, 'https://a.test/')).toBe('secure.test');
    expect(choose({ HTTP_PROXY: 'http://plain.test' }, 'https://a.test/')).toBe('direct');
    expect(choose({}, 'https://a.test/')).toBe('direct');
  });

  test('is read under both cases, the lower one first, and an empty value is none [curl; undici]', () => {
    expect(choose({ https_proxy: 'http://lower.test', ...proxies }, 'https://a.test/')).toBe('lower.test');
    expect(choose({ https_proxy: '', ...proxies }, 'https://a.test/')).toBe('secure.test');
    expect(choose({ ...proxies, no_proxy: 'a.test', NO_PROXY: 'b.test' }, 'http://a.test/')).toBe('direct');
    expect(choose({ ...proxies, no_proxy: 'a.test', NO_PROXY: 'b.test' }, 'http://b.test/')).toBe(
      'plain.test',
    );
  });

  test('may name a proxy without a scheme, which is http: [Go ProxyFromEnvironment; curl]', () => {
    const { https } = readEgressEnvironment({ HTTPS_PROXY: 'user:pass@proxy.test:3128' });
    expect(https).toMatchObject({ protocol: 'http:', hostname: 'proxy.test', port: 3128 });
    expect(https?.authorization).toMatch(/^Basic /);
  });

  test('that names something else than an HTTP proxy is refused by the name of the variable [Go ProxyFromEnvironment]', () => {
    const message = failure(() => readEgressEnvironment({ https_proxy: 'socks5://user:hush@proxy.test' }));
    expect(message).toMatch(/HTTPS_PROXY must be a URL/);
    expect(message).not.toMatch(/hush|proxy\.test/);
  });

  test.for([
    'http://localhost:1',
    'http://LOCALHOST',
    'https://127.0.0.1',
    'http://127.8.9.10',
    'https://[::1]:2',
  ])('never sends %s anywhere: it is on this machine [Go ProxyFromEnvironment]', (url) => {
    expect(choose(proxies, url)).toBe('direct');
  });

  test.for([
    ['*', 'http://a.test/', 'direct'],
    ['a.test', 'http://a.test/', 'direct'],
    ['a.test', 'http://A.TEST/', 'direct'],
    ['A.Test', 'http://a.test/', 'direct'],
    ['a.test', 'http://a.test./', 'direct'],
    ['a.test.', 'http://a.test/', 'direct'],
    ['a.test', 'http://sub.a.test/', 'direct'],
    ['a.test', 'http://nota.test/', 'plain.test'],
    ['a.test', 'http://a.test.evil/', 'plain.test'],
    ['.a.test', 'http://sub.a.test/', 'direct'],
    ['.a.test', 'http://a.test/', 'plain.test'],
    ['*.a.test', 'http://sub.a.test/', 'direct'],
    ['*.a.test', 'http://a.test/', 'plain.test'],
    ['a.test:8080', 'http://a.test:8080/', 'direct'],
    ['a.test:8080', 'http://a.test/', 'plain.test'],
    ['a.test:80', 'http://a.test/', 'direct'],
    ['b.test, a.test', 'http://a.test/', 'direct'],
    ['b.test a.test', 'http://a.test/', 'direct'],
    ['b.test,,', 'http://a.test/', 'plain.test'],
    ['10.0.0.5', 'http://10.0.0.5/', 'direct'],
    ['10.0.0.5', 'http://10.0.0.50/', 'plain.test'],
    ['10.0.0.5:81', 'http://10.0.0.5:81/', 'direct'],
    ['10.0.0.5:81', 'http://10.0.0.5/', 'plain.test'],
    ['10.0.0.0/8', 'http://10.200.0.5/', 'direct'],
    ['10.0.0.0/8', 'http://11.0.0.5/', 'plain.test'],
    ['10.0.0.0/8', 'http://ten.test/', 'plain.test'],
    ['2001:db8::1', 'http://[2001:db8::1]/', 'direct'],
    ['[2001:db8::1]', 'http://[2001:db8:0::1]/', 'direct'],
    ['[2001:db8::1]:8080', 'http://[2001:db8::1]:8080/', 'direct'],
    ['[2001:db8::1]:8080', 'http://[2001:db8::1]/', 'plain.test'],
    ['2001:db8::/32', 'http://[2001:db8:1::7]/', 'direct'],
    ['10.0.0.0/99', 'http://10.0.0.1/', 'plain.test'],
    [':80', 'http://a.test/', 'plain.test'],
    ['.', 'http://a.test/', 'plain.test'],
  ] as const)('with NO_PROXY=%s sends %s to %s [Go ProxyFromEnvironment; curl]', ([list, url, expected]) => {
    expect(choose({ ...proxies, NO_PROXY: list }, url)).toBe(expected);
  });
});

describe('upstream.egressProxy', () => {
  const problemsIn = (options: ProxyOptions) => problemsOf(() => resolveProxyOptions(options));

  test.for(['http://proxy.test:3128', 'environment'])(
    '%s excludes public addresses, named or of the profile: nobody would judge them [smokescreen]',
    (proxy) => {
      const upstream = { url: 'http://origin.test', egressProxy: proxy };
      const expected = [
        expect.stringMatching(/^upstream\.egressProxy requires addresses: 'any': the proxy resolves names/),
      ];
      expect(problemsIn({ upstream, addresses: 'public' })).toEqual(expected);
      expect(problemsIn({ upstream, profile: 'thirdParty' })).toEqual(expected);
      expect(problemsIn({ upstream, profile: 'thirdParty', addresses: 'any' })).toEqual([]);
    },
  );

  test('is refused beside a transport, which would not know of it [Node]', () => {
    const upstream = { url: 'http://origin.test', egressProxy: 'http://proxy.test' };
    expect(problemsIn({ upstream, transport: new ManualTransport() })).toEqual([
      'upstream.egressProxy must not be given together with transport, which opens its own connections',
    ]);
  });

  test('is none where nothing is said, whatever the environment has [Go ReverseProxy]', () => {
    let egress: unknown = 'not asked';
    resolveProxyOptions({ upstream: 'http://origin.test' }, 'test', (wire) => {
      egress = wire.egress;
      return new ManualTransport();
    });
    expect(egress).toBeUndefined();
  });
});

test('a dialler that shall judge addresses dials no proxy [smokescreen]', async () => {
  const proxy = parseEgress('http://127.0.0.1:9').http;
  if (proxy === null) throw new Error('There is no proxy');
  const error = await new Promise((resolve) => {
    const destination = { protocol: 'http:' as const, hostname: 'origin.test', port: 80 };
    const onread = { buffer: () => new Uint8Array(1), callback: () => true };
    const options = { destination, proxy, connectTimeoutMs: 1000, onread };
    dial({ ...options, policy: publicAddresses }, { connected: () => resolve('connected'), failed: resolve });
  });
  expect(error).toMatchObject({ code: 'destination_ip_prohibited' });
  expect(publicAddresses).not.toBe(anyAddress);
});
