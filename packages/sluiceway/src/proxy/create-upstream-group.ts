import { createTransport } from '../upstream/create-transport.js';
import { UpstreamGroup } from '../upstream/group/group.js';
import type { TransportOptions } from '../upstream/transport-options.js';
import { toPolicy } from './options/group-guards.js';
import { resolveGroupOptions, type UpstreamGroupOptions } from './options/group-options.js';

/**
 * Creates a group of origin servers, between which requests are balanced. Checks all options: throws an `OptionsError`
 * that lists every problem with its path.
 *
 *     const group = createUpstreamGroup({ servers: ['http://10.0.0.1:9000', 'http://10.0.0.2:9000'] });
 *     const proxy = createProxy({ upstream: group });
 *
 * `upstream.servers` of a proxy has the same options. A group of your own can be read and changed while it is used, and
 * several proxies can use it.
 */
export function createUpstreamGroup(options: UpstreamGroupOptions): UpstreamGroup {
  const { settings, connecting } = resolveGroupOptions(options);
  const group = new UpstreamGroup(settings);
  const { addresses, tls, protocol, egressProxy, proxyProtocol } = connecting;
  const transport: TransportOptions = {
    ...(tls !== undefined && { tls }),
    ...(egressProxy !== undefined && { egress: egressProxy }),
    ...(proxyProtocol !== undefined && { proxyProtocol }),
  };
  group.check({
    policy: toPolicy(addresses),
    connect: (policy) => createTransport({ ...transport, policy }, protocol),
    isOwn: true,
  });
  return group;
}
