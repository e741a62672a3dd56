/** Counts events, and calls `onFlood` when one time window has more of them than allowed. */
export class FloodGuard {
  readonly #max: number;
  readonly #windowMs: number;
  readonly #onFlood: () => void;
  #windowStart = 0;
  #count = 0;

  constructor(max: number, windowMs: number, onFlood: () => void) {
    this.#max = max;
    this.#windowMs = windowMs;
    this.#onFlood = onFlood;
  }

  count(): void {
    const now = performance.now();
    if (now - this.#windowStart > this.#windowMs) {
      this.#windowStart = now;
      this.#count = 0;
    }
    this.#count += 1;
    if (this.#count === this.#max + 1) this.#onFlood();
  }

  /** Takes one event back. */
  credit(): void {
    this.#count = Math.max(0, this.#count - 1);
  }
}
