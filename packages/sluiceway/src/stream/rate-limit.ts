/** How much may go at once after a pause, as a part of a second: enough that one timer tick wastes nothing. */
const BURST_SECONDS = 0.1;

/** Pieces in a second: small enough that streams which share a limit take turns. */
const PIECES_PER_SECOND = 50;
const MAX_PIECE_BYTES = 64 * 1024;

/** A place in line. */
interface Waiting {
  bytes: number;
  go: () => void;
}

/**
 * A number of bytes per second that all who take from it share, in the order in which they ask: a token bucket that may
 * go into debt for one piece. One timer for all of them, and only while somebody waits.
 */
export class RateLimit {
  readonly #bytesPerMs: number;
  readonly #burst: number;
  readonly #line = new Set<Waiting>();
  #level: number;
  #filledAt: number;
  #timer: NodeJS.Timeout | null = null;
  /** What should be asked for at a time. */
  readonly pieceBytes: number;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#burst = bytesPerSecond * BURST_SECONDS;
    this.#level = this.#burst;
    this.#filledAt = performance.now();
    this.pieceBytes = Math.max(1, Math.min(MAX_PIECE_BYTES, Math.floor(bytesPerSecond / PIECES_PER_SECOND)));
  }

  /** Nobody has taken anything of late: a new limit would be no different. */
  get isFull(): boolean {
    this.#fill();
    return this.#line.size === 0 && this.#level === this.#burst;
  }

  /** Calls `go` when so many bytes may go. Returns null where they may now, else what takes the request back. */
  take(bytes: number, go: () => void): (() => void) | null {
    this.#fill();
    if (this.#line.size === 0 && this.#level > 0) {
      this.#level -= bytes;
      go();
      return null;
    }
    const waiting = { bytes, go };
    this.#line.add(waiting);
    this.#arm();
    return () => void this.#line.delete(waiting);
  }

  #fill(): void {
    const now = performance.now();
    this.#level = Math.min(this.#burst, this.#level + (now - this.#filledAt) * this.#bytesPerMs);
    this.#filledAt = now;
  }

  #arm(): void {
    if (this.#timer !== null || this.#line.size === 0) return;
    const waitMs = this.#level > 0 ? 0 : -this.#level / this.#bytesPerMs;
    this.#timer = setTimeout(() => this.#serve(), Math.min(1000, Math.ceil(waitMs)));
  }

  #serve(): void {
    this.#timer = null;
    this.#fill();
    for (const waiting of this.#line) {
      if (this.#level <= 0) break;
      this.#line.delete(waiting);
      this.#level -= waiting.bytes;
      waiting.go();
    }
    this.#arm();
  }
}
