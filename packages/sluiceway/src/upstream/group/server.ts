import type { SluicewayError } from '../../errors.js';
import type { BaseTarget } from '../../http/target.js';
import { type Placed, PlacedList } from '../../placed-list.js';
import { nameOf, type ServerSettings } from './server-settings.js';

/** Why a server was ejected: see the options of `passive`. */
export type EjectionReason = 'failures' | 'failure-share' | 'slow-head' | 'slow-rate';

/**
 * Whether a server gets requests. `up` it does. `down` its health checks have failed. `ejected` it failed too often, and gets none for a while. `trial` its
 * ejection is over, and the next request decides. `draining` it has left the group, and its transfers end.
 */
export type ServerState = 'up' | 'down' | 'ejected' | 'trial' | 'draining';

/** A server of a group, as applications and balancing functions see it. */
export interface UpstreamServer {
  /** Scheme, host, port and path, without the query. */
  readonly url: string;
  readonly weight: number;
  readonly backup: boolean;
  /** Where the server is. Null if its options do not say. */
  readonly zone: string | null;
  readonly state: ServerState;
  /** When the state changed. */
  readonly since: Date;
  /** Its share of the requests now: the weight, or less during its slow start. */
  readonly share: number;
  /** Number of running transfers. */
  readonly transfers: number;
  /** Bytes that its running transfers still have to bring or take, as far as their lengths are known. */
  readonly bytesInFlight: number;
  /** Measured bytes per second of one of its transfers. Null if it is unknown or older than a minute. */
  readonly bytesPerSecond: number | null;
  /** Requests that were sent to it so far. */
  readonly requests: number;
  /** Requests that failed so far, and content that broke off. */
  readonly failures: number;
  /** Why the last request failed, or why it was ejected. Null if nothing has failed. */
  readonly lastFailure: string | null;
  /** How often it was ejected so far. */
  readonly ejections: number;
  /** Why it is ejected or on trial. Null if it is not. */
  readonly ejectedBy: EjectionReason | null;
  /** Why the last health check failed. Null if it succeeded, or if there was none. */
  readonly fault: string | null;
}

/** What a transfer expects of a server. */
interface Use extends Placed {
  readonly bytesLeft: number;
  /** The bytes of the use in the last sum. */
  counted: number;
  move(error: SluicewayError): boolean;
}

/** The part of its weight with which a slow start begins, as in Envoy. */
const FIRST_SHARE = 0.1;

/** Backups come after all servers that are none, whatever the priorities of their records. */
const BACKUP_TIER = 0x10000;

/** A rate that is older says nothing about the server. */
export const RATE_VALID_MS = 60_000;

/** One server of a group: its settings, its state and its counts. */
export class Server implements UpstreamServer {
  readonly base: BaseTarget;
  readonly url: string;
  weight = 1;
  backup = false;
  /** Those with the lowest one that are available get the requests. */
  tier = 0;
  maxConnections: number | null = null;
  #maxTransfers: number | null = null;
  #isMultiplexed: boolean | null = null;
  /** Most transfers at a time. */
  #most = Number.POSITIVE_INFINITY;
  zone: string | null = null;
  share = 1;
  /** A number that is the same for the same URL in every process, for rendezvous hashing. */
  readonly hash: number;
  requests = 0;
  failures = 0;
  lastFailure: string | null = null;
  /** The current weight of smooth weighted round robin. */
  turn = 0;
  /** Failed requests since the last response head. */
  consecutiveFailures = 0;
  /** Broken contents since the last one that was complete. */
  consecutiveBreaks = 0;
  /** When content broke last, as `performance.now`. */
  brokenAt = Number.NEGATIVE_INFINITY;
  /** The last failure was that it could not be reached. */
  isUnreachable = false;
  /** Measured windows in a row in which its content was slow. */
  slowWindows = 0;
  ejections = 0;
  ejectedBy: EjectionReason | null = null;
  /** How often it was ejected without working for long in between. */
  ejectionsInARow = 0;
  /** When its last ejection began, as `performance.now`. */
  ejectedAt = 0;
  /** When its ejection ends, as `performance.now`. 0: it is not ejected. */
  ejectedUntil = 0;
  /** From when on it counts as a server that works, as `performance.now`. */
  trustedFrom = 0;
  /** It was ejected, and no request has shown since that it works. */
  isOnTrial = false;
  bytesPerSecond: number | null = null;
  /** When `bytesPerSecond` was measured, as `performance.now`. */
  ratedAt = Number.NEGATIVE_INFINITY;
  isDraining = false;
  /** Its health checks have failed. */
  isDown = false;
  fault: string | null = null;
  transfers = 0;
  bytesInFlight = 0;
  readonly #uses = new PlacedList<Use>();
  readonly #slowStartMs: number;
  readonly #onFree: () => void;
  /** When its slow start began, as `performance.now`. Null: it has its whole share. */
  #warmingFrom: number | null = null;
  #changedAt = Date.now();

  /** `slowStartMs` is 0 without slow start. `onFree` is called when one of its transfers has ended. */
  constructor(settings: ServerSettings, slowStartMs = 0, onFree: () => void = () => {}) {
    this.base = settings.base;
    this.url = nameOf(settings.base);
    this.hash = hashText(this.url);
    this.#slowStartMs = slowStartMs;
    this.#onFree = onFree;
    this.adjust(settings);
  }

