import { type BaseTarget, parseBaseTarget } from '../../http/target.js';
import type { DialTlsOptions } from '../../net/dial-tls.js';
import type { Checker } from '../../options/checker.js';
import type { Duration } from '../../units.js';
import type { UpstreamProtocol } from '../../upstream/create-transport.js';
import { MAX_IDLE_CONNECTIONS, type TransportOptions } from '../../upstream/transport-options.js';
import { resolveTls, type UpstreamTlsOptions } from './upstream-tls.js';

export interface ConnectionOptions {
  /** Connections to one origin server at a time. Default unlimited. */
  max?: number;
  /** Requests that may wait for one of them, for as long as `timeouts.connect`; more get 503. Default 1000. */
  maxQueued?: number;
  /** How long an unused connection is kept. Default 60 s. */
  idleTimeout?: Duration;
  /**
   * Unused connections to all origin servers together; the one that has been unused longest is closed. 0 keeps none. A
   * quarter of the descriptors of the process is a limit for all proxies in it besides. Default 1000.
   */
  maxIdle?: number;
}

export interface UpstreamOptions {
  /** http: or https: URL; its path and query are joined to the request's. */
  url: string | URL;
  /**
   * URLs of other servers with the same files, which take over in this order where one fails: for GET and HEAD, before the
   * response head or in the middle of a file. Joined with the request's path as `url` is. Default none.
   */
  mirrors?: readonly (string | URL)[];
  tls?: UpstreamTlsOptions;
  connections?: ConnectionOptions;
  /**
   * HTTP proxy through whose tunnels (CONNECT) origin servers are reached: an http: or https: URL, with user name and
   * password where it asks for them, or `'environment'` for what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say when the
   * proxy is made. Needs `addresses: 'any'`, since it is the other proxy that connects. Default none.
   */
  proxy?: string | URL;
  /**
   * What is spoken with origin servers. `http1` (default): HTTP/1.1, which costs us half to three quarters of the
   * CPU per byte and gives each large file a connection of its own. `http2`: HTTP/2 and nothing else, also without TLS for http: URLs
   * (prior knowledge). `auto`: HTTP/2 where an https: server chooses it (ALPN); HTTP/1.1 otherwise, and for upgrades.
   */
  protocol?: UpstreamProtocol;
}

interface ResolvedUpstream {
  /** Of the URL. */
  path: string;
  url: string | URL | undefined;
  mirrors: BaseTarget[];
  tls: DialTlsOptions | undefined;
  connections: Partial<ConnectionOptions>;
  proxy: string | URL | undefined;
  protocol: UpstreamProtocol;
}

/** Where requests go and how, from a URL or an object; the URL is still to be parsed. */
export function resolveUpstream(
  check: Checker,
  upstream: string | URL | UpstreamOptions | undefined,
): ResolvedUpstream {
  if (typeof upstream !== 'object' || upstream === null || upstream instanceof URL) {
    return {
      path: 'upstream',
      url: upstream,
      mirrors: [],
      tls: undefined,
      connections: {},
      proxy: undefined,
      protocol: 'http1',
    };
  }
  const known = ['url', 'mirrors', 'tls', 'connections', 'proxy', 'protocol'] as const;
  const { url, mirrors, tls, connections, proxy, protocol } = check.group('upstream', upstream, known);
  return {
    path: 'upstream.url',
    url,
    mirrors: check
      .list('upstream.mirrors', mirrors, (path, mirror) =>
        check.parsed(path, mirror as string | URL, null, parseUpstreamUrl),
      )
      .filter((mirror) => mirror !== null),
    tls: resolveTls(check, 'upstream.tls', tls),
    connections: check.group('upstream.connections', connections, [
      'max',
      'maxQueued',
      'idleTimeout',
      'maxIdle',
    ]),
    proxy,
    protocol: check.oneOf('upstream.protocol', protocol, ['http1', 'http2', 'auto'], 'http1'),
  };
}

/** The numbers of `upstream.connections`, for the transport. */
export function resolveConnections(
  check: Checker,
  { max, maxQueued, idleTimeout, maxIdle }: Partial<ConnectionOptions>,
): Pick<TransportOptions, 'maxConnections' | 'maxQueued' | 'idleTimeoutMs' | 'maxIdleConnections'> {
  const at = (name: string): string => `upstream.connections.${name}`;
  return {
    maxConnections: check.integer(at('max'), max, Number.POSITIVE_INFINITY, { min: 1 }),
    maxQueued: check.integer(at('maxQueued'), maxQueued, 1000, { min: 0 }),
    idleTimeoutMs: check.duration(at('idleTimeout'), idleTimeout, 60_000),
    maxIdleConnections: check.integer(at('maxIdle'), maxIdle, MAX_IDLE_CONNECTIONS, { min: 0 }),
  };
}

export function parseUpstreamUrl(url: string | URL): BaseTarget {
  if (typeof url === 'string' || url instanceof URL) return parseBaseTarget(url);
  throw new TypeError(`must be a URL as a string or URL object, not ${typeof url}`);
}
