import type { Server } from './server.js';

/** Checked values of `passive`. */
export interface EjectionSettings {
  /** Failures in a row after which a server is ejected. Null: never. */
  failures: number | null;
  /** Statuses of responses that count as failures. */
  statuses: ReadonlySet<number>;
  /** How long the first ejection lasts. Each further one in a row lasts twice as long. */
  ejectMs: number;
  /** How long an ejection lasts at most. */
  maxEjectMs: number;
  /** Most servers of the group that are ejected at a time, as a share of them, rounded up. */
  maxShare: number;
}

/**
 * Ejects servers that fail, as outlier detection in Envoy does. Broken contents are counted separately from requests that
 * fail: a server whose responses begin well and then break would never fail several times in a row otherwise.
 */
export class Ejection {
  readonly #settings: EjectionSettings;
  readonly #servers: () => readonly Server[];
  /** The number of servers that are ejected or on trial. */
  #ejected = 0;
  /** The number of servers whose health checks have failed. */
  #down = 0;

  constructor(settings: EjectionSettings, servers: () => readonly Server[]) {
    this.#settings = settings;
    this.#servers = servers;
  }

  /** Whether all servers are up. */
  get allAreUp(): boolean {
    return this.#ejected === 0 && this.#down === 0;
  }

  /** Records whether the health checks of a server have failed. */
  setDown(server: Server, isDown: boolean): void {
    if (server.isDown === isDown) return;
    server.isDown = isDown;
    this.#down += isDown ? 1 : -1;
  }

  isFailure(status: number): boolean {
    return this.#settings.statuses.has(status);
  }

  /** The response head to a request that began at `beganAt` (as `performance.now`) shows that the server works. */
  answered(server: Server, beganAt: number): void {
    server.consecutiveFailures = 0;
    // An answer to a request from before the ejection shows nothing new.
    if (server.isOnTrial && beganAt >= server.ejectedAt) this.forgive(server);
  }

  /** A whole response has arrived. */
  completed(server: Server): void {
    server.consecutiveBreaks = 0;
    if (!server.isOnTrial) server.ejections = 0;
  }

  /** A request that began at `beganAt` has failed. */
  failed(server: Server, beganAt: number): void {
    server.consecutiveFailures += 1;
    this.#judge(server, server.consecutiveFailures, beganAt);
  }

  /** The content of a response has broken off, or stopped arriving. */
  broken(server: Server, beganAt: number): void {
    server.consecutiveBreaks += 1;
    this.#judge(server, server.consecutiveBreaks, beganAt);
  }

  /** Ends the ejection of a server: it works, or has left the group. */
  forgive(server: Server): void {
    if (server.isOnTrial) this.#ejected -= 1;
    server.isOnTrial = false;
    server.ejectedUntil = 0;
  }

  #judge(server: Server, inARow: number, beganAt: number): void {
    // A transfer that is moved away is no failure.
    if (server.isDraining) return;
    server.failures += 1;
    const { failures, ejectMs, maxEjectMs } = this.#settings;
    if (failures === null) return;
    const now = performance.now();
    // On trial one failure is enough, and those from before the ejection do not count.
    if (server.isOnTrial ? beganAt < server.ejectedAt : inARow < failures || !this.#mayEject()) return;
    if (!server.isOnTrial) this.#ejected += 1;
    server.isOnTrial = true;
    server.ejectedAt = now;
    server.ejectedUntil = now + Math.min(maxEjectMs, ejectMs * 2 ** Math.min(server.ejections, 30));
    server.ejections += 1;
    server.consecutiveFailures = 0;
    server.consecutiveBreaks = 0;
  }

  #mayEject(): boolean {
    return this.#ejected + 1 <= Math.ceil(this.#servers().length * this.#settings.maxShare);
  }
}
