import type { BaseTarget } from '../../http/target.js';
import { Checker } from '../../options/checker.js';
import { either, group, list } from '../../options/composites.js';
import { custom, duration, integer } from '../../options/kinds.js';
import { OFF, type OptionsOf, type SettingsOf, type Spec } from '../../options/spec.js';
import { UpstreamGroup } from '../../upstream/group/group.js';
import { MAX_IDLE_CONNECTIONS, type TransportOptions } from '../../upstream/transport-options.js';
import { balancingMembers } from './group-options.js';
import { serversOption, upstreamUrl } from './server-options.js';
import { egressOption } from './upstream-egress.js';
import { protocolOption, proxyProtocolOption } from './upstream-protocol.js';
import { tlsOption } from './upstream-tls.js';

const connectionOptions = {
  /**
   * Connections to one origin server at a time. Unlimited, because a large file holds its connection for a
   * long time, and a limit that is too low makes other clients wait behind it. A connection over HTTP/2
   * carries up to 100 requests at a time, or as many as the origin server allows. In a group it is the limit
   * of this proxy for each server: further requests go to other servers. `false` turns it off. Default:
   * unlimited.
   */
  max: integer({
    default: OFF,
    off: true,
    min: 1,
    defaultText: 'unlimited',
    doc: 'Connections to one origin server at a time. Unlimited, because a large file holds its connection for a long time, and a limit that is too low makes other clients wait behind it. A connection over HTTP/2 carries up to 100 requests at a time, or as many as the origin server allows. In a group it is the limit of this proxy for each server: [further requests go to other servers](balancing.md#limits).',
  }),
  /**
   * Requests that may wait for one of `max` connections, each for as long as `timeouts.connect`; further
   * requests get 503. Enough for a burst, and bounded. Default: `1000`.
   */
  maxQueued: integer({
    default: 1000,
    doc: 'Requests that may wait for one of `max` connections, each for as long as `timeouts.connect`; further requests get 503. Enough for a burst, and bounded.',
  }),
  /**
   * How long an unused connection is kept. If the origin server announces a shorter time in `Keep-Alive`,
   * that applies. If a kept connection turns out to be dead, the request is sent once more on a new one,
   * provided that it is idempotent and none of its content has been sent. Default: `60s`.
   */
  idleTimeout: duration({
    default: '60s',
    doc: 'How long an unused connection is kept. If the origin server announces a shorter time in `Keep-Alive`, that applies. If a kept connection turns out to be dead, the request is sent once more on a new one, provided that it is idempotent and none of its content has been sent.',
  }),
  /**
   * Unused connections to all origin servers together, over HTTP/1.1 and HTTP/2. The one that has been unused
   * longest is closed; `0` keeps none. Without a limit, clients that name the hosts could use up the file
   * descriptors of the process. All proxies of a process together are also limited to a quarter of its
   * descriptors, and if a connection fails because none is left (`EMFILE`, `ENFILE`), the oldest quarter is
   * closed and the connection is tried again. Default: `1000`.
   */
  maxIdle: integer({
    default: MAX_IDLE_CONNECTIONS,
    doc: 'Unused connections to all origin servers together, over HTTP/1.1 and HTTP/2. The one that has been unused longest is closed; `0` keeps none. Without a limit, clients that name the hosts could use up the file descriptors of the process. All proxies of a process together are also limited to a quarter of its descriptors, and if a connection fails because none is left (`EMFILE`, `ENFILE`), the oldest quarter is closed and the connection is tried again.',
  }),
};

/** A group that the application has created. */
const groupOption = custom<UpstreamGroup, UpstreamGroup | undefined>({
  type: '`UpstreamGroup`',
  schema: null,
  doc: 'A [group](balancing.md#a-group-that-changes) that `createUpstreamGroup` has created, in place of `url`. It can be changed while it is used, and used by several proxies.',
  read: (check, path, value) => {
    if (value === undefined || value instanceof UpstreamGroup) return value;
    check.problem(path, 'must be a group that createUpstreamGroup has created');
    return undefined;
  },
});

const urlOption: Spec<string | URL, BaseTarget | undefined, false> = {
  ...upstreamUrl,
  /**
   * An `http:` or `https:` URL. Its path comes before the path of each request, and its query before the
   * query of each request. A string is kept byte for byte. No user name, password or fragment. Required,
   * unless there are `servers` or a `group`, or `onRequest` always chooses. Default: none.
   */
  doc: 'An `http:` or `https:` URL. Its path comes before the path of each request, and its query before the query of each request. A string is kept byte for byte. No user name, password or fragment. Required, unless there are `servers` or a `group`, or `onRequest` always chooses.',
};

