import { createProxy, OptionsError, type Proxy, parseDurationMs } from 'sluiceway';
import { type ListenAddress, parseListenAddress, type ServerIdentity } from '../server/listen.js';
import { readCertificates, readIdentity } from './pem-files.js';
import { readFlag, UsageError } from './usage-error.js';

/** The flags of `sluiceway proxy` as the command line gives them. */
export interface ProxyFlags {
  listen: string;
  h2c?: string;
  http2: boolean;
  name?: string;
  trustedProxies?: string;
  cert?: string;
  key?: string;
  ca?: string;
  egressProxy?: string;
  connectTimeout?: string;
  responseHeadTimeout?: string;
  upstreamIdleTimeout?: string;
  clientIdleTimeout?: string;
  tunnelIdleTimeout?: string;
  tunnelDrain?: string;
  totalTimeout?: string;
  minRate?: string;
  maxUpload?: string;
  upstreamProtocol: UpstreamProtocol;
  drainTimeout: string;
  log: LogFormat;
}

export const upstreamProtocols = ['http1', 'http2', 'auto'] as const;
export type UpstreamProtocol = (typeof upstreamProtocols)[number];

export const logFormats = ['text', 'json', 'none'] as const;
export type LogFormat = (typeof logFormats)[number];

/** What is to be run, all of it checked. */
export interface ProxySettings {
  address: ListenAddress;
  /** Null without `--h2c`. */
  h2cAddress: ListenAddress | null;
  identity: ServerIdentity | null;
  drainTimeoutMs: number;
  createProxy: (observers: Observers) => Proxy;
}

type ProxyOptions = Parameters<typeof createProxy>[0];
type Observers = NonNullable<ProxyOptions['observers']>;

/** Where the library says that an option is wrong, and how the user spelled it. */
const flagOf: Readonly<Record<string, string>> = {
  name: '--name',
  trustedProxies: '--trusted-proxies',
  upstream: '<origin-url>',
  'upstream.url': '<origin-url>',
  'upstream.tls.ca': '--ca',
  'upstream.proxy': '--egress-proxy',
  'upstream.protocol': '--upstream-protocol',
  'timeouts.connect': '--connect-timeout',
  'timeouts.responseHead': '--response-head-timeout',
  'timeouts.upstreamIdle': '--upstream-idle-timeout',
  'timeouts.clientIdle': '--client-idle-timeout',
  'timeouts.tunnelIdle': '--tunnel-idle-timeout',
  'timeouts.tunnelDrain': '--tunnel-drain',
  'timeouts.total': '--total-timeout',
  'limits.minRate': '--min-rate',
  'limits.requestContent': '--max-upload',
};

/** Checks everything that can be checked before a port is opened. Throws a `UsageError`. */
export function resolveFlags(originUrl: string, flags: ProxyFlags): ProxySettings {
  const options = toProxyOptions(originUrl, flags);
  return {
    address: readFlag('--listen', () => parseListenAddress(flags.listen)),
    h2cAddress: flags.h2c === undefined ? null : readFlag('--h2c', () => parseListenAddress(flags.h2c ?? '')),
    identity: readIdentity(flags.cert, flags.key),
    drainTimeoutMs: readFlag('--drain-timeout', () => parseTimeout(flags.drainTimeout)),
    createProxy: (observers) => createCheckedProxy({ ...options, observers }),
  };
}

/** Only what was given: the library has the defaults. */
function toProxyOptions(originUrl: string, flags: ProxyFlags): ProxyOptions {
  const timeouts = given({
    connect: flags.connectTimeout,
    responseHead: flags.responseHeadTimeout,
    upstreamIdle: flags.upstreamIdleTimeout,
    clientIdle: flags.clientIdleTimeout,
    tunnelIdle: flags.tunnelIdleTimeout,
    tunnelDrain: flags.tunnelDrain,
    total: flags.totalTimeout,
  });
  const ca = flags.ca === undefined ? undefined : readCertificates('--ca', flags.ca);
  return {
    upstream: {
      url: originUrl,
      ...(ca !== undefined && { tls: { ca } }),
      ...given({ proxy: flags.egressProxy }),
      protocol: flags.upstreamProtocol,
    },
    timeouts,
    limits: given({ minRate: flags.minRate, requestContent: flags.maxUpload }),
    ...given({ name: flags.name }),
    ...(flags.trustedProxies !== undefined && { trustedProxies: flags.trustedProxies.split(',') }),
  };
}

function given<K extends string>(values: Record<K, string | undefined>): { [key in K]?: string } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [key in K]?: string;
  };
}

function createCheckedProxy(options: ProxyOptions): Proxy {
  try {
    return createProxy(options);
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    const lines = error.problems.map(
      ({ path, message }) => `${flagOf[path.replace(/\[\d+\]$/, '')] ?? path}: ${message}`,
    );
    throw new UsageError(lines.join('; '), { cause: error });
  }
}

/** The longest time that a timer can wait for. */
const MAX_DELAY_MS = 2 ** 31 - 1;

function parseTimeout(text: string): number {
  const ms = parseDurationMs(text);
  if (ms > MAX_DELAY_MS) throw new RangeError('must be at most 24 days');
  return ms;
}
