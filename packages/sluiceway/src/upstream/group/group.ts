import { SluicewayError } from '../../errors.js';
import { parseBaseTarget } from '../../http/target.js';
import type { AddressPolicy } from '../../net/address-policy.js';
import type { BalancedRequest } from './choose/hash-key.js';
import { type BreakerState, CircuitBreaker } from './circuit-breaker.js';
import type { ConnectionLimit } from './connection-limit.js';
import { Ejection } from './ejection.js';
import type { GroupSettings } from './group-settings.js';
import { HeadTimes } from './head-times.js';
import { CheckConnections, type CheckSettings } from './health/check-connections.js';
import { HealthChecks } from './health/health-checks.js';
import { RateWatch } from './rate-watch.js';
import { RequestQueue } from './request-queue.js';
import { ServerNames } from './resolve/server-names.js';
import { RetryBudget } from './retry-budget.js';
import type { RetrySettings } from './retry-policy.js';
import type { HedgeTimes } from './send-hedged.js';
import { Server, type UpstreamServer } from './server.js';
import { ServerChoice } from './server-choice.js';
import { keyOf, type ServerOptions, type ServerSettings } from './server-settings.js';
import { Sticky } from './sticky.js';

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
  /** Which addresses the proxies that use the group allow. */
  readonly #guards: AddressPolicy[] = [];
  readonly #names: ServerNames;
  #servers: Server[] = [];
  /** The servers that were drained one by one. Their names can still lead to them. */
  readonly #drained = new Set<string>();
  /** Servers that have left the group, and still have transfers. */
  #leaving: Server[] = [];
  /** @internal */
  readonly choice: ServerChoice;
  /** @internal Requests that wait for a server. */
  readonly queue: RequestQueue;
  /** @internal Null: there is none. */
  readonly circuit: CircuitBreaker | null;
  /** @internal Null: cookies do not matter. */
  readonly sticky: Sticky | null;
  readonly #headTimes: HeadTimes | null;
  /** The number of requests that are being retried. */
  #retrying = 0;

  constructor(settings: GroupSettings) {
    this.#settings = settings;
    this.#ejection = new Ejection(settings.passive, {
      servers: () => this.#servers,
      onChange: () => {
        this.choice.changed();
        this.queue.serve();
      },
      onResult: (isFailure, beganAt, now, headMs) => {
        this.circuit?.record(isFailure, beganAt, now);
        if (headMs !== null) this.#headTimes?.add(headMs);
      },
    });
    this.choice = new ServerChoice(settings);
    this.queue = new RequestQueue(settings.queue);
    this.circuit = settings.breaker && new CircuitBreaker(settings.breaker);
    this.#headTimes = settings.hedge.head === 'p95' ? new HeadTimes() : null;
    this.sticky = settings.sticky && new Sticky(settings.sticky);
    this.#budget = new RetryBudget(settings.retry.budget);
    this.rates = new RateWatch(settings.move, () => this.#servers, this.#ejection);
    this.#names = new ServerNames(settings.names, () => this.#apply());
    this.#set(settings.servers);
  }

  /** The servers in their order, with their state and counts, followed by those that have left and are still in use. */
  get servers(): readonly UpstreamServer[] {
    this.#names.start();
    this.choice.refresh(0);
    this.#leaving = this.#leaving.filter(({ transfers }) => transfers > 0);
    return [...this.#servers, ...this.#leaving].map((server) => server.snapshot());
  }

  /** The number of requests that wait because all servers have as many transfers as they may have. */
  get queued(): number {
    return this.queue.length;
  }

  /** The state of the circuit breaker. Without one, `closed`. */
  get breaker(): BreakerState {
    return this.circuit?.state ?? 'closed';
  }

  /**
   * Replaces the servers, while the group is in use. The list has the form of the option `servers`. A server that was
   * there before, by its URL, keeps its state and its counts. A server that is no longer there gets no more requests, and
   * its transfers end undisturbed. With `move`, its downloads go on at other servers that are proved to have the same file.
   * Throws an `OptionsError` if the list is not valid; then nothing changes.
   */
  setServers(
    servers: readonly (string | URL | ServerOptions)[],
    { move = false }: { move?: boolean } = {},
  ): void {
    const checked = this.#settings.checkServers(servers);
    this.#drained.clear();
    const before = this.#servers;
    this.#set(checked);
    if (move) for (const server of before) if (server.isDraining) moveAll(server);
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
    if (move) moveAll(server);
  }

  /**
   * Ends the health checks, and names are no longer resolved again. The group can still be used, and all servers that were down because of them are up again. The
   * group of the option `upstream.servers` is closed with its proxy.
   */
  close(): void {
    this.#names.end();
    this.#checks?.stop();
    this.#checks = null;
  }

  /** @internal Starts the health checks, if there are any. */
  check(connections: CheckSettings): void {
    const { health } = this.#settings;
    if (health !== null) this.#names.start();
    if (health === null || this.#checks !== null) return;
    this.#checks = new HealthChecks(health, new CheckConnections(connections, this.#guards), this.#ejection);
    this.#checks.watch(this.#servers);
  }

  /**
   * @internal A proxy that uses the group allows these addresses, and from now on health checks connect only to addresses
   * that it allows too. Returns a function to call when the proxy is closed.
   */
  guard(policy: AddressPolicy): () => void {
    this.#guards.push(policy);
    this.#checks?.guardsChanged();
    return () => {
      this.#guards.splice(this.#guards.indexOf(policy), 1);
      this.#checks?.guardsChanged();
    };
  }

  /** @internal Settled when the names of the servers have been looked up. Null if a server that is no backup is known. */
  get resolving(): Promise<void> | null {
    this.#names.start();
    return this.#servers.some(({ tier }) => tier === 0) ? null : this.#names.pending;
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

  /** @internal Takes a retry from the budget. False if there is none left, or if the circuit breaker is open. */
  takeRetry(): boolean {
    return this.isClosed && this.#budget.take();
  }

  /** @internal When a second server is asked. Null: never. */
  hedgeTimes(): HedgeTimes | null {
    const { connectMs, head } = this.#settings.hedge;
    if (this.#servers.length === 1) return null;
    const headMs = head === 'p95' ? (this.#headTimes?.p95 ?? null) : head;
    return connectMs === null && headMs === null ? null : { connectMs, headMs };
  }

  /** @internal Time to connect to a server while there are others. Null: as for any request. */
  get connectTimeoutMs(): number | null {
    return this.#servers.length === 1 ? null : this.#settings.retry.connectTimeoutMs;
  }

  /** @internal Whether the circuit breaker lets all requests pass. */
  get isClosed(): boolean {
    return this.circuit?.isClosed ?? true;
  }

  /**
   * @internal A request begins to be retried. Returns a function to call at its end; null if as many as allowed are being
   * retried.
   */
  beginRetries(): (() => void) | null {
    const { maxConcurrent } = this.#settings.retry;
    if (maxConcurrent !== null && this.#retrying >= maxConcurrent) return null;
    this.#retrying += 1;
    return () => {
      this.#retrying -= 1;
    };
  }

  /**
   * @internal Chooses a server for a request, other than those that were tried before. Null if there is none.
   * `isLastResort`: servers that are down count too, if the group tries them. `limit`: of the connections of the proxy; null
   * if there is none.
   */
  choose(
    request: BalancedRequest,
    tried: readonly Server[],
    isLastResort: boolean,
    limit: ConnectionLimit | null,
  ): Server | null {
    if (this.sticky !== null && tried.length === 0) {
      const server = this.sticky.find(request);
      if (server?.isAvailable(performance.now()) === true && limit?.isReached(server) !== true) return server;
    }
    return this.choice.choose(request, tried, isLastResort, limit);
  }

  #set(given: readonly ServerSettings[]): void {
    this.#names.watch(given);
    this.#apply();
  }

  /** Uses the servers that are known now. */
  #apply(): void {
    const given = this.#names.servers.filter(({ base }) => !this.#drained.has(keyOf(base)));
    this.#leaving = this.#leaving.filter(({ transfers }) => transfers > 0);
    // A server that comes back while it drains still has its transfers.
    const before = new Map(
      [...this.#leaving, ...this.#servers].map((server) => [keyOf(server.base), server]),
    );
    const isFirst = this.#servers.length === 0;
    this.#servers = given.map((settings) => {
      const known = before.get(keyOf(settings.base));
      if (known === undefined) {
        const server = new Server(settings, this.#settings.slowStartMs, () => this.queue.serve());
        if (!isFirst) server.warmUp(performance.now());
        return server;
      }
      before.delete(keyOf(settings.base));
      known.adjust(settings);
      if (known.isDraining) {
        known.isDraining = false;
        known.changed();
      }
      return known;
    });
    this.#leaving = [...before.values()];
    for (const server of this.#leaving) {
      if (server.isDraining) continue;
      this.#ejection.forgive(server);
      server.isDraining = true;
      server.changed();
    }
    this.choice.setServers(this.#servers);
    this.sticky?.setServers(this.#servers, ({ base }) => keyOf(base));
    this.queue.serve();
    this.#checks?.watch(this.#servers);
  }
}

function moveAll(server: Server): void {
  server.moveAll(new SluicewayError('connection_read_timeout', 'The server is drained'));
}
