/** A worker that lives at least this long has worked: the next failure is the first again. */
const STABLE_MS = 10_000;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 30_000;

/** How long to wait before a worker that has failed is replaced: not at all the first time, then longer each time. */
export class Backoff {
  #failures = 0;

  /** `livedMs`: for how long the worker served. */
  next(livedMs: number): number {
    if (livedMs >= STABLE_MS) this.#failures = 0;
    this.#failures += 1;
    return this.#failures === 1 ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - 2));
  }
}