const upstreamMembers = {
  /**
   * An `http:` or `https:` URL. Its path comes before the path of each request, and its query before the
   * query of each request. A string is kept byte for byte. No user name, password or fragment. Required,
   * unless there are `servers` or a `group`, or `onRequest` always chooses. Default: none.
   */
  url: urlOption,
  /** A group of servers. */
  servers: serversOption,
  /**
   * A group that `createUpstreamGroup` has created, in place of `url`. It can be changed while it is used,
   * and used by several proxies. Default: none.
   */
  group: groupOption,
  ...balancingMembers,
  /**
   * Other servers with the same files. If one fails, the next one takes over, before the response or in the
   * middle of a file. For GET and HEAD. Default: none.
   */
  mirrors: list(upstreamUrl, {
    default: [],
    type: 'list of URLs',
    doc: 'Other servers with the same files. If one fails, the next one takes over, before the response or [in the middle of a file](resuming.md#mirrors). For GET and HEAD.',
  }),
  /** How to reach `https:` URLs: `ca`, `cert`, `key`, `servername`. Default: Node's. */
  tls: tlsOption,
  /**
   * HTTP proxy through which origin servers are reached (CONNECT): see through an egress proxy. An http: or
   * https: URL, with user name and password if the proxy asks for them, or `'environment'` for the variables
   * HTTPS_PROXY, HTTP_PROXY and NO_PROXY. It needs `addresses: 'any'`, because the other proxy connects. The
   * environment is not read by default: the origin servers of a reverse proxy are usually near, and a
   * variable that was set for downloads must not send its requests elsewhere. Default: none.
   */
  egressProxy: egressOption,
  /**
   * The protocol that is used with origin servers: see HTTP/2 to origin servers. `http2` is HTTP/2 only,
   * without TLS for http: URLs (prior knowledge). `auto` is HTTP/2 if an https: server chooses it (ALPN), and
   * HTTP/1.1 otherwise and for upgrades. HTTP/1.1 is the default: its client is part of Sluiceway and takes
   * half to three quarters of the CPU for a byte, each large file has a connection of its own, and a client
   * that stops costs less memory. Default: `'http1'`.
   */
  protocol: protocolOption,
  /**
   * Tell origin servers the address of the client with a header of the PROXY protocol, version 1 (text) or 2
   * (binary), at the beginning of each connection, before TLS: for servers that expect it, such as HAProxy
   * (`accept-proxy`) and nginx (`listen … proxy_protocol`). Others take it for a request that is not valid. A
   * connection then serves one client connection only. It needs `protocol: 'http1'` and no `egressProxy`.
   * Default: none.
   */
  proxyProtocol: proxyProtocolOption,
  /** Connections to origin servers. */
  connections: group<ConnectionOptions, ConnectionValues>(connectionOptions, {
    doc: 'Connections to origin servers.',
  }),
};

const allOptions = group<UpstreamOptions, UpstreamValues>(upstreamMembers, {});

const upstreamGroup: typeof allOptions = {
  ...allOptions,
  schema: () => ({ ...allOptions.schema(), anyOf: [{ required: ['url'] }, { required: ['servers'] }] }),
};

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof URL);

const urlOrGroup = either(upstreamUrl, groupOption, {
  takesSecond: (value) => value instanceof UpstreamGroup,
});

export const upstreamOption = either(urlOrGroup, upstreamGroup, {
  type: 'URL, object or `UpstreamGroup`',
  takesSecond: (value) => isObject(value) && !(value instanceof UpstreamGroup),
  doc: 'Where requests go: a URL, a [group of servers](balancing.md), or an object with [further options](#the-upstream). Required, unless `onRequest` always chooses.',
});

/** An upstream with defaults for everything except the URL. */
export const upstreamDefaults = (): UpstreamValues => upstreamGroup.read(new Checker(''), '', undefined);

export interface ConnectionOptions extends OptionsOf<typeof connectionOptions> {}
export interface ConnectionValues extends SettingsOf<typeof connectionOptions> {}
export interface UpstreamOptions extends OptionsOf<typeof upstreamMembers> {}
export interface UpstreamValues extends SettingsOf<typeof upstreamMembers> {}

/** The values of `upstream.connections`, for the transport. */
export function toConnectionSettings(
  given: ConnectionValues,
): Pick<TransportOptions, 'maxConnections' | 'maxQueued' | 'idleTimeoutMs' | 'maxIdleConnections'> {
  return {
    maxConnections: given.max ?? Number.POSITIVE_INFINITY,
    maxQueued: given.maxQueued,
    idleTimeoutMs: given.idleTimeout,
    maxIdleConnections: given.maxIdle,
  };
}
