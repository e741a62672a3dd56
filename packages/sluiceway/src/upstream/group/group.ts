import { SluicewayError } from '../../errors.js';
import { parseBaseTarget } from '../../http/target.js';
import { type AddressPolicy, anyAddress } from '../../net/address-policy.js';
import type { Transport } from '../transport.js';
import { type Candidates, toCandidates } from './candidates.js';
import type { Choose } from './choose/choose.js';
import type { BalancedRequest } from './choose/hash-key.js';
import { Ejection, type EjectionSettings } from './ejection.js';
import { HealthChecks, type HealthSettings } from './health/health-checks.js';
import { type MoveSettings, RateWatch } from './rate-watch.js';
import { type NameSettings, ServerNames } from './resolve/server-names.js';
import { RetryBudget } from './retry-budget.js';
import type { RetrySettings } from './retry-policy.js';
import { keyOf, type Resolution, Server, type ServerSettings, type UpstreamServer } from './server.js';

/** How long measured loads are used for choices. */
const REFRESH_MS = 20;

/** Checked values of the options of a group. */
export interface GroupSettings {
  servers: readonly ServerSettings[];
  choose: Choose;
  /** Whether the choice depends on bytes in flight or on rates. */
  comparesLoads: boolean;
  passive: EjectionSettings;
  /** Null: servers are not checked. */
  health: HealthSettings | null;
  retry: RetrySettings;
  move: MoveSettings;
  /** How long a server that was added or has come back gets less than its share. 0: not at all. */
  slowStartMs: number;
  /** The zone of this proxy, whose servers are preferred. Null: zones do not matter. */
  zone: string | null;
  /** How names of servers are resolved. */
  names: NameSettings;
  /** Whether requests are sent to servers that are down if no other is left. */
  triesWhenDown: boolean;
  /** Checks a new list of servers. Throws an `OptionsError`. */
  checkServers(servers: unknown): readonly ServerSettings[];
}

/**
 * Servers that serve the same, between which requests are balanced. Created by `createUpstreamGroup`, or from the
 * option `upstream.servers`. A group can be used by several proxies at the same time.
 */
export class UpstreamGroup {
  readonly #settings: GroupSettings;
  readonly #ejection: Ejection;
  readonly #budget: RetryBudget;
  /** @internal */
  readonly rates: RateWatch;
  #checks: HealthChecks | null = null;
  #ownTransport: Transport | null = null;
  readonly #names: ServerNames;
  #servers: Server[] = [];
  /** The servers that were drained one by one. Their names can still lead to them. */
  readonly #drained = new Set<string>();
  /** Servers that have left the group, and still have transfers. */
  #leaving: Server[] = [];
  /** Those of the servers that are up. Null: not known, since servers have changed. */
  #candidates: Candidates | null = null;
  /** Until when no ejection ends, as `performance.now`. */
  #settledUntil = 0;
  /** Requests that other zones are due, in parts of one. */
  #spilled = 0;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  /** Whether the slow start of a server can be under way. */
  #isWarming = false;
  /** Whether a server has a limit of transfers. */
  #hasLimits = false;

