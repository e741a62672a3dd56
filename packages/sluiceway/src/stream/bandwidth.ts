import { type Placed, PlacedList } from '../placed-list.js';
import { type Flow, type Share, wake } from './flow.js';

/** How long a burst is by default, at the limit. */
const BURST_MS = 100;
/** A flow that waits for nothing keeps as much of its share as it would get in this time. */
const KEPT_MS = 50;
/** The smallest piece, at the share of a flow. */
const PIECE_MS = 20;
/** If the thread was busy for longer, the rest of that time is lost: to catch up would exceed the limit. */
const MAX_PAUSE_MS = 100;

const MIN_PIECE_BYTES = 1024;
/** A smaller piece than a whole chunk costs a write more. */
const MAX_MIN_PIECE_BYTES = 1024 * 1024;

/** Where the bytes of a limit come from, if not from the passing of time in this process. */
export interface Supply {
  /**
   * Returns the bytes that have become available since the last call. `isShort`: flows wait for more. `pool`: bytes that no
   * flow has used.
   */
  take(isShort: boolean, pool: number): number;
  /** The bytes per second that this process has of the limit at present. 0: unknown. */
  readonly share: number;
}

/**
 * A limit in bytes per second for the sum of all flows that have joined it. While no flow waits, it is a token bucket. When
 * one has to wait, new bytes are divided among the flows by their weights, and a flow that does not use its share leaves it
 * to the others.
 */
export class Bandwidth {
  #bytesPerMs: number;
  #burst: number;
  readonly #supply: Supply | null;
  readonly #shares = new PlacedList<BandwidthShare>();
  #weights = 0;
  /** Bytes that no flow has a claim to. */
  #pool: number;
  #filledAt: number;
  #isContended = false;

