import { describe, expect, test } from 'vitest';
import { anyAddress } from '../../src/net/address-policy.js';
import { publicAddressesOfOthers } from '../../src/net/own-listeners.js';
import { passThrough, thirdParty } from '../../src/proxy/options/profiles.js';
import type { ProxyOptions } from '../../src/proxy/options/proxy-options.js';
import { resolveProxyOptions } from '../../src/proxy/options/proxy-settings.js';
import type { TransportOptions } from '../../src/upstream/transport-options.js';
import { loopbackCertificate } from '../support/certificates.js';
import { ManualTransport } from '../support/manual-transport.js';

const UPSTREAM = 'http://origin.test';

interface Resolved {
  settings: ReturnType<typeof resolveProxyOptions>;
  /** What the built-in transport would be made with. */
  wire: TransportOptions;
}

function resolve(options: ProxyOptions): Resolved {
  let wire: TransportOptions = {};
  const settings = resolveProxyOptions(options, 'createProxy', (given) => {
    wire = given;
    return new ManualTransport();
  });
  return { settings, wire };
}

test('defaults', () => {
  const { settings, wire } = resolve({ upstream: UPSTREAM });
  expect(settings).toMatchObject({
    upstream: { protocol: 'http:', hostname: 'origin.test', port: 80 },
    proxyName: expect.stringMatching(/^sluiceway-[0-9a-f]{8}$/) as string,
    timeouts: {
      responseHeadMs: 60_000,
      upstreamIdleMs: 60_000,
      clientIdleMs: 600_000,
      tunnelIdleMs: 3_600_000,
      silenceMs: 10_000,
      totalMs: 0,
      minRate: 0,
    },
    maxRequestContent: null,
    hooks: {},
    observers: [],
    throwsErrors: false,
  });
  expect(settings.profile).toBe(passThrough);
  expect(settings.peers.includes('127.0.0.1')).toBe(false);
  expect(wire).toEqual({
    policy: anyAddress,
    connectTimeoutMs: 10_000,
    maxHeadBytes: 65_536,
    maxHeadFields: 256,
    maxConnections: Number.POSITIVE_INFINITY,
    maxQueued: 1000,
    idleTimeoutMs: 60_000,
    maxIdleConnections: 1000,
  });
});

test('the name stays the same for the whole process', () => {
  const [first, second] = [resolve({ upstream: UPSTREAM }), resolve({ upstream: UPSTREAM })];
  expect(first.settings.proxyName).toBe(second.settings.proxyName);
});

test('values of every option reach their place', () => {
  const hooks = {
    onRequest: () => {},
    onUpstreamRequest: () => {},
    onUpstreamResponse: () => {},
    transform: { response: { changesContent: true, create: () => null } },
    onError: () => {},
  };
  const observer = { onTransferEnd: () => {} };
  const { settings, wire } = resolve({
    upstream: {
      url: new URL('https://origin.test:8443/base?q=1'),
      connections: { max: 10, maxQueued: 0, idleTimeout: '5s', maxIdle: 3 },
    },
    name: 'edge-1',
    profile: 'thirdParty',
    addresses: 'any',
    trustedProxies: ['10.0.0.0/8', '::1'],
    timeouts: {
      connect: 1,
      responseHead: '1m30s',
      upstreamIdle: '2s',
      clientIdle: 3000,
      tunnelIdle: '4000',
      total: '1d',
    },
    limits: { minRate: '1KiB', requestContent: '2GiB', responseHead: '1KiB', responseHeaders: 1 },
    observers: [observer],
    errors: 'throw',
    ...hooks,
  });
  expect(settings).toMatchObject({
    upstream: { protocol: 'https:', hostname: 'origin.test', port: 8443, path: '/base', query: 'q=1' },
    proxyName: 'edge-1',
    timeouts: {
      responseHeadMs: 90_000,
      upstreamIdleMs: 2000,
      clientIdleMs: 3000,
      tunnelIdleMs: 4000,
      totalMs: 86_400_000,
      minRate: 1024,
    },
    maxRequestContent: 2 ** 31,
    throwsErrors: true,
  });
  expect(settings.profile).toBe(thirdParty);
  expect(settings.hooks).toEqual(hooks);
  expect(settings.observers).toEqual([observer]);
  expect(settings.peers.includes('10.1.2.3')).toBe(true);
  expect(wire).toEqual({
    policy: anyAddress,
    connectTimeoutMs: 1,
    maxHeadBytes: 1024,
    maxHeadFields: 1,
    maxConnections: 10,
    maxQueued: 0,
    idleTimeoutMs: 5000,
    maxIdleConnections: 3,
  });
});

test('false turns every timeout off but that of connecting', () => {
  const off = {
    responseHead: false,
    upstreamIdle: false,
    clientIdle: false,
    tunnelIdle: false,
    total: false,
  } as const;
  expect(resolve({ upstream: UPSTREAM, timeouts: off }).settings.timeouts).toEqual({
    responseHeadMs: 0,
    upstreamIdleMs: 0,
    clientIdleMs: 0,
    tunnelIdleMs: 0,
    silenceMs: 10_000,
    totalMs: 0,
    minRate: 0,
  });
});

test('undefined is the same as nothing', () => {
  const nothing = { upstream: UPSTREAM };
  const same: ProxyOptions = JSON.parse('{}') as ProxyOptions;
  Object.assign(same, nothing, {
    name: undefined,
    profile: undefined,
    timeouts: undefined,
    onError: undefined,
  });
  Object.assign(same, { timeouts: { connect: undefined }, observers: undefined, transport: undefined });
  expect(resolve(same)).toMatchObject({
    wire: resolve(nothing).wire,
    settings: { hooks: {}, observers: [] },
  });
});

describe('addresses', () => {
  test.each<[ProxyOptions, typeof anyAddress]>([
    [{ profile: 'passThrough' }, anyAddress],
    [{ profile: 'thirdParty' }, publicAddressesOfOthers],
    [{ profile: { ...thirdParty, name: 'own' } }, publicAddressesOfOthers],
    [{ profile: 'thirdParty', addresses: 'any' }, anyAddress],
    [{ profile: passThrough, addresses: 'public' }, publicAddressesOfOthers],
  ])('%j', (options, policy) => {
    expect(resolve({ upstream: UPSTREAM, ...options }).wire.policy).toBe(policy);
  });
});

test('certificates are read once, for all connections', async () => {
  const { cert, key, ca } = await loopbackCertificate();
  const tls = { ca: [ca, Buffer.from(ca)], cert: Buffer.from(cert), key, servername: 'origin.test' };
  expect(resolve({ upstream: { url: 'https://127.0.0.1', tls } }).wire.tls).toEqual({
    secureContext: expect.objectContaining({ context: expect.anything() as unknown }) as unknown,
    servername: 'origin.test',
  });
  expect(resolve({ upstream: { url: 'https://127.0.0.1' } }).wire).not.toHaveProperty('tls');
});

test('a transport of the user is taken, and none is made', () => {
  const transport = new ManualTransport();
  const { settings, wire } = resolve({ upstream: UPSTREAM, transport });
  expect(settings.transport).toBe(transport);
  expect(wire).toEqual({});
});
