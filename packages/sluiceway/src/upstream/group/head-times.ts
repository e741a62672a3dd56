const SAMPLES = 256;
/** Fewer say nothing about the 95th percentile. */
const MIN_SAMPLES = 20;
/** After this many new samples the percentile is computed again. */
const STALE_AFTER = 32;

/** The times to response heads of the last requests to a group, and their 95th percentile. */
export class HeadTimes {
  readonly #samples = new Float64Array(SAMPLES);
  #count = 0;
  #computedAt = 0;
  #p95: number | null = null;

  add(ms: number): void {
    this.#samples[this.#count % SAMPLES] = ms;
    this.#count += 1;
  }

  /** In milliseconds. Null if there are too few samples. */
  get p95(): number | null {
    if (this.#count < MIN_SAMPLES) return null;
    if (this.#p95 === null || this.#count - this.#computedAt >= STALE_AFTER) {
      const sorted = this.#samples.slice(0, Math.min(this.#count, SAMPLES)).toSorted();
      this.#p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? null;
      this.#computedAt = this.#count;
    }
    return this.#p95;
  }
}