  /** `bytesPerSecond` Infinity: no limit. `burst` null: a tenth of a second. */
  constructor(bytesPerSecond: number, burst: number | null = null, supply: Supply | null = null) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#burst = toBurst(bytesPerSecond, burst);
    this.#supply = supply;
    this.#pool = supply === null ? this.#burst : 0;
    this.#filledAt = performance.now();
  }

  get bytesPerSecond(): number {
    return this.#bytesPerMs * 1000;
  }

  /** The number of flows. */
  get flows(): number {
    return this.#shares.size;
  }

  /** Sum of the weights of the flows. */
  get weight(): number {
    return this.#weights;
  }

  get isContended(): boolean {
    return this.#isContended;
  }

  /** Whether it is as a new limit, so that nothing is lost with it. */
  get isLikeNew(): boolean {
    if (this.#shares.size > 0) return false;
    // The supply remembers.
    if (this.#supply !== null) return true;
    this.#fill(performance.now());
    return this.#pool >= this.#burst;
  }

  /** Changes the limit, also for flows that wait. */
  setRate(bytesPerSecond: number, burst: number | null = null): void {
    this.#fill(performance.now());
    const wasUnlimited = !Number.isFinite(this.#bytesPerMs);
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#burst = toBurst(bytesPerSecond, burst);
    this.#pool = wasUnlimited && this.#supply === null ? this.#burst : Math.min(this.#pool, this.#burst);
    for (const share of this.#shares.all) share.credit = Math.min(share.credit, this.#burst);
    wake();
  }

  /** Adds a flow. It must `leave` when its content is over. */
  join(flow: Flow, weight = 1): Share {
    const share = new BandwidthShare(this, weight);
    this.#shares.add(share);
    this.#weights += weight;
    flow.add(share);
    return share;
  }

  /** Called by a share. */
  left(share: BandwidthShare): void {
    if (!this.#shares.delete(share)) return;
    this.#weights = this.#shares.size === 0 ? 0 : this.#weights - share.weight;
    this.#pool = Math.min(this.#burst, this.#pool + share.credit);
    share.credit = 0;
  }

  /** Bytes for any flow. */
  pool(now: number): number {
    if (!Number.isFinite(this.#bytesPerMs)) return Number.POSITIVE_INFINITY;
    if (!this.#isContended) this.#fill(now);
    return this.#pool;
  }

  spendPool(bytes: number): void {
    if (Number.isFinite(this.#bytesPerMs)) this.#pool -= bytes;
  }

  contend(): void {
    this.#isContended = true;
  }

  /** The least that is worth a write, for a flow of this weight. */
  minPiece(weight: number): number {
    if (!Number.isFinite(this.#bytesPerMs)) return 1;
    const share = (this.#suppliedPerMs * weight) / Math.max(weight, this.#weights);
    const least = Math.max(1, Math.min(MIN_PIECE_BYTES, share * 250));
    return Math.floor(Math.min(MAX_MIN_PIECE_BYTES, Math.max(least, share * PIECE_MS)));
  }

  /** Divides what has become available, if flows have to wait. */
  distribute(now: number): void {
    if (!this.#isContended) return;
    this.#isContended = false;
    if (!Number.isFinite(this.#bytesPerMs)) return;
    const amount = this.#pool + this.#refill(now, true);
    let left = amount;
    let waiting = 0;
    for (const share of this.#shares.all) {
      const fair = (amount * share.weight) / this.#weights;
      const kept = Math.max(
        2 * this.minPiece(share.weight),
        (this.#suppliedPerMs * KEPT_MS * share.weight) / this.#weights,
      );
      const given = share.isWaiting ? fair : Math.min(fair, Math.max(0, kept - share.credit));
      share.credit += given;
      left -= given;
      if (share.isWaiting) waiting += share.weight;
    }
    this.#pool = 0;
    if (waiting === 0) this.#pool = Math.min(this.#burst, Math.max(0, left));
    else if (left > 0)
      for (const share of this.#shares.all)
        if (share.isWaiting) share.credit += (left * share.weight) / waiting;
  }

  /**
   * The rate of this process. If several processes share a limit, pieces that suit the whole limit would be too large: those
   * of all flows pass at about the same time, and their sum would exceed the limit.
   */
  get #suppliedPerMs(): number {
    const share = this.#supply?.share ?? 0;
    return share > 0 ? Math.min(this.#bytesPerMs, share / 1000) : this.#bytesPerMs;
  }

  #fill(now: number): void {
    this.#pool = Math.min(this.#burst, this.#pool + this.#refill(now, false));
  }

  #refill(now: number, isShort: boolean): number {
    if (this.#supply !== null) return this.#supply.take(isShort, this.#pool);
    const ms = Math.min(MAX_PAUSE_MS, now - this.#filledAt);
    this.#filledAt = now;
    return Number.isFinite(this.#bytesPerMs) ? ms * this.#bytesPerMs : 0;
  }
}

const toBurst = (bytesPerSecond: number, burst: number | null): number =>
  Number.isFinite(bytesPerSecond) ? Math.max(1, burst ?? 0, (bytesPerSecond * BURST_MS) / 1000) : 0;

/** The share of a flow in a limit. */
class BandwidthShare implements Share, Placed {
  readonly bandwidth: Bandwidth;
  readonly weight: number;
  /** Bytes that only this flow can use. */
  credit = 0;
  isWaiting = false;
  place = -1;

  constructor(bandwidth: Bandwidth, weight: number) {
    this.bandwidth = bandwidth;
    this.weight = weight;
  }

  get minPiece(): number {
    return this.bandwidth.minPiece(this.weight);
  }

  available(now: number): number {
    return this.credit + this.bandwidth.pool(now);
  }

  spend(bytes: number): void {
    this.isWaiting = false;
    const credit = Math.min(this.credit, bytes);
    this.credit -= credit;
    if (bytes > credit) this.bandwidth.spendPool(bytes - credit);
  }

  wait(isShort: boolean): void {
    this.isWaiting = isShort;
    if (isShort) this.bandwidth.contend();
  }

  distribute(now: number): void {
    this.bandwidth.distribute(now);
  }

  leave(): void {
    this.isWaiting = false;
    this.bandwidth.left(this);
  }
}
