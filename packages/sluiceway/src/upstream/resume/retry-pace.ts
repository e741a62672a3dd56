import type { Gap } from './resumed-content.js';

/** Less than this between two timeouts is no progress: whoever trickles would be asked for ever. */
const MOVING_BYTES = 64 * 1024;

/** A rest that breaks sooner is not asked for at once: an origin server may be falling over and over. */
const QUICK_MS = 1000;
const QUICK_PAUSE_MS = 25;
/** From so many in a row on that have brought next to nothing, each pause is twice as long as the one before, up to a limit. */
const MANY_QUICK = 20;
const NEXT_TO_NOTHING_BYTES = 1024;
const MAX_DOUBLINGS = 6;

/** Whether content has stopped, or become too slow, rather than broken off. */
export const isSilence = ({ error }: Gap): boolean => error.code === 'connection_read_timeout';

/** How often the rest of one content may be asked for: by how much the requests so far have brought. */
export class RetryPace {
  readonly #minRate: number;
  readonly #timeoutMs: number;
  /** Attempts in vain, since a byte came last. */
  failures = 0;
  /** Breaks in a row for silence or too low a rate, where bytes came, and too few. */
  #slowBreaks = 0;
  #position = 0;
  /** A search for the same gap went on beside the content, and was in vain. */
  #wasHedged = false;
  /** Breaks in a row that came soon, and brought next to nothing. */
  #quickBreaks = 0;
  /** When the content under way began to come. */
  #foundAt = Number.NEGATIVE_INFINITY;

  /** `minRate` in bytes per second, 0 for none. */
  constructor(minRate: number, timeoutMs: number) {
    this.#minRate = minRate;
    this.#timeoutMs = timeoutMs;
  }

  found(): void {
    this.#foundAt = performance.now();
  }

  /** Returns how long to wait at least. */
  note(gap: Gap): number {
    const { position, isStuck, silentMs } = gap;
    const bytes = position - this.#position;
    this.#position = position;
    const ms = performance.now() - this.#foundAt;
    // A silence that has been counted ends in a break.
    if (!this.#wasHedged || bytes > 0) {
      const wantedBytes = this.#minRate === 0 ? 0 : (this.#minRate * ms) / 1000;
      const isSlow = isSilence(gap) && bytes < Math.max(MOVING_BYTES, wantedBytes);
      this.#slowBreaks = isSlow ? this.#slowBreaks + 1 : 0;
    }
    this.#wasHedged = silentMs !== null;
    if (!isStuck) this.failures = 0;
    this.failures = Math.max(this.failures, this.#slowBreaks - 1);
    const isQuick = ms < QUICK_MS;
    this.#quickBreaks = isQuick && bytes < NEXT_TO_NOTHING_BYTES ? this.#quickBreaks + 1 : 0;
    if (!isQuick) return 0;
    const doublings = Math.min(MAX_DOUBLINGS, Math.max(0, this.#quickBreaks - MANY_QUICK));
    const pauseMs = QUICK_PAUSE_MS * 2 ** doublings * (1 + Math.random());
    return Math.min(pauseMs, this.#timeoutMs / 2);
  }
}
