import type { Server } from './server.js';
import { WindowCounts, type WindowTotals } from './window-counts.js';

/** Checked values of the options in `passive` that compare the servers of a group. */
export interface OutlierSettings {
  windowMs: number;
  /** Requests of a server in the window without which it is not judged. */
  minRequests: number;
  /** Share of failed requests from which a server is an outlier, such as 0.5. Null: never. */
  failureShare: number | null;
  /** How many times longer than the other servers a server may take for its response heads. Null: never judged. */
  slowHead: number | null;
}

/** A server that does worse than the others, and what it does. */
export interface Outlier {
  server: Server;
  reason: 'failure-share' | 'slow-head';
  /** For people. */
  text: string;
}

/** A server whose requests fail is no outlier unless they fail this many times as often as those of the others. */
const FAILURE_FACTOR = 2;
/** Differences that are smaller say nothing, however large the factor is. */
const MIN_DIFFERENCE_MS = 50;
/** How often in a window the servers are compared. */
const LOOKS = 20;

/** Finds the servers of a group that do much worse than the others, as outlier detection in Envoy does. */
export class Outliers {
  readonly #settings: OutlierSettings;
  readonly #counts = new WeakMap<Server, WindowCounts>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(settings: OutlierSettings) {
    this.#settings = settings;
  }

  /** Counts a request. `headMs` is null if there was no response head, or if its time depends on the client. */
  count(server: Server, now: number, isFailure: boolean, headMs: number | null): void {
    let counts = this.#counts.get(server);
    if (counts === undefined) {
      counts = new WindowCounts(this.#settings.windowMs);
      this.#counts.set(server, counts);
    }
    counts.add(now, isFailure, headMs);
  }

  /** Forgets what a server did, since it is judged anew. */
  forget(server: Server): void {
    this.#counts.get(server)?.clear();
  }

  /** The outliers among the servers. Most calls return none at once: the servers are compared now and then. */
  find(servers: readonly Server[], now: number): Outlier[] {
    const { windowMs, failureShare, slowHead } = this.#settings;
    if (failureShare === null && slowHead === null) return [];
    if (now - this.#lookedAt < windowMs / LOOKS) return [];
    this.#lookedAt = now;
    const all = servers.flatMap((server) => {
      const totals = this.#counts.get(server)?.totals(now);
      return totals === undefined ? [] : [{ server, totals }];
    });
    return all.flatMap(({ server, totals }): Outlier[] => {
      const others = all.filter((each) => each.server !== server).map((each) => each.totals);
      const text = this.#fails(totals, others);
      if (text !== null) return [{ server, reason: 'failure-share', text }];
      const slow = this.#isSlow(totals, others);
      return slow === null ? [] : [{ server, reason: 'slow-head', text: slow }];
    });
  }

  #fails({ requests, failures }: WindowTotals, others: readonly WindowTotals[]): string | null {
    const { failureShare, minRequests } = this.#settings;
    if (failureShare === null || requests < minRequests || failures < failureShare * requests) return null;
    const ofOthers = others.reduce((sum, each) => sum + each.requests, 0);
    const failed = others.reduce((sum, each) => sum + each.failures, 0);
    // Requests that fail everywhere are not the fault of one server.
    if (ofOthers > 0 && failures / requests < FAILURE_FACTOR * (failed / ofOthers)) return null;
    return `${failures} of ${requests} requests have failed`;
  }

  #isSlow({ heads, headMs }: WindowTotals, others: readonly WindowTotals[]): string | null {
    const { slowHead, minRequests } = this.#settings;
    if (slowHead === null || heads < minRequests) return null;
    const known = others.filter((each) => each.heads >= minRequests).map((each) => each.headMs / each.heads);
    const usual = median(known);
    const mean = headMs / heads;
    if (usual === null || mean < usual * slowHead || mean - usual < MIN_DIFFERENCE_MS) return null;
    return `response heads take ${Math.round(mean)} ms, and ${Math.round(usual)} ms at other servers`;
  }
}

/** Null if there are no values. */
function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
