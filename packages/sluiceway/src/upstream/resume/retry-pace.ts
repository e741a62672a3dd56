import type { Gap } from './resumed-content.js';

/** Fewer bytes than this between two timeouts do not count as progress. Otherwise a very slow server is asked forever. */
const MOVING_BYTES = 64 * 1024;

/** After a rest that breaks sooner, there is a pause: the origin server may be crashing repeatedly. */
const QUICK_MS = 1000;
const QUICK_PAUSE_MS = 25;
/** After this many consecutive breaks that have brought almost nothing, each pause doubles, up to a limit. */
const MANY_QUICK = 20;
const NEXT_TO_NOTHING_BYTES = 1024;
const MAX_DOUBLINGS = 6;

/** Whether content has stopped or become too slow, as opposed to broken off. */
export const isSilence = ({ error }: Gap): boolean => error.code === 'connection_read_timeout';

/** Decides how often the rest of some content is requested, by how much the requests so far have brought. */
export class RetryPace {
  readonly #minRate: number;
  readonly #timeoutMs: number;
  /** Failed attempts since the last byte. */
  failures = 0;
  /** Consecutive breaks because of silence or a low rate that brought too few bytes. */
  #slowBreaks = 0;
  #position = 0;
  /** The last gap was a silence, for which the rest was requested in parallel. */
  #wasHedged = false;
  /** Consecutive breaks that came soon and brought almost nothing. */
  #quickBreaks = 0;
  /** When the current content was found. */
  #foundAt = Number.NEGATIVE_INFINITY;

  /** `minRate` in bytes per second. 0: no limit. */
  constructor(minRate: number, timeoutMs: number) {
    this.#minRate = minRate;
    this.#timeoutMs = timeoutMs;
  }

  found(): void {
    this.#foundAt = performance.now();
  }

  /** Records a gap. Returns the shortest pause before the next attempt, in ms. */
  note(gap: Gap): number {
    const { position, isStuck, silentMs } = gap;
    const bytes = position - this.#position;
    this.#position = position;
    const ms = performance.now() - this.#foundAt;
    // Do not count a silence again when it ends in a break.
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
