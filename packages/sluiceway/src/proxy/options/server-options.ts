import { type BaseTarget, parseBaseTarget } from '../../http/target.js';
import type { Checker } from '../../options/checker.js';
import { either, group, list } from '../../options/composites.js';
import { boolean, integer, oneOf, string, url } from '../../options/kinds.js';
import { OFF, type SettingsOf } from '../../options/spec.js';
import {
  keyOf,
  resolutionWords,
  type ServerOptions,
  type ServerSettings,
} from '../../upstream/group/server-settings.js';

export const upstreamUrl = url({ parse: parseUpstreamUrl });

const serverMembers = {
  /** An `http:` or `https:` URL, as `upstream.url`. Required. */
  url: url({
    required: true,
    parse: parseUpstreamUrl,
    doc: 'An `http:` or `https:` URL, as `upstream.url`.',
  }),
  /**
   * Its share of the requests, relative to the other servers. `0` sends it none, and it keeps its place in the
   * list. Default: `1`.
   */
  weight: integer({
    default: 1,
    max: 1000,
    doc: 'Its share of the requests, relative to the other servers. `0` sends it none, and it keeps its place in the list.',
  }),
  /** Whether it gets requests only while no other server is available. Default: `false`. */
  backup: boolean({
    default: false,
    doc: 'Whether it gets requests only while no other server is available.',
  }),
  /**
   * Most transfers at a time. Further requests go to other servers; if all have as many as they may have, they wait
   * in the `queue`. `false` turns it off. Default: unlimited.
   */
  maxTransfers: integer({
    default: OFF,
    off: true,
    min: 1,
    defaultText: 'unlimited',
    doc: 'Most transfers at a time. Further requests go to other servers; if all have as many as they may have, they wait in the `queue`.',
  }),
  /**
   * Most connections at a time, busy and unused, for each proxy and each HTTP version, if fewer than
   * `upstream.connections.max`. With HTTP/1.1, which needs one for each transfer, further requests go to other servers or
   * wait, as with `maxTransfers`; with HTTP/2 they share the connections. Those of health checks are extra. `false` turns
   * it off. Default: that of `upstream.connections.max`.
   */
  maxConnections: integer({
    default: OFF,
    off: true,
    min: 1,
    defaultText: 'that of `upstream.connections.max`',
    doc: 'Most connections at a time, busy and unused, for each proxy and each HTTP version, if fewer than `upstream.connections.max`. With HTTP/1.1, which needs one for each transfer, further requests go to other servers or wait, as with `maxTransfers`; with HTTP/2 they share the connections. Those of health checks are extra.',
  }),
  /** Where the server is, as in `upstream.zone`. Default: none. */
  zone: string({ doc: 'Where the server is, as in `upstream.zone`.' }),
  /**
   * Resolve the name of the URL, and use each server that it leads to as a server of its own: see names that
   * lead to several servers. `addresses`, or `true`: each address of the name. `srv`: the servers of its SRV records
   * (RFC 2782), for a name such as `_http._tcp.files.example`. Default: `false`, which is one server, whose name is
   * resolved for each connection.
   */
  resolve: either(boolean({ default: false }), oneOf(resolutionWords, {}), {
    default: false,
    type: '`true`, `addresses` or `srv`',
    takesSecond: (value) => typeof value === 'string',
    doc: 'Resolve the name of the URL, and use each server that it leads to as a server of its own: see [names that lead to several servers](balancing.md#names-that-lead-to-several-servers). `addresses`, or `true`: each address of the name. `srv`: the servers of its SRV records (RFC 2782), for a name such as `_http._tcp.files.example`. `false` is one server, whose name is resolved for each connection.',
  }),
};

export interface ServerValues extends SettingsOf<typeof serverMembers> {}

const serverOption = either(upstreamUrl, group<ServerOptions, ServerValues>(serverMembers, {}), {
  takesSecond: (value) => typeof value === 'object' && value !== null && !(value instanceof URL),
});

const serversAbout = {
  type: 'list of URLs or objects',
  doc: 'A group of servers that serve the same, between which requests are [balanced](balancing.md): URLs, or objects with the options below. In place of `url`.',
} as const;

/** The servers of an upstream. Absent: it is no group. */
export const serversOption = list(serverOption, { ...serversAbout });

/** The servers of `createUpstreamGroup`. */
export const requiredServersOption = list(serverOption, { ...serversAbout, required: true });

export type GivenServers = readonly (BaseTarget | ServerValues)[];

const NO_OPTIONS = {
  weight: 1,
  backup: false,
  maxTransfers: null,
  maxConnections: null,
  zone: null,
  resolve: false,
} as const;

/** Checks servers together. Adds problems to `check`; `path` is that of the servers. */
export function toServers(check: Checker, path: string, given: GivenServers): ServerSettings[] {
  const known = new Set<string>();
  const servers = given.flatMap((each): ServerSettings[] => {
    const { url: base, resolve: resolution, ...own } = 'url' in each ? each : { url: each, ...NO_OPTIONS };
    // A missing URL is already a problem.
    if (base === undefined) return [];
    if (resolution === 'srv' && base.host !== base.hostname)
      check.problem(path, "must not contain a port in the URL of a server with resolve: 'srv'");
    return [{ base, ...own, priority: 0, zone: own.zone ?? null, resolve: toResolution(resolution) }];
  });
  for (const { base } of servers) {
    const key = keyOf(base);
    if (known.has(key)) check.problem(path, 'must not contain a server twice');
    known.add(key);
  }
  if (servers.length === 0 && check.problems.length === 0) check.problem(path, 'must contain a server');
  if (servers.length > 0 && servers.every(({ weight }) => weight === 0))
    check.problem(path, 'must contain a server whose weight is not 0');
  return servers;
}

const toResolution = (given: ServerValues['resolve']): ServerSettings['resolve'] =>
  typeof given === 'boolean' ? (given ? 'addresses' : null) : (given ?? null);

function parseUpstreamUrl(given: string | URL): BaseTarget {
  if (typeof given === 'string' || given instanceof URL) return parseBaseTarget(given);
  throw new TypeError(`must be a URL as a string or URL object, not ${typeof given}`);
}
