import type { CountWindow } from './store.js';

const SLOTS = 16;

/** Counts what happened in the last `ms` milliseconds, to within a sixteenth of that time, and never less. */
export class SlidingCount {
  readonly #slotMs: number;
  readonly #slots = new Float64Array(SLOTS + 1);
  /** Number of the slot of the last addition. */
  #last = 0;
  used = 0;

  constructor(ms: number) {
    this.#slotMs = ms / SLOTS;
  }

  /** Forgets what is too old. `now` in milliseconds. */
  advance(now: number): void {
    const slot = Math.floor(now / this.#slotMs);
    const passed = Math.min(slot - this.#last, this.#slots.length);
    for (let i = 1; i <= passed; i += 1) {
      const index = (this.#last + i) % this.#slots.length;
      this.used -= this.#slots[index] ?? 0;
      this.#slots[index] = 0;
    }
    // The clock can be set back.
    this.#last = slot;
    if (passed < 0 || passed === this.#slots.length) this.#clear();
  }

  add(count: number): void {
    const index = this.#last % this.#slots.length;
    this.#slots[index] = (this.#slots[index] ?? 0) + count;
    this.used += count;
  }

  /** How long until at most `allowed` remain, after `advance`. */
  untilBelow(allowed: number, now: number): number {
    let left = this.used;
    for (let i = 1; i <= this.#slots.length && left > allowed; i += 1) {
      left -= this.#slots[(this.#last + i) % this.#slots.length] ?? 0;
      if (left <= allowed) return (this.#last + i) * this.#slotMs - now;
    }
    return 0;
  }

  #clear(): void {
    this.#slots.fill(0);
    this.used = 0;
  }
}

/** Counts what happened in the current period. */
export class PeriodCount {
  readonly #window: CountWindow;
  #start = Number.NaN;
  /** When the period ends, in milliseconds since 1970. */
  end = 0;
  used = 0;

  constructor(window: CountWindow) {
    this.#window = window;
  }

  advance(now: number): void {
    if (now >= this.#start && now < this.end) return;
    [this.#start, this.end] = periodOf(this.#window, now);
    this.used = 0;
  }
}

/** The beginning and the end of the period of a moment. */
export function periodOf(window: CountWindow, now: number): [start: number, end: number] {
  if ('ms' in window) {
    const start = Math.floor(now / window.ms) * window.ms;
    return [start, start + window.ms];
  }
  const date = new Date(now);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  if (window.kind === 'day') return [Date.UTC(year, month, day), Date.UTC(year, month, day + 1)];
  return [Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1)];
}

/** The length of the period of a moment, in seconds. */
export function periodSeconds(window: CountWindow, now: number): number {
  const [start, end] = periodOf(window, now);
  return Math.round((end - start) / 1000);
}
