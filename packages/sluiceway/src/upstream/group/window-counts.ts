const SLOTS = 10;

/** What a server or a group did in the window. */
export interface WindowTotals {
  requests: number;
  failures: number;
  /** Response heads whose time was measured, and the sum of these times in milliseconds. */
  heads: number;
  headMs: number;
}

/** The members of a slot, in this order. */
const REQUESTS = 0;
const FAILURES = 1;
const HEADS = 2;
const HEAD_MS = 3;
const MEMBERS = 4;

/** Counts requests, failures and the times to response heads over a sliding window, in steps of a tenth of it. */
export class WindowCounts {
  readonly #slotMs: number;
  readonly #counts = new Float64Array(SLOTS * MEMBERS);
  #slot = 0;

  constructor(windowMs: number) {
    this.#slotMs = windowMs / SLOTS;
  }

  /** Counts a request that has ended at `now`. `headMs` is null if its time says nothing about the server. */
  add(now: number, isFailure: boolean, headMs: number | null): void {
    this.#move(now);
    const at = (this.#slot % SLOTS) * MEMBERS;
    this.#increase(at + REQUESTS, 1);
    if (isFailure) this.#increase(at + FAILURES, 1);
    if (headMs === null) return;
    this.#increase(at + HEADS, 1);
    this.#increase(at + HEAD_MS, headMs);
  }

  totals(now: number): WindowTotals {
    this.#move(now);
    return {
      requests: this.#sum(REQUESTS),
      failures: this.#sum(FAILURES),
      heads: this.#sum(HEADS),
      headMs: this.#sum(HEAD_MS),
    };
  }

  clear(): void {
    this.#counts.fill(0);
  }

  #increase(at: number, by: number): void {
    this.#counts[at] = (this.#counts[at] ?? 0) + by;
  }

  #sum(member: number): number {
    let sum = 0;
    for (let at = member; at < this.#counts.length; at += MEMBERS) sum += this.#counts[at] ?? 0;
    return sum;
  }

  /** Forgets what is older than the window. */
  #move(now: number): void {
    const slot = Math.floor(now / this.#slotMs);
    const passed = Math.min(SLOTS, slot - this.#slot);
    for (let index = 1; index <= passed; index += 1) {
      const at = ((slot - passed + index) % SLOTS) * MEMBERS;
      this.#counts.fill(0, at, at + MEMBERS);
    }
    this.#slot = slot;
  }
}
