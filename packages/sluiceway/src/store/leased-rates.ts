import type { Lease, LeaseRequest } from '../limits/store.js';
import { LEASE_MS, type RateAsk, type RateLease, StoreUnavailableError } from './backend.js';

/** Bounds of the time between two asks of the store for a key. It doubles while the answer stays the same. */
const MIN_INTERVAL_MS = 50;
const MAX_INTERVAL_MS = 200;
/** So many asks may follow earlier than after the longest time, and one more each second. */
const EARLY_ASKS = 5;
/** How often bytes are given out of a leased rate. This asks no store. */
const SLICE_MS = 25;
/** What a leased rate can save up while the process is busy with something else, in seconds. */
const SAVED_SECONDS = 0.1;
/** How much more than it used a process is given that the limit did not hold up, so that it can use more. */
const HEADROOM = 1.05;
const MIN_DEMAND = 1000;
/** A key that is not used for this long is given back. */
const IDLE_MS = 500;

interface Leased {
  limit: number;
  burst: number;
  weight: number;
  rate: number;
  share: number;
  /** By `performance.now`. */
  validUntil: number;
  /** Bytes that may pass now. */
  level: number;
  filledAt: number;
  /** Bytes given out since the last ask of the store. */
  used: number;
  /** Whether the last request got less than it wanted. */
  gotLess: boolean;
  /** Whether the limit has held this process up since the last ask. */
  isShort: boolean;
  earlyAsks: number;
  askedAt: number;
  nextAskAt: number;
  intervalMs: number;
  asking: Promise<void> | null;
  usedAt: number;
}

/**
 * Gives out bytes of rates that the store leases to this process. The store is asked for a key every 50 to 200 ms, and the
 * bytes are given out in smaller slices, so that they pass evenly. When the store cannot be asked, a lease stays valid until
 * its end.
 */
export class LeasedRates {
  readonly #ask: (asks: readonly RateAsk[]) => Promise<readonly RateLease[]>;
  readonly #clock: () => number;
  readonly #keys = new Map<string, Leased>();
  #timer: NodeJS.Timeout | null = null;

  /** `clock`: in milliseconds. A simulation has its own. */
  constructor(
    ask: (asks: readonly RateAsk[]) => Promise<readonly RateLease[]>,
    clock: () => number = () => performance.now(),
  ) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** The number of keys of which this process has a lease. */
  get size(): number {
    return this.#keys.size;
  }

  async lease(requests: readonly LeaseRequest[]): Promise<Lease[]> {
    const now = this.#clock();
    const all = requests.map((request) => this.#take(request, now));
    const due = [...new Map(requests.map(({ key }, i) => [key, all[i] as Leased]))].filter(
      ([, leased]) => leased.weight > 0 && leased.asking === null && now >= leased.nextAskAt,
    );
    if (due.length > 0) this.#renew(due, now);
    const released = requests.filter(({ weight, want }) => weight <= 0 && want <= 0);
    if (released.length > 0) this.#release(released.map(({ key }) => key));
    const awaited = all.filter(({ validUntil, weight }) => validUntil <= now && weight > 0);
    await Promise.all(awaited.flatMap(({ asking }) => asking ?? []));
    const end = this.#clock();
    if (all.some(({ validUntil, weight }) => weight > 0 && validUntil <= end))
      throw new StoreUnavailableError('a lease has ended, and the store does not renew it');
    return requests.map((request, i) => this.#give(request, all[i] as Leased));
  }

  /** Gives everything back. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    const keys = [...this.#keys.keys()];
    this.#keys.clear();
    if (keys.length > 0) await this.#ask(keys.map(toRelease));
  }

  /** Notes what a request says about its key. */
  #take({ key, bytesPerSecond, burst, weight, unused }: LeaseRequest, now: number): Leased {
    let leased = this.#keys.get(key);
    if (leased === undefined) {
      leased = create(now);
      this.#keys.set(key, leased);
      this.#timer ??= setInterval(() => this.#sweep(), IDLE_MS).unref();
    }
    // Another limit, or transfers where there were none: the present lease does not fit.
    if (leased.limit !== bytesPerSecond || (leased.weight <= 0 && weight > 0)) leased.nextAskAt = now;
    leased.limit = bytesPerSecond;
    leased.burst = burst;
    leased.weight = weight;
    leased.level += unused;
    leased.used -= unused;
    if (leased.gotLess && unused === 0) leased.isShort = true;
    leased.usedAt = now;
    return leased;
  }

  #give({ want, bytesPerSecond }: LeaseRequest, leased: Leased): Lease {
    const now = this.#clock();
    fill(leased, now);
    const bytes = Math.max(0, Math.min(want, Math.floor(leased.level)));
    leased.level -= bytes;
    leased.used += bytes;
    leased.gotLess = bytes < want;
    return { bytes, askAgainMs: SLICE_MS, share: Math.min(leased.share, bytesPerSecond) };
  }

