import { Checker } from '../../options/checker.js';
import { either } from '../../options/composites.js';
import { custom, duration, func, oneOf, string } from '../../options/kinds.js';
import { type Members, OFF, type OptionsOf, resolve, type SettingsOf } from '../../options/spec.js';
import {
  type BalanceFunction,
  balanceWords,
  toChoose,
  toOwnChoice,
} from '../../upstream/group/choose/choose.js';
import { type KeyOf, parseHashKey } from '../../upstream/group/choose/hash-key.js';
import type { GroupSettings } from '../../upstream/group/group-settings.js';
import { dnsOption, toNameSettings } from './dns-options.js';
import {
  hedgeOption,
  moveOption,
  passiveOption,
  retryOption,
  toEjectionSettings,
} from './failover-options.js';
import {
  breakerOption,
  queueOption,
  stickyOption,
  toBreakerSettings,
  toStickySettings,
} from './group-limit-options.js';
import { healthOption, toHealthSettings } from './health-options.js';
import { type GivenServers, requiredServersOption, serversOption, toServers } from './server-options.js';
import { checkEgress, egressOption } from './upstream-egress.js';
import { protocolOption, proxyProtocolOption } from './upstream-protocol.js';
import { tlsOption } from './upstream-tls.js';

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
   * `cookie:<name>` or `query:<name>`. A request that has none goes to the next server in turn. It needs
   * `balance: hash`. Default: `'path'`.
   */
  hashKey: custom<string, KeyOf | null>({
    type: 'text',
    defaultText: "`'path'`",
    schema: { type: 'string', pattern: '^(path|uri|client|(header|cookie|query):.+)$' },
    doc: 'What decides with `hash`: `path`, `uri` (path and query), `client` (its address), `header:<name>`, `cookie:<name>` or `query:<name>`. A request that has none goes to the next server in turn. It needs `balance: hash`.',
    read: (check, path, value) => {
      const text = check.string(path, value, undefined);
      return text === undefined ? null : check.parsed(path, text, null, parseHashKey);
    },
  }),
  /** When a request is sent to another server. */
  retry: retryOption,
  /** When a GET or HEAD request is sent to a second server too. */
  hedge: hedgeOption,
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

const groupMembers = {
  servers: requiredServersOption,
  ...balancingMembers,
  /**
   * Which addresses health checks may connect to. A proxy with `addresses: 'public'` restricts the checks of the groups
   * that it uses too, from its creation on; a group that only a hook chooses, from the first request on. Requests obey
   * `addresses` of the proxy that sends them. Default: `'any'`.
   */
  addresses: oneOf(['any', 'public'], {
    default: 'any',
    doc: "Which addresses health checks may connect to. A proxy with `addresses: 'public'` restricts the checks of the groups that it uses too, from its creation on; a group that only a hook chooses, from the first request on. Requests obey `addresses` of the proxy that sends them.",
  }),
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

/** Checks the options of `createUpstreamGroup`. Throws an `OptionsError`. */
export function resolveGroupOptions(options: UpstreamGroupOptions): {
  settings: GroupSettings;
  /** How health checks connect. */
  connecting: Pick<
    SettingsOf<typeof groupMembers>,
    'addresses' | 'tls' | 'protocol' | 'egressProxy' | 'proxyProtocol'
  >;
} {
  const check = new Checker('createUpstreamGroup');
  const { servers, addresses, tls, protocol, egressProxy, proxyProtocol, ...balancing } = resolve(
    groupMembers,
    options,
    check,
  );
  checkEgress(check, 'egressProxy', { isGiven: egressProxy !== undefined, addresses, transport: undefined });
  const settings = toGroupSettings(check, 'servers', servers ?? [], balancing);
  check.throwIfAny();
  return { settings, connecting: { addresses, tls, protocol, egressProxy, proxyProtocol } };
}

/** Adds the problems of servers that conflict. `path` is that of the servers. */
export function toGroupSettings(
  check: Checker,
  path: string,
  servers: GivenServers,
  { balance, hashKey, retry, passive, health, move, dns, queue, breaker, sticky, ...choice }: BalancingValues,
): GroupSettings {
  if (hashKey !== null && balance !== 'hash')
    check.problem(path.replace(/servers$/, 'hashKey'), "has no effect without balance: 'hash'");
  const keyOf = hashKey ?? parseHashKey('path');
  return {
    servers: toServers(check, path, servers),
    choose: typeof balance === 'function' ? toOwnChoice(balance) : toChoose(balance ?? 'round-robin', keyOf),
    comparesLoads: typeof balance === 'function' || balance === 'least-bytes' || balance === 'throughput',
    retry: {
      max: retry.max,
      maxConcurrent: retry.maxConcurrent,
      connectTimeoutMs: retry.connectTimeout,
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
    hedge: { connectMs: choice.hedge.connect, head: choice.hedge.after ?? null },
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
