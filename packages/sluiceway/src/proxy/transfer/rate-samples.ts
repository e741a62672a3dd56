/** Rates are those of the last 1.5 to 3 seconds. */
const WINDOW_MS = 3000;

/** A shorter time says nothing about a rate: content comes in chunks of up to a megabyte. Rates change no more often. */
const MIN_MS = 200;

/**
 * The rates of a transfer, from samples that are taken only when they are read. The first rate is the mean since the start;
 * later ones are those of the last seconds, or of the time since the last reading if that is longer ago.
 */
export class RateSamples {
  /** The sample at which the window begins. */
  #at: number;
  #down = 0;
  #up = 0;
  /** The sample at which the next window begins. */
  #nextAt: number;
  #nextDown = 0;
  #nextUp = 0;
  /** When the rates were worked out. */
  #ratedAt = Number.NEGATIVE_INFINITY;
  /** Content bytes per second to the client. */
  down = 0;
  /** Content bytes per second to the origin server. */
  up = 0;

  /** `started`: as `performance.now`. */
  constructor(started: number) {
    this.#at = started;
    this.#nextAt = started;
  }

  /** `down` and `up` are all bytes until `now`. */
  add(now: number, down: number, up: number): void {
    const ms = now - this.#at;
    if (ms < MIN_MS || now - this.#ratedAt < MIN_MS) return;
    this.#ratedAt = now;
    this.down = Math.round(((down - this.#down) * 1000) / ms);
    this.up = Math.round(((up - this.#up) * 1000) / ms);
    if (ms < WINDOW_MS / 2) return;
    const hasNext = this.#nextAt > this.#at;
    if (ms < WINDOW_MS && hasNext) return;
    if (ms >= WINDOW_MS) {
      const isRecent = hasNext && now - this.#nextAt <= WINDOW_MS;
      this.#at = isRecent ? this.#nextAt : now;
      this.#down = isRecent ? this.#nextDown : down;
      this.#up = isRecent ? this.#nextUp : up;
    }
    this.#nextAt = now;
    this.#nextDown = down;
    this.#nextUp = up;
  }
}