  #renew(due: readonly (readonly [key: string, leased: Leased])[], now: number): void {
    const asks = due.map(([key, leased]) => ({
      key,
      limit: leased.limit,
      weight: leased.weight,
      demand: demandOf(leased, now),
    }));
    const asking = this.#ask(asks).then(
      (answers) => {
        for (const [i, [, leased]] of due.entries()) {
          const answer = answers[i];
          if (answer !== undefined) adopt(leased, answer, now, this.#clock());
          leased.asking = null;
        }
      },
      () => {
        for (const [, leased] of due) {
          leased.asking = null;
          leased.nextAskAt = now + MIN_INTERVAL_MS + Math.random() * MAX_INTERVAL_MS;
        }
      },
    );
    for (const [, leased] of due) {
      leased.asking = asking;
      leased.askedAt = now;
      leased.used = 0;
      leased.isShort = false;
    }
  }

  #release(keys: readonly string[]): void {
    for (const key of keys) this.#keys.delete(key);
    // If this fails, the lease ends by itself.
    this.#ask(keys.map(toRelease)).catch(() => {});
  }

  #sweep(): void {
    const now = this.#clock();
    const idle = [...this.#keys].filter(([, { usedAt }]) => now - usedAt >= IDLE_MS).map(([key]) => key);
    if (idle.length > 0) this.#release(idle);
    if (this.#keys.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

const create = (now: number): Leased => ({
  limit: 0,
  burst: 0,
  weight: 0,
  rate: 0,
  share: 0,
  validUntil: now,
  level: 0,
  filledAt: now,
  used: 0,
  gotLess: false,
  isShort: true,
  earlyAsks: EARLY_ASKS,
  askedAt: now,
  nextAskAt: now,
  intervalMs: MIN_INTERVAL_MS,
  asking: null,
  usedAt: now,
});

const toRelease = (key: string): RateAsk => ({ key, limit: 1, weight: 0, demand: 0 });

/** Takes an answer of the store to an ask at `askedAt`, from when the lease is valid at the latest. */
function adopt(leased: Leased, { rate, share }: RateLease, askedAt: number, now: number): void {
  const isNew = leased.validUntil <= now;
  fill(leased, now);
  const hasChanged = Math.abs(share - leased.share) > leased.share * 0.05;
  leased.earlyAsks = Math.min(EARLY_ASKS, leased.earlyAsks + leased.intervalMs / 1000);
  const isUnsettled = rate < share * 0.9 || hasChanged;
  leased.intervalMs = isUnsettled ? MIN_INTERVAL_MS : Math.min(MAX_INTERVAL_MS, leased.intervalMs * 2);
  if (leased.intervalMs < MAX_INTERVAL_MS) {
    if (leased.earlyAsks < 1) leased.intervalMs = MAX_INTERVAL_MS;
    else leased.earlyAsks -= 1;
  }
  leased.rate = rate;
  leased.share = share;
  leased.validUntil = askedAt + LEASE_MS;
  // The time of the next ask differs between processes, so that the store has even work.
  leased.nextAskAt = askedAt + leased.intervalMs * (0.9 + 0.1 * Math.random());
  if (isNew) leased.level = Math.max(leased.level, (rate * SLICE_MS) / 1000);
}

/** Adds the bytes of the time that has passed, as far as the lease covers it. */
function fill(leased: Leased, now: number): void {
  const until = Math.min(now, leased.validUntil);
  const passed = Math.max(0, until - leased.filledAt);
  leased.filledAt = now;
  const part = leased.limit > 0 ? leased.rate / leased.limit : 0;
  const most = Math.max(leased.rate * SAVED_SECONDS, leased.burst * part, leased.level);
  leased.level = Math.min(most, leased.level + (passed * leased.rate) / 1000);
}

function demandOf({ isShort, used, askedAt }: Leased, now: number): number {
  const passed = now - askedAt;
  if (isShort || passed <= 0) return -1;
  return Math.ceil(((Math.max(0, used) * 1000) / passed) * HEADROOM + MIN_DEMAND);
}
