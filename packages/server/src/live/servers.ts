import type { UpstreamServer } from 'sluiceway';
import type { RoutedTransfer } from './transfer-view.js';

/** A group of servers, with the name of its upstream or route. */
export interface LiveGroup {
  readonly name: string;
  readonly servers: readonly UpstreamServer[];
  /** Takes a server out. Throws a `TypeError` if there is no other one. Does nothing if it is out already. */
  drain(url: string, move: boolean): void;
  undrain(url: string): void;
}

/** A server that an operator takes out of its group, or puts back. */
export interface DrainOrder {
  group: string;
  server: string;
  isDrained: boolean;
  /** Whether its downloads go on at other servers that have the same file. */
  move: boolean;
}

/** `last`: it is the only server that is left. */
export type DrainResult = 'done' | 'unknown' | 'last';

export function orderDrain(
  groups: readonly LiveGroup[],
  { group, server, isDrained, move }: DrainOrder,
): DrainResult {
  let result: DrainResult = 'unknown';
  for (const each of groups.filter(({ name }) => name === group)) {
    const url = each.servers.find((other) => serverName(other.url) === server)?.url;
    if (url === undefined) continue;
    try {
      if (isDrained) each.drain(url, move);
      else each.undrain(url);
      result = 'done';
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return 'last';
    }
  }
  return result;
}

const STATES = ['up', 'draining', 'ejected', 'down'] as const;
type ViewState = (typeof STATES)[number];

/** A server of a group, as the API shows it. */
interface ServerView {
  /** Its host, port and path, which is unique in the group. */
  name: string;
  url: string;
  /** A server that is on trial after an ejection is still `ejected`. */
  state: ViewState;
  /** When the state changed, ISO 8601 in UTC. */
  since: string;
  transfers: number;
  /** Bytes per second of its running transfers, both ways. */
  rate: number;
  /** Bytes of all its transfers so far, both ways. */
  bytes: number;
  weight: number;
  backup: boolean;
  /** Why the last request or health check failed. */
  lastFailure: string | null;
}

export interface GroupView {
  name: string;
  servers: ServerView[];
}

/** The sums of the transfers of each server: scheme, host and port. */
type Sums = ReadonlyMap<string, { rate: number; bytes: number }>;

/** `ended`: the bytes of transfers that have ended, by server. */
export function toGroupViews(
  groups: readonly LiveGroup[],
  running: Iterable<RoutedTransfer>,
  ended: ReadonlyMap<string, number>,
): GroupView[] {
  const sums = sumUp(running, ended);
  return groups.map(({ name, servers }) => ({
    name,
    servers: servers.map((server) => toServerView(server, sums)),
  }));
}

function sumUp(running: Iterable<RoutedTransfer>, ended: ReadonlyMap<string, number>): Sums {
  const sums = new Map(Array.from(ended, ([url, bytes]) => [url, { rate: 0, bytes }]));
  for (const { transfer } of running) {
    const { upstream } = transfer;
    if (upstream === null) continue;
    const sum = sums.get(upstream) ?? { rate: 0, bytes: 0 };
    sum.rate += transfer.rateDown + transfer.rateUp;
    sum.bytes += transfer.bytesDown + transfer.bytesUp;
    sums.set(upstream, sum);
  }
  return sums;
}

function toServerView(server: UpstreamServer, sums: Sums): ServerView {
  const { url, state, transfers, weight, backup } = server;
  const { protocol, host } = new URL(url);
  const { rate, bytes } = sums.get(`${protocol}//${host}`) ?? { rate: 0, bytes: 0 };
  return {
    name: serverName(url),
    url,
    state: state === 'trial' ? 'ejected' : state,
    since: server.since.toISOString(),
    transfers,
    rate,
    bytes,
    weight,
    backup,
    lastFailure: server.fault ?? server.lastFailure,
  };
}

function serverName(url: string): string {
  const { host, pathname } = new URL(url);
  return pathname === '/' ? host : host + pathname;
}

/** The groups of all processes. Counts are added, and the worst state counts. */
export function mergeGroups(processes: readonly GroupView[][]): GroupView[] {
  const groups = new Map<string, Map<string, ServerView>>();
  for (const { name, servers } of processes.flat()) {
    const merged = groups.get(name) ?? new Map<string, ServerView>();
    groups.set(name, merged);
    for (const server of servers) {
      const other = merged.get(server.name);
      merged.set(server.name, other === undefined ? server : addServers(other, server));
    }
  }
  return Array.from(groups, ([name, servers]) => ({ name, servers: [...servers.values()] }));
}

/** The same server in two processes, or twice in one: used again while transfers from before its drain run. */
function addServers(a: ServerView, b: ServerView): ServerView {
  const worst = STATES.indexOf(a.state) >= STATES.indexOf(b.state) ? a : b;
  return {
    ...worst,
    transfers: a.transfers + b.transfers,
    rate: a.rate + b.rate,
    bytes: a.bytes + b.bytes,
    lastFailure: worst.lastFailure ?? a.lastFailure ?? b.lastFailure,
  };
}
