import { type OutlierSettings, Outliers } from './outliers.js';
import type { EjectionReason, Server } from './server.js';

/** Checked values of `passive`. */
export interface EjectionSettings extends OutlierSettings {
  /** Failures in a row after which a server is ejected. Null: never. */
  failures: number | null;
  /** Statuses of responses that count as failures. */
  statuses: ReadonlySet<number>;
  /** Share of the rate of the other servers below which content is slow. Null: rates are not compared. */
  slowRate: number | null;
  /** How long the first ejection lasts. Each further one in a row lasts twice as long. */
  ejectMs: number;
  /** How long an ejection lasts at most. */
  maxEjectMs: number;
  /** Most servers of the group that are ejected at a time, as a share of them, rounded up. */
  maxShare: number;
}

/** What the rest of a group is told. */
export interface EjectionListener {
  /** The servers of the group. */
  servers(): readonly Server[];
  /** Another server is available, or one is no longer. */
  onChange(): void;
  /** A request that began at `beganAt` has ended. `headMs` as for `Outliers.count`. */
  onResult(isFailure: boolean, beganAt: number, now: number, headMs: number | null): void;
}

/** Measured windows in a row in which a server was slow, after which it is ejected. */
const SLOW_WINDOWS = 3;

/**
 * Ejects servers that fail, as outlier detection in Envoy does. Broken contents are counted separately from requests that
 * fail: a server whose responses begin well and then break would never fail several times in a row otherwise.
 */
export class Ejection {
  readonly #settings: EjectionSettings;
  readonly #group: EjectionListener;
  readonly #outliers: Outliers;
  /** The number of servers that are ejected or on trial. */
  #ejected = 0;
  /** The number of servers whose health checks have failed. */
  #down = 0;

  constructor(settings: EjectionSettings, group: EjectionListener) {
    this.#settings = settings;
    this.#group = group;
    this.#outliers = new Outliers(settings);
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
    server.changed();
    if (!isDown) server.warmUp(performance.now());
    this.#group.onChange();
  }

  isFailure(status: number): boolean {
    return this.#settings.statuses.has(status);
  }

  /**
   * The response head to a request that began at `beganAt` (as `performance.now`) shows that the server works.
   * `timesHead`: the time that it took is the server's, and not that of request content.
   */
  answered(server: Server, beganAt: number, timesHead: boolean): void {
    server.consecutiveFailures = 0;
    const now = performance.now();
    // An answer to a request from before the ejection shows nothing new.
    if (server.isOnTrial && beganAt >= server.ejectedAt) {
      this.forgive(server);
      server.warmUp(now);
    }
    this.#count(server, beganAt, now, false, timesHead ? now - beganAt : null);
  }

  /** A whole response has arrived. */
  completed(server: Server): void {
    server.consecutiveBreaks = 0;
    // A server that fails again soon after its return is ejected for longer.
    if (server.ejectionsInARow > 0 && !server.isOnTrial && performance.now() >= server.trustedFrom)
      server.ejectionsInARow = 0;
  }

  /**
   * A request that began at `beganAt` has failed. `text` says why, for people. `isUnreachable`: there was no connection, or
   * it ended before a response.
   */
  failed(server: Server, beganAt: number, text: string, isUnreachable = false): void {
    server.consecutiveFailures += 1;
    server.isUnreachable = isUnreachable;
    this.#judge(server, server.consecutiveFailures, beganAt, text);
    this.#count(server, beganAt, performance.now(), true, null);
  }

  /** The content of a response has broken off, or stopped arriving. */
  broken(server: Server, beganAt: number): void {
    // One fault, such as a restart, breaks all responses of a server, and counts once.
    if (beganAt >= server.brokenAt) server.consecutiveBreaks += 1;
    server.brokenAt = performance.now();
    server.isUnreachable = false;
    this.#judge(server, server.consecutiveBreaks, beganAt, 'the content of a response broke off');
  }

  /**
   * The server has delivered content at `rate` for a while, and nothing but the server limits it. The others deliver at
   * `usual` bytes per second.
   */
  delivered(server: Server, rate: number, usual: number): void {
    const { slowRate } = this.#settings;
    if (slowRate === null) return;
    server.slowWindows = rate < usual * slowRate ? server.slowWindows + 1 : 0;
    if (server.slowWindows < SLOW_WINDOWS || server.isOnTrial || server.isDraining) return;
    const text = `${Math.round(rate)} bytes per second, and ${Math.round(usual)} from other servers`;
    this.#eject(server, performance.now(), 'slow-rate', text);
  }

  /**
   * Several good checks in a row, the first of which began at `since`, show that a server can be reached again. They do
   * not show that it no longer is slow, or that contents no longer break.
   */
  reached(server: Server, since: number): void {
    if (!server.isOnTrial || !server.isUnreachable || since < server.ejectedAt) return;
    this.forgive(server);
    server.warmUp(performance.now());
  }

  /** Ends the ejection of a server: it works, or has left the group. */
  forgive(server: Server): void {
    if (!server.isOnTrial) return;
    this.#ejected -= 1;
    server.isOnTrial = false;
    server.ejectedUntil = 0;
    server.ejectedBy = null;
    server.changed();
    const { ejectMs, maxEjectMs } = this.#settings;
    server.trustedFrom = performance.now() + lengthOf(server.ejectionsInARow - 1, ejectMs, maxEjectMs);
    this.#group.onChange();
  }

  #count(server: Server, beganAt: number, now: number, isFailure: boolean, headMs: number | null): void {
    this.#group.onResult(isFailure, beganAt, now, headMs);
    this.#outliers.count(server, now, isFailure, headMs);
    for (const { server: outlier, reason, text } of this.#outliers.find(this.#group.servers(), now))
      if (!outlier.isOnTrial) this.#eject(outlier, now, reason, text);
  }

  #judge(server: Server, inARow: number, beganAt: number, text: string): void {
    // A transfer that is moved away is no failure.
    if (server.isDraining) return;
    server.failures += 1;
    server.lastFailure = text;
    const { failures } = this.#settings;
    if (failures === null) return;
    // On trial one failure is enough, and those from before the ejection do not count.
    if (server.isOnTrial ? beganAt < server.ejectedAt : inARow < failures) return;
    this.#eject(server, performance.now(), 'failures', text);
  }

  #eject(server: Server, now: number, reason: EjectionReason, text: string): void {
    if (!server.isOnTrial) {
      if (!this.#mayEject()) return;
      this.#ejected += 1;
    }
    const { ejectMs, maxEjectMs } = this.#settings;
    server.isOnTrial = true;
    server.ejectedAt = now;
    server.ejectedUntil = now + lengthOf(server.ejectionsInARow, ejectMs, maxEjectMs);
    server.ejectedBy = reason;
    server.lastFailure = text;
    server.ejectionsInARow += 1;
    server.ejections += 1;
    server.consecutiveFailures = 0;
    server.consecutiveBreaks = 0;
    server.slowWindows = 0;
    server.changed();
    this.#outliers.forget(server);
    this.#group.onChange();
  }

  #mayEject(): boolean {
    return this.#ejected + 1 <= Math.ceil(this.#group.servers().length * this.#settings.maxShare);
  }
}

const lengthOf = (before: number, ejectMs: number, maxEjectMs: number): number =>
  Math.min(maxEjectMs, ejectMs * 2 ** Math.min(before, 30));
