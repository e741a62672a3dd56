import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';
import type { RateLimit } from './rate-limit.js';

interface Held {
  bytes: Uint8Array;
  done: () => void;
}

/** The same content, no faster than a limit that other content may share. Chunks are passed on in small pieces. */
export class RatedSource extends PassThrough {
  readonly #limit: RateLimit;
  readonly #onHeldBack: () => void;
  /** Chunks that have come, oldest first; the first one is passed on piece by piece. */
  readonly #held: Held[] = [];
  /** False before the start, and once the content has ended or been given up. */
  #isRunning = false;
  #leaveLine: (() => void) | null = null;
  #hasEnded = false;

  /** `onHeldBack` is told each time that a piece has to wait for the limit, which is nobody's fault. */
  constructor(source: ChunkSource, limit: RateLimit, onHeldBack: () => void = () => {}) {
    super(source);
    this.#limit = limit;
    this.#onHeldBack = onHeldBack;
  }

  override start(sink: ChunkSink): void {
    this.#isRunning = true;
    super.start(sink);
  }

  override chunk(bytes: Uint8Array, done: () => void): void {
    this.#held.push({ bytes, done });
    if (this.#held.length === 1) this.#askFor(0);
  }

  override end(): void {
    this.#hasEnded = true;
    if (this.#held.length === 0) this.#end();
  }

  override fail(error: Error): void {
    const wasRunning = this.#isRunning;
    this.#letGo();
    if (wasRunning) this.sink.fail(error);
  }

  override cancel(): void {
    this.#letGo();
    super.cancel();
  }

  /** Waits for the turn of the first chunk's piece at `start`. */
  #askFor(start: number): void {
    const [first] = this.#held;
    if (first === undefined) return;
    const piece = first.bytes.subarray(start, start + this.#limit.pieceBytes);
    const leaveLine = this.#limit.take(piece.length, () => {
      this.#leaveLine = null;
      if (this.#isRunning) this.sink.chunk(piece, () => this.#onReturned(first, start + piece.length));
    });
    if (leaveLine === null) return;
    this.#leaveLine = leaveLine;
    this.#onHeldBack();
  }

  #onReturned(held: Held, end: number): void {
    if (this.#isRunning && end < held.bytes.length) {
      this.#askFor(end);
      return;
    }
    if (this.#held[0] === held) this.#held.shift();
    held.done();
    if (!this.#isRunning) return;
    if (this.#held.length > 0) this.#askFor(0);
    else if (this.#hasEnded) this.#end();
  }

  #end(): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.sink.end();
  }

  /** Returns what is held, but for a chunk of which the sink has a piece: that comes back by itself. */
  #letGo(): void {
    this.#isRunning = false;
    const isWithSink = this.#held.length > 0 && this.#leaveLine === null;
    this.#leaveLine?.();
    this.#leaveLine = null;
    const [first, ...others] = this.#held.splice(0);
    if (!isWithSink) first?.done();
    for (const { done } of others) done();
  }
}
