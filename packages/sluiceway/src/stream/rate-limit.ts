/** The burst after a pause, in seconds: long enough that a timer tick does not waste capacity. */
const BURST_SECONDS = 0.1;

/** Pieces per second: small enough that streams that share a limit alternate. */
const PIECES_PER_SECOND = 50;
const MAX_PIECE_BYTES = 64 * 1024;

/** A waiting request for bytes. */
interface Waiting {
  bytes: number;
  go: () => void;
}

/**
 * A limit in bytes per second that several streams can share, in the order of their requests. A token bucket that can go
 * into debt for one piece. Runs one timer for all of them, and only while one waits.
 */
export class RateLimit {
  readonly #bytesPerMs: number;
  readonly #burst: number;
  readonly #line = new Set<Waiting>();
  #level: number;
  #filledAt: number;
  #timer: NodeJS.Timeout | null = null;
  /** Most bytes that a stream should request at a time. */
  readonly pieceBytes: number;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#burst = bytesPerSecond * BURST_SECONDS;
    this.#level = this.#burst;
    this.#filledAt = performance.now();
    this.pieceBytes = Math.max(1, Math.min(MAX_PIECE_BYTES, Math.floor(bytesPerSecond / PIECES_PER_SECOND)));
  }

  /** Whether the bucket is full and no request waits, as in a new limit. */
  get isFull(): boolean {
    this.#fill();
    return this.#line.size === 0 && this.#level === this.#burst;
  }

  /** Calls `go` when `bytes` bytes are allowed. Returns null if that is at once, otherwise a function that cancels. */
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
