import { type BaseTarget, parseBaseTarget } from '../../http/target.js';
import { Checker } from '../../options/checker.js';
import { either, group, list } from '../../options/composites.js';
import { boolean, custom, duration, func, integer, oneOf, string, url } from '../../options/kinds.js';
import { type Members, OFF, type OptionsOf, resolve, type SettingsOf } from '../../options/spec.js';
import {
  type BalanceFunction,
  balanceWords,
  toChoose,
  toOwnChoice,
} from '../../upstream/group/choose/choose.js';
import { type KeyOf, parseHashKey } from '../../upstream/group/choose/hash-key.js';
import type { GroupSettings, ServerOptions } from '../../upstream/group/group.js';
import { keyOf, resolutionWords, type ServerSettings } from '../../upstream/group/server.js';
import { dnsOption, toNameSettings } from './dns-options.js';
import { moveOption, passiveOption, retryOption, toEjectionSettings } from './failover-options.js';
import {
  breakerOption,
  queueOption,
  stickyOption,
  toBreakerSettings,
  toStickySettings,
} from './group-limit-options.js';
import { healthOption, toHealthSettings } from './health-options.js';
import { egressOption } from './upstream-egress.js';
import { protocolOption, proxyProtocolOption } from './upstream-protocol.js';
import { tlsOption } from './upstream-tls.js';

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

const balanceFunction = func<BalanceFunction>({});

/** The options of a group, without its servers. */
export const balancingMembers = {
  /**
   * How a server is chosen for each request: see balancing. `round-robin` takes turns by weight;
   * `least-transfers` and `least-bytes` take the server with the fewest running transfers, or bytes that
   * these have still to move, for its weight; `throughput` the one that promises the highest measured rate;
   * `random-of-two` the better one of two random servers; `hash` always the same server for the same
   * `hashKey`; `ordered` the first one in the list that is available. Or a function that chooses. Default:
   * `'round-robin'`.
   */
  balance: either(oneOf(balanceWords, { default: 'round-robin' }), balanceFunction, {
    default: 'round-robin',
    type: 'word or function',
    defaultText: "`'round-robin'`",
    takesSecond: (value) => typeof value === 'function',
    doc: 'How a server is chosen for each request: see [balancing](balancing.md#choosing-a-server). `round-robin` takes turns by weight; `least-transfers` and `least-bytes` take the server with the fewest running transfers, or bytes that these have still to move, for its weight; `throughput` the one that promises the highest measured rate; `random-of-two` the better one of two random servers; `hash` always the same server for the same `hashKey`; `ordered` the first one in the list that is available. Or a [function](balancing.md#a-function-of-your-own) that chooses.',
  }),
  /**
   * What decides with `hash`: `path`, `uri` (path and query), `client` (its address), `header:<name>`,
   * `cookie:<name>` or `query:<name>`. A request that has none goes to the next server in turn. Default:
   * `'path'`.
   */
  hashKey: custom<string, KeyOf>({
    type: 'text',
    defaultText: "`'path'`",
    schema: { type: 'string', pattern: '^(path|uri|client|(header|cookie|query):.+)$' },
    doc: 'What decides with `hash`: `path`, `uri` (path and query), `client` (its address), `header:<name>`, `cookie:<name>` or `query:<name>`. A request that has none goes to the next server in turn.',
    read: (check, path, value) => {
      const byPath = parseHashKey('path');
      const text = check.string(path, value, undefined);
      return text === undefined ? byPath : check.parsed(path, text, byPath, parseHashKey);
    },
  }),
  /** When a request is sent to another server. */
  retry: retryOption,
  /** When a server that fails gets no more requests. */
  passive: passiveOption,
  /**
   * Whether servers are checked at intervals: see health checks. A path, such as `/healthz`, or an object with the
   * options there. Default: none.
   */
  health: healthOption,
  /** When a download that is slow goes on at another server. */
  move: moveOption,
  /** How the names of servers with `resolve` are resolved. */
  dns: dnsOption,
  /**
   * Requests that wait for a server, because all servers that are available have `maxTransfers`. Clients take
   * turns.
   */
  queue: queueOption,
  /**
   * A circuit breaker: if too many requests to the whole group fail, clients get 503 at once, and the servers time to
   * recover.
   */
  breaker: breakerOption,
  /**
   * Keep each client at one server with a cookie: its name, or an object with the options there. Default: none.
   */
  sticky: stickyOption,
  /**
   * How long a server that was added, or that has come back, gets less than its share: a tenth at first, then
   * evenly more. For servers with caches that are empty at first. It has no effect with `ordered` and with a
   * function. `false` turns it off. Default: off.
   */
  slowStart: duration({
    default: OFF,
    off: true,
    min: 1,
    defaultText: 'off',
    doc: 'How long a server that was added, or that has come back, gets less than its share: a tenth at first, then evenly more. For servers with caches that are empty at first. It has no effect with `ordered` and with a function.',
  }),
  /**
   * Where this proxy is: servers with the same `zone` get all requests as long as enough of them are
   * available: see zones. Default: none.
   */
  zone: string({
    doc: 'Where this proxy is: servers with the same `zone` get all requests as long as enough of them are available: see [zones](balancing.md#zones).',
  }),
  /**
   * What happens when all servers are down: `try` sends requests to them anyway, and `refuse` answers 503
   * with `Retry-After`. Default: `'try'`.
   */
  whenDown: oneOf(['try', 'refuse'], {
    default: 'try',
    doc: 'What happens when all servers are down: `try` sends requests to them anyway, and `refuse` answers 503 with `Retry-After`.',
  }),
};

