import type { Ejection } from '../ejection.js';
import type { Server } from '../server.js';
import type { CheckConnections } from './check-connections.js';
import { type ProbeSettings, probe } from './probe.js';

/** Checked values of `health`. */
export interface HealthSettings extends ProbeSettings {
  intervalMs: number;
  /** Good checks in a row after which a server that was down is up. */
  rise: number;
  /** Failed checks in a row after which a server is down. */
  fall: number;
}

/** Intervals differ by up to this share, so that several proxies do not check at the same moment. */
const JITTER = 0.1;

/** The checks of one server. */
interface Watched {
  timer: NodeJS.Timeout | null;
  stop: AbortController;
  /** Good checks in a row if positive, failed ones if negative. */
  inARow: number;
  /** When the good checks began that are the last `rise` in a row, oldest first, as `performance.now`. */
  good: number[];
}

/** Checks the servers of a group at intervals, and records whether they are down. */
export class HealthChecks {
  readonly #settings: HealthSettings;
  readonly #connections: CheckConnections;
  readonly #ejection: Ejection;
  readonly #watched = new Map<Server, Watched>();

  constructor(settings: HealthSettings, connections: CheckConnections, ejection: Ejection) {
    this.#settings = settings;
    this.#connections = connections;
    this.#ejection = ejection;
  }

  /**
   * Checks exactly these servers from now on. A new server is up until its checks say otherwise. Its first check is not
   * sent before the caller returns to the event loop: a proxy that is created meanwhile can restrict the addresses.
   */
  watch(servers: readonly Server[]): void {
    for (const server of this.#watched.keys()) if (!servers.includes(server)) this.#leave(server);
    for (const server of servers) {
      if (this.#watched.has(server)) continue;
      const watched: Watched = { timer: null, stop: new AbortController(), inARow: 0, good: [] };
      this.#watched.set(server, watched);
      this.#checkAfter(0, server, watched);
    }
  }

  stop(): void {
    for (const server of [...this.#watched.keys()]) this.#leave(server);
    this.#connections.destroy();
  }

  /** Proxies that use the group allow other addresses than before. */
  guardsChanged(): void {
    this.#connections.changed();
  }

  #leave(server: Server): void {
    const watched = this.#watched.get(server);
    if (watched === undefined) return;
    this.#watched.delete(server);
    if (watched.timer !== null) clearTimeout(watched.timer);
    watched.stop.abort();
    this.#ejection.setDown(server, false);
  }

  async #check(server: Server, watched: Watched): Promise<void> {
    const { signal } = watched.stop;
    const beganAt = performance.now();
    const { transport, policy } = this.#connections;
    const fault = await probe(transport, server.base, this.#settings, signal, policy);
    if (signal.aborted) return;
    this.#record(server, watched, fault, beganAt);
    const { intervalMs } = this.#settings;
    this.#checkAfter(intervalMs * (1 - JITTER + 2 * JITTER * Math.random()), server, watched);
  }

  #checkAfter(ms: number, server: Server, watched: Watched): void {
    // Checks alone do not keep the process running.
    watched.timer = setTimeout(() => void this.#check(server, watched), ms).unref();
  }

  #record(server: Server, watched: Watched, fault: string | null, beganAt: number): void {
    const { rise, fall } = this.#settings;
    server.fault = fault;
    watched.inARow = fault === null ? Math.max(0, watched.inARow) + 1 : Math.min(0, watched.inARow) - 1;
    if (watched.inARow <= -fall) this.#ejection.setDown(server, true);
    watched.good = fault === null ? [...watched.good, beganAt].slice(-rise) : [];
    if (watched.inARow < rise) return;
    this.#ejection.setDown(server, false);
    // The server works again, and need not wait for the end of its ejection.
    if (watched.inARow === rise) this.#ejection.forgive(server);
    // A restart can be shorter than the interval.
    else this.#ejection.reached(server, watched.good[0] ?? beganAt);
  }
}
