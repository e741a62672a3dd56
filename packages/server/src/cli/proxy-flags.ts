import type { ProxyOptions } from 'sluiceway';
import { type GroupFlags, groupFlagOf, toServers } from './group-flags.js';
import { flagsByOption, givenUnder, tunnelAndUploadFlags } from './option-flags.js';
import { given, type ServeFlags, toServedOptions } from './serve-flags.js';
import { UsageError } from './usage-error.js';

/** The flags of `sluiceway proxy` as given on the command line. */
export interface ProxyFlags extends ServeFlags, GroupFlags {
  mirror?: string[];
  cors?: string[];
  egressProxy?: string;
  tunnelIdleTimeout?: string;
  tunnelDrain?: string;
  maxUpload?: string;
  maxResponse?: string;
  forwardedPort?: boolean;
  upstreamProtocol: UpstreamProtocol;
  upstreamProxyProtocol?: ProxyProtocolVersion;
}

export const upstreamProtocols = ['http1', 'http2', 'auto'] as const;
export type UpstreamProtocol = (typeof upstreamProtocols)[number];

export const proxyProtocolVersions = ['v1', 'v2'] as const;
type ProxyProtocolVersion = (typeof proxyProtocolVersions)[number];

/** Flag of each option, for error messages. */
export const proxyFlagOf: Readonly<Record<string, string>> = {
  upstream: '<origin-url>',
  'upstream.url': '<origin-url>',
  'upstream.mirrors': '--mirror',
  'cors.origins': '--cors',
  'upstream.egressProxy': '--egress-proxy',
  'upstream.protocol': '--upstream-protocol',
  'upstream.proxyProtocol': '--upstream-proxy-protocol',
  ...groupFlagOf,
  ...flagsByOption(tunnelAndUploadFlags),
};

/** Only the options that were given: the library has the defaults. Throws a `UsageError`. */
export function toProxyOptions(originUrls: readonly string[], flags: ProxyFlags): ProxyOptions {
  const { tls, timeouts, limits, ...served } = toServedOptions(flags);
  // Such a rule would limit nothing.
  if (flags.limitBy === 'link') throw new UsageError('--limit-by: only a gateway has links');
  return {
    ...served,
    upstream: {
      ...toServers(originUrls, flags),
      ...(flags.mirror !== undefined && { mirrors: flags.mirror }),
      ...(tls !== undefined && { tls }),
      ...given({ egressProxy: flags.egressProxy }),
      protocol: flags.upstreamProtocol,
      ...(flags.upstreamProxyProtocol !== undefined && { proxyProtocol: flags.upstreamProxyProtocol }),
    },
    ...(flags.cors !== undefined && { cors: { origins: flags.cors.includes('*') ? '*' : flags.cors } }),
    timeouts: { ...timeouts, ...givenUnder('timeouts', tunnelAndUploadFlags, { ...flags }) },
    limits: { ...limits, ...givenUnder('limits', tunnelAndUploadFlags, { ...flags }) },
    ...(flags.forwardedPort === true && { headers: { forwarded: { port: true } } }),
  };
}
