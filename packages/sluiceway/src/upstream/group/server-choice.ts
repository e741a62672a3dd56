import { type Candidates, toCandidates } from './candidates.js';
import type { Choose } from './choose/choose.js';
import type { BalancedRequest } from './choose/hash-key.js';
import type { ConnectionLimit } from './connection-limit.js';
import type { Server } from './server.js';

/** How long measured loads are used for choices. */
const REFRESH_MS = 20;

/** Checked values of the options that decide which server gets a request. */
export interface ChoiceSettings {
  choose: Choose;
  /** Whether the choice depends on bytes in flight or on rates. */
  comparesLoads: boolean;
  /** The zone of this proxy, whose servers are preferred. Null: zones do not matter. */
  zone: string | null;
  /** Whether requests are sent to servers that are down if no other is left. */
  triesWhenDown: boolean;
  /** How long a server that was added or has come back gets less than its share. 0: not at all. */
  slowStartMs: number;
}

/** Chooses servers of a group that are available. */
export class ServerChoice {
  readonly #settings: ChoiceSettings;
  #servers: readonly Server[] = [];
  /** Those of the servers that are up. Null: not known, since servers have changed. */
  #candidates: Candidates | null = null;
  /** Until when no ejection ends, as `performance.now`. */
  #settledUntil = 0;
  /** Requests that other zones are due, in parts of one. */
  #spilled = 0;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  /** Whether the slow start of a server can be under way. */
  #isWarming = false;
  /** Whether a server has a limit of transfers or connections. */
  #hasLimits = false;

  constructor(settings: ChoiceSettings) {
    this.#settings = settings;
  }

  setServers(servers: readonly Server[]): void {
    this.#servers = servers;
    this.#hasLimits = servers.some(({ hasLimit }) => hasLimit);
    this.changed();
  }

  /** The state of a server has changed. */
  changed(): void {
    this.#candidates = null;
    this.#isWarming = this.#settings.slowStartMs > 0;
  }

  /**
   * Chooses a server for a request, other than those that were tried before. Null if there is none. `isLastResort`: servers
   * that are down count too, if the group tries them. `limit`: of the connections of the proxy; null if there is none.
   */
  choose(
    request: BalancedRequest,
    tried: readonly Server[],
    isLastResort: boolean,
    limit: ConnectionLimit | null,
  ): Server | null {
    const { triesWhenDown, comparesLoads, zone } = this.#settings;
    if (comparesLoads || this.#isWarming) this.refresh();
    const settled = this.#settledCandidates();
    const areAllUsable = settled === null || (tried.length === 0 && !this.#hasLimits && limit === null);
    const usable = areAllUsable ? settled : usableOf(settled, tried, limit);
    if (usable !== null) return this.#pick(usable, request);
    const now = performance.now();
    const isUsable = (server: Server): boolean =>
      limit?.isReached(server) !== true && (tried.length === 0 || !tried.includes(server));
    const available = toCandidates(
      this.#servers,
      zone,
      (server) => server.isAvailable(now) && isUsable(server),
    );
    const isLast = available.first.length === 0 && isLastResort && triesWhenDown;
    const some = isLast
      ? toCandidates(this.#servers, zone, (server) => !server.isFull && isUsable(server))
      : available;
    return this.#pick(some, request);
  }

  /** The available servers other than `without`, in the order in which they are asked. */
  others(request: BalancedRequest, without: Server, limit: ConnectionLimit | null): Server[] {
    const others: Server[] = [];
    for (;;) {
      const next = this.choose(request, [without, ...others], false, limit);
      if (next === null) return others;
      others.push(next);
    }
  }

  /**
   * Like `others`, followed by those that are not available, except full ones: content that has broken off is
   * lost if no server has the rest, and a server that was ejected may be back. The request waits for a connection where
   * `limit` is reached.
   */
  lastResorts(request: BalancedRequest, without: Server, limit: ConnectionLimit | null): Server[] {
    const others = this.others(request, without, limit);
    const rest = this.#servers.filter(
      (server) => server !== without && server.weight > 0 && !server.isFull && !others.includes(server),
    );
    return [...others, ...rest.toSorted((a, b) => a.tier - b.tier)];
  }

  /** Whether a server is not available only because it has as many transfers as it may have. */
  isAtLimit(limit: ConnectionLimit | null): boolean {
    return this.#servers.some(
      (server) => server.weight > 0 && !server.isDown && (server.isFull || limit?.isReached(server) === true),
    );
  }

  /** Updates what the servers have measured, unless that was done less than `validMs` ago. */
  refresh(validMs = REFRESH_MS): void {
    const now = performance.now();
    if (now - this.#refreshedAt < validMs) return;
    this.#refreshedAt = now;
    this.#isWarming = false;
    for (const server of this.#servers) {
      server.refresh(now);
      if (server.isWarming) this.#isWarming = true;
    }
  }

  /**
   * The candidates for a request that has tried no server, full servers included. Kept while no server changes, since looking at all of them for
   * each request would cost more than the choice. Null if they differ from one request to the next.
   */
  #settledCandidates(): Candidates | null {
    const isCurrent =
      this.#candidates !== null &&
      (this.#settledUntil === Number.POSITIVE_INFINITY || performance.now() < this.#settledUntil);
    if (isCurrent) return this.#candidates;
    const now = performance.now();
    const ends = this.#servers.filter(({ isOnTrial }) => isOnTrial).map(({ ejectedUntil }) => ejectedUntil);
    this.#settledUntil = Math.min(...ends);
    // A server on trial gets one request at a time.
    if (now >= this.#settledUntil) return null;
    const up = toCandidates(this.#servers, this.#settings.zone, (server) => server.isUp(now));
    this.#candidates = up.first.length === 0 ? null : up;
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
}

/** The candidates that may have another transfer and were not tried. Null if there is none of the first. */
function usableOf(
  candidates: Candidates,
  tried: readonly Server[],
  limit: ConnectionLimit | null,
): Candidates | null {
  const { first, spill, spillShare } = candidates;
  const isUnusable = (server: Server): boolean =>
    server.isFull || tried.includes(server) || limit?.isReached(server) === true;
  if (!first.some(isUnusable) && !spill.some(isUnusable)) return candidates;
  const some = first.filter((server) => !isUnusable(server));
  if (some.length === 0) return null;
  const others = spillShare > 0 ? spill.filter((server) => !isUnusable(server)) : spill;
  return { first: some, spill: others, spillShare: others.length === 0 ? 0 : spillShare };
}