const serversAbout = {
  type: 'list of URLs or objects',
  doc: 'A group of servers that serve the same, between which requests are [balanced](balancing.md): URLs, or objects with the options below. In place of `url`.',
} as const;

/** The servers of an upstream. Absent: it is no group. */
export const serversOption = list(serverOption, { ...serversAbout });

const groupMembers = {
  servers: list(serverOption, { ...serversAbout, required: true }),
  ...balancingMembers,
  /** How to reach `https:` URLs: `ca`, `cert`, `key`, `servername`. Default: Node's. */
  tls: tlsOption,
  /**
   * The protocol that is used with origin servers: see HTTP/2 to origin servers. `http2` is HTTP/2 only,
   * without TLS for http: URLs (prior knowledge). `auto` is HTTP/2 if an https: server chooses it (ALPN), and
   * HTTP/1.1 otherwise and for upgrades. HTTP/1.1 is the default: its client is part of Sluiceway and takes
   * half to three quarters of the CPU for a byte, each large file has a connection of its own, and a client
   * that stops costs less memory. Default: `'http1'`.
   */
  protocol: protocolOption,
  /**
   * HTTP proxy through which origin servers are reached (CONNECT): see through an egress proxy. An http: or
   * https: URL, with user name and password if the proxy asks for them, or `'environment'` for the variables
   * HTTPS_PROXY, HTTP_PROXY and NO_PROXY. It needs `addresses: 'any'`, because the other proxy connects. The
   * environment is not read by default: the origin servers of a reverse proxy are usually near, and a
   * variable that was set for downloads must not send its requests elsewhere. Default: none.
   */
  egressProxy: egressOption,
  /**
   * Tell origin servers the address of the client with a header of the PROXY protocol, version 1 (text) or 2
   * (binary), at the beginning of each connection, before TLS: for servers that expect it, such as HAProxy
   * (`accept-proxy`) and nginx (`listen … proxy_protocol`). Others take it for a request that is not valid. A
   * connection then serves one client connection only. It needs `protocol: 'http1'` and no `egressProxy`.
   * Default: none.
   */
  proxyProtocol: proxyProtocolOption,
};

/** The description of the options of `createUpstreamGroup`. */
export const upstreamGroupOptions: Members = groupMembers;

/** The options of `createUpstreamGroup`. */
export interface UpstreamGroupOptions extends OptionsOf<typeof groupMembers> {}

export interface BalancingValues extends SettingsOf<typeof balancingMembers> {}

type GivenServers = readonly (BaseTarget | ServerValues)[];

/** Checks the options of `createUpstreamGroup`. Throws an `OptionsError`. */
export function resolveGroupOptions(options: UpstreamGroupOptions): {
  settings: GroupSettings;
  /** How health checks connect. */
  connecting: Pick<SettingsOf<typeof groupMembers>, 'tls' | 'protocol' | 'egressProxy' | 'proxyProtocol'>;
} {
  const check = new Checker('createUpstreamGroup');
  const { servers, tls, protocol, egressProxy, proxyProtocol, ...balancing } = resolve(
    groupMembers,
    options,
    check,
  );
  const settings = toGroupSettings(check, 'servers', servers ?? [], balancing);
  check.throwIfAny();
  return { settings, connecting: { tls, protocol, egressProxy, proxyProtocol } };
}

/** Adds the problems of servers that conflict. `path` is that of the servers. */
export function toGroupSettings(
  check: Checker,
  path: string,
  servers: GivenServers,
  { balance, hashKey, retry, passive, health, move, dns, queue, breaker, sticky, ...choice }: BalancingValues,
): GroupSettings {
  return {
    servers: toServers(check, path, servers),
    choose:
      typeof balance === 'function' ? toOwnChoice(balance) : toChoose(balance ?? 'round-robin', hashKey),
    comparesLoads: typeof balance === 'function' || balance === 'least-bytes' || balance === 'throughput',
    retry: {
      max: retry.max,
      maxConcurrent: retry.maxConcurrent,
      statuses: new Set(retry.statuses),
      maxContent: retry.maxContent,
      budget: { share: retry.budget.percent / 100, minPerSecond: retry.budget.minPerSecond },
    },
    passive: toEjectionSettings(passive),
    health: toHealthSettings(health),
    move: { share: move.below === null ? null : move.below / 100, afterMs: move.after },
    names: toNameSettings(check, path.replace(/servers$/, 'dns'), dns),
    queue: { max: queue.max, timeoutMs: queue.timeout },
    breaker: toBreakerSettings(breaker),
    sticky: toStickySettings(sticky),
    slowStartMs: choice.slowStart ?? 0,
    zone: choice.zone ?? null,
    triesWhenDown: choice.whenDown === 'try',
    checkServers: (given) => {
      const own = new Checker('setServers');
      const checked = toServers(own, 'servers', serversOption.read(own, 'servers', given) ?? []);
      own.throwIfAny();
      return checked;
    },
  };
}

const NO_OPTIONS = { weight: 1, backup: false, maxTransfers: null, zone: null, resolve: false } as const;

function toServers(check: Checker, path: string, given: GivenServers): ServerSettings[] {
  const known = new Set<string>();
  const servers = given.flatMap((each): ServerSettings[] => {
    const { url: base, resolve: resolution, ...own } = 'url' in each ? each : { url: each, ...NO_OPTIONS };
    // A missing URL is already a problem.
    if (base === undefined) return [];
    if (resolution === 'srv' && base.host !== base.hostname)
      check.problem(path, "must not contain a port in the URL of a server with resolve: 'srv'");
    return [{ base, ...own, zone: own.zone ?? null, resolve: toResolution(resolution) }];
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