  constructor(settings: GroupSettings) {
    this.#settings = settings;
    this.#ejection = new Ejection(settings.passive, {
      servers: () => this.#servers,
      onChange: () => this.#onChange(),
      onResult: () => {},
    });
    this.#budget = new RetryBudget(settings.retry.budget);
    this.rates = new RateWatch(settings.move, () => this.#servers, this.#ejection);
    this.#names = new ServerNames(settings.names, () => this.#apply());
    this.#set(settings.servers);
  }

  /** The servers in their order, with their state and counts, followed by those that have left and are still in use. */
  get servers(): readonly UpstreamServer[] {
    this.#names.start();
    this.#refresh(0);
    this.#leaving = this.#leaving.filter(({ transfers }) => transfers > 0);
    return [...this.#servers, ...this.#leaving].map((server) => server.snapshot());
  }

  /**
   * Replaces the servers, while the group is in use. The list has the form of the option `servers`. A server that was
   * there before, by its URL, keeps its state and its counts. A server that is no longer there gets no more requests, and
   * its transfers end undisturbed. Throws an `OptionsError` if the list is not valid; then nothing changes.
   */
  setServers(servers: readonly (string | URL | ServerOptions)[]): void {
    const checked = this.#settings.checkServers(servers);
    this.#drained.clear();
    this.#set(checked);
  }

  /**
   * Takes a server out of the group: it gets no more requests, and its transfers end undisturbed. With `move`, downloads
   * go on at other servers that are proved to have the same file; all other transfers end undisturbed. `url` is that of
   * `servers`, or the one that the server was added with. Throws a `TypeError` if the group has no such server, or no other.
   */
  drain(url: string | URL, { move = false }: { move?: boolean } = {}): void {
    const text = String(url);
    const base = parseBaseTarget(text);
    const server = this.#servers.find((each) => each.url === text || keyOf(each.base) === keyOf(base));
    if (server === undefined) throw new TypeError('The group has no such server');
    if (this.#servers.length === 1) throw new TypeError('The group has no other server');
    this.#drained.add(keyOf(server.base));
    this.#apply();
    if (move) server.moveAll(new SluicewayError('connection_read_timeout', 'The server is drained'));
  }

  /**
   * Ends the health checks, and names are no longer resolved. The group can still be used, and all servers that were down because of them are up again. The
   * group of the option `upstream.servers` is closed with its proxy.
   */
  close(): void {
    this.#names.stop();
    this.#checks?.stop();
    this.#checks = null;
    this.#ownTransport?.destroy();
  }

  /**
   * @internal Starts the health checks, if there are any. Their requests are sent by `transport`. `isOwn`: it is closed
   * with the group.
   */
  check(transport: Transport, isOwn: boolean, policy: AddressPolicy = anyAddress): void {
    const { health } = this.#settings;
    if (health !== null) this.#names.start();
    if (health === null || this.#checks !== null) return;
    this.#ownTransport = isOwn ? transport : null;
    this.#checks = new HealthChecks(health, transport, policy, this.#ejection);
    this.#checks.watch(this.#servers);
  }

  /** @internal Settled when the names of the servers have been looked up. Null if a server is known. */
  get resolving(): Promise<void> | null {
    this.#names.start();
    return this.#servers.length === 0 ? this.#names.pending : null;
  }

  /** @internal Why there is no server. */
  unavailable(): SluicewayError {
    const error = this.#servers.length === 0 ? this.#names.error : null;
    return error ?? new SluicewayError('destination_unavailable', 'No server of the group is available');
  }

  /** @internal */
  get retry(): RetrySettings {
    return this.#settings.retry;
  }

  /** @internal */
  get ejection(): Ejection {
    return this.#ejection;
  }

  /** @internal */
  get budget(): RetryBudget {
    return this.#budget;
  }

  /** @internal The server with a target's base; undefined if it is none of this group. */
  serverOf(base: object): Server | undefined {
    return this.#servers.find((server) => server.base === base);
  }

  /**
   * @internal Chooses a server for a request, other than those that were tried before. Null if there is none.
   * `isLastResort`: servers that are down count too, if the group tries them.
   */
  choose(request: BalancedRequest, tried: readonly Server[], isLastResort: boolean): Server | null {
    const { triesWhenDown, comparesLoads, zone } = this.#settings;
    if (comparesLoads || this.#isWarming) this.#refresh();
    if (tried.length === 0) {
      const settled = this.#settledCandidates();
      if (settled !== null) return this.#pick(settled, request);
    }
    const now = performance.now();
    const untried = this.#servers.filter((server) => server.weight > 0 && !tried.includes(server));
    const available = untried.filter((server) => server.isAvailable(now));
    const some =
      available.length === 0 && isLastResort && triesWhenDown
        ? untried.filter(({ isFull }) => !isFull)
        : available;
    return this.#pick(toCandidates(some, this.#servers, zone), request);
  }

  /**
   * The candidates for a request that has tried no server. Kept while no server changes, since looking at all of them for
   * each request would cost more than the choice. Null if they differ from one request to the next.
   */
  #settledCandidates(): Candidates | null {
    if (this.#hasLimits) return null;
    const isCurrent =
      this.#candidates !== null &&
      (this.#settledUntil === Number.POSITIVE_INFINITY || performance.now() < this.#settledUntil);
    if (isCurrent) return this.#candidates;
    const now = performance.now();
    const ends = this.#servers.filter(({ isOnTrial }) => isOnTrial).map(({ ejectedUntil }) => ejectedUntil);
    this.#settledUntil = Math.min(...ends);
    // A server on trial gets one request at a time.
    if (now >= this.#settledUntil) return null;
    const up = this.#servers.filter((server) => server.isAvailable(now));
    if (up.length === 0) return null;
    this.#candidates = toCandidates(up, this.#servers, this.#settings.zone);
    return this.#candidates;
  }

  #pick({ first, spill, spillShare }: Candidates, request: BalancedRequest): Server | null {
    const { choose } = this.#settings;
    if (spillShare > 0) {
      this.#spilled += spillShare;
      if (this.#spilled >= 1) {
        this.#spilled -= 1;
        return choose(spill, request);
      }
    }
    return first.length === 0 ? null : choose(first, request);
  }

  /** @internal The servers other than `without` that can have the same content, in the order in which they are asked. */
  others(request: BalancedRequest, without: Server): Server[] {
    const others: Server[] = [];
    for (;;) {
      const next = this.choose(request, [without, ...others], false);
      if (next === null) return others;
      others.push(next);
    }
  }

  #onChange(): void {
    this.#candidates = null;
    this.#isWarming = this.#settings.slowStartMs > 0;
  }

  /** Updates what the servers have measured, unless that was done less than `validMs` ago. */
  #refresh(validMs = REFRESH_MS): void {
    const now = performance.now();
    if (now - this.#refreshedAt < validMs) return;
    this.#refreshedAt = now;
    this.#isWarming = false;
    for (const server of this.#servers) {
      server.refresh(now);
      if (server.isWarming) this.#isWarming = true;
    }
  }

  #set(given: readonly ServerSettings[]): void {
    this.#names.watch(given);
    this.#apply();
  }

  /** Uses the servers that are known now. */
  #apply(): void {
    const given = this.#names.servers.filter(({ base }) => !this.#drained.has(keyOf(base)));
    const before = new Map(this.#servers.map((server) => [keyOf(server.base), server]));
    const isFirst = this.#servers.length === 0;
    this.#servers = given.map((settings) => {
      const known = before.get(keyOf(settings.base));
      if (known === undefined) {
        const server = new Server(settings, this.#settings.slowStartMs);
        if (!isFirst) server.warmUp(performance.now());
        return server;
      }
      before.delete(keyOf(settings.base));
      known.adjust(settings);
      return known;
    });
    this.#leaving = this.#leaving.filter(({ transfers }) => transfers > 0);
    for (const server of before.values()) {
      this.#ejection.forgive(server);
      server.isDraining = true;
      server.changed();
      this.#leaving.push(server);
    }
    this.#hasLimits = this.#servers.some(({ maxTransfers }) => maxTransfers !== null);
    this.#onChange();
    this.#checks?.watch(this.#servers);
  }
}

/** A server of a group as an option: see `upstream.servers`. */
export interface ServerOptions {
  url: string | URL;
  weight?: number;
  backup?: boolean;
  maxTransfers?: number | false;
  zone?: string;
  resolve?: boolean | Resolution;
}
