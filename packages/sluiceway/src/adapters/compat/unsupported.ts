import type { Checker } from '../../options/checker.js';

/** Options of http-proxy-middleware that are not supported, with alternatives. */
export const UNSUPPORTED: Readonly<Record<string, string>> = {
  forward: 'use an observer with onResponseContent, or send the request yourself',
  agent: 'use createProxy with upstream.connections, upstream.egressProxy or transport',
  ssl: 'use attach with a server of node:https',
  toProxy: 'use createProxy with upstream.egressProxy',
  localAddress: 'use createProxy with transport',
  buffer: 'use reuseParsedBody, or handle() with content',
  http2: 'use attach with a server of node:http2',
  upgradeTimeout: 'proxyTimeout applies to upgrades as well',
  plugins: 'use the hooks and observers of createProxy',
  ejectPlugins: 'use on.error',
  onError: 'use on.error',
  onProxyReq: 'use on.proxyReq',
  onProxyReqWs: 'use on.proxyReqWs',
  onProxyRes: 'use on.proxyRes',
  onOpen: 'use onUpstreamResponse of createProxy, with the status 101',
  onClose: 'use an observer of createProxy',
  logLevel: 'use logger',
  logProvider: 'use logger',
  proxyTable: 'use router',
  proxyHost: 'use changeOrigin',
};

export const UNSUPPORTED_EVENTS: Readonly<Record<string, string>> = {
  open: 'use onUpstreamResponse of createProxy, with the status 101',
  close: 'use an observer of createProxy',
  proxySocket: 'use onUpstreamResponse of createProxy, with the status 101',
};

/** Reports whether a value disables an option, as configurations often contain for options they do not use. */
const asksForNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === false || (Array.isArray(value) && value.length === 0);

export function refuseUnsupported(
  check: Checker,
  group: string,
  options: object,
  hints: Readonly<Record<string, string>>,
): void {
  const given: Readonly<Record<string, unknown>> = { ...options };
  for (const [name, instead] of Object.entries(hints))
    if (!asksForNothing(given[name]))
      check.problem(group === '' ? name : `${group}.${name}`, `is not supported: ${instead}`);
}