  /** Takes new values of its options. */
  adjust({ weight, backup, priority, maxTransfers, maxConnections, zone }: ServerSettings): void {
    this.weight = weight;
    this.backup = backup || priority > 0;
    this.tier = backup ? BACKUP_TIER + priority : priority;
    this.#maxTransfers = maxTransfers;
    this.maxConnections = maxConnections;
    this.zone = zone;
    // Turns are worth as much as the weights that they come from.
    this.turn = 0;
    this.#setMost();
    this.#setShare(performance.now());
  }

  /** Whether a connection carries several transfers at a time. Null: no response has shown it. */
  get isMultiplexed(): boolean | null {
    return this.#isMultiplexed;
  }

  /** A response shows it. */
  responded(isMultiplexed: boolean): void {
    if (this.#isMultiplexed === isMultiplexed) return;
    this.#isMultiplexed = isMultiplexed;
    this.#setMost();
    this.#onFree();
  }

  #setMost(): void {
    const most = this.#maxTransfers ?? Number.POSITIVE_INFINITY;
    // Without multiplexing, a transfer has a connection of its own.
    const connections =
      (this.#isMultiplexed === true ? null : this.maxConnections) ?? Number.POSITIVE_INFINITY;
    this.#most = Math.min(most, connections);
  }

  get state(): ServerState {
    if (this.isDraining) return 'draining';
    if (this.isDown) return 'down';
    if (performance.now() < this.ejectedUntil) return 'ejected';
    return this.isOnTrial ? 'trial' : 'up';
  }

  get since(): Date {
    const isTrial = this.state === 'trial';
    // An ejection becomes a trial by itself.
    return new Date(isTrial ? this.#changedAt + (this.ejectedUntil - this.ejectedAt) : this.#changedAt);
  }

  /** Its state has changed. */
  changed(): void {
    this.#changedAt = Date.now();
  }

  /** It has come back, or was added: it gets its share gradually. */
  warmUp(now: number): void {
    if (this.#slowStartMs === 0) return;
    this.#warmingFrom = now;
    this.#setShare(now);
  }

  /** Whether its share still grows. */
  get isWarming(): boolean {
    return this.#warmingFrom !== null;
  }

  #setShare(now: number): void {
    const part = this.#warmingFrom === null ? 1 : (now - this.#warmingFrom) / this.#slowStartMs;
    if (part >= 1) this.#warmingFrom = null;
    this.share = this.weight * Math.min(1, Math.max(FIRST_SHARE, part));
  }

  /** A copy of what applications see. */
  snapshot(): UpstreamServer {
    const { url, weight, backup, zone, state, since, share, transfers, bytesInFlight, bytesPerSecond } = this;
    const { requests, failures, lastFailure, ejections, ejectedBy, fault } = this;
    return {
      url,
      weight,
      backup,
      zone,
      state,
      since,
      share,
      transfers,
      bytesInFlight,
      bytesPerSecond,
      requests,
      failures,
      lastFailure,
      ejections,
      ejectedBy,
      fault,
    };
  }

  /** Adds up the bytes in flight again, lets its share grow, and forgets an old rate. Doing this for each choice would cost too much. */
  refresh(now: number): void {
    let bytes = 0;
    for (const use of this.#uses.all) {
      use.counted = use.bytesLeft;
      bytes += use.counted;
    }
    this.bytesInFlight = bytes;
    if (this.#warmingFrom !== null) this.#setShare(now);
    if (now - this.ratedAt > RATE_VALID_MS) this.bytesPerSecond = null;
  }

  /** Whether it gets requests, apart from the limits of its transfers. */
  isUp(now: number): boolean {
    return !(now < this.ejectedUntil || this.isDown || this.weight === 0 || this.isDraining);
  }

  /** Whether it gets requests now. A server on trial gets one at a time. */
  isAvailable(now: number): boolean {
    return this.isUp(now) && !this.isFull && (!this.isOnTrial || this.transfers === 0);
  }

  /** Whether it has as many transfers as it may have, or as its connections can carry. */
  get isFull(): boolean {
    return this.transfers >= this.#most;
  }

  /** Whether it can ever be full. */
  get hasLimit(): boolean {
    return this.#maxTransfers !== null || this.maxConnections !== null;
  }

  /** Lets other servers continue its transfers, as far as they can. */
  moveAll(error: SluicewayError): void {
    for (const use of [...this.#uses.all]) use.move(error);
  }

  add(use: Use): void {
    this.#uses.add(use);
    this.transfers = this.#uses.size;
  }

  remove(use: Use): void {
    if (!this.#uses.delete(use)) return;
    this.bytesInFlight -= use.counted;
    this.transfers = this.#uses.size;
    this.#onFree();
  }

  /** A transfer has begun to expect other bytes. */
  recount(use: Use): void {
    const { bytesLeft } = use;
    this.bytesInFlight += bytesLeft - use.counted;
    use.counted = bytesLeft;
  }
}

/** FNV-1a over UTF-16 code units, in 32 bits. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
