import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';
import type { RateLimit } from './rate-limit.js';

interface Held {
  bytes: Uint8Array;
  done: () => void;
}

/** The same content, no faster than a limit, which other content can share. Passes chunks on in small pieces. */
export class RatedSource extends PassThrough {
  readonly #limit: RateLimit;
  readonly #onHeldBack: () => void;
  /** Received chunks, oldest first. The first one is passed on piece by piece. */
  readonly #held: Held[] = [];
  /** False before the start, and once the content has ended, failed or been cancelled. */
  #isRunning = false;
  #leaveLine: (() => void) | null = null;
  #hasEnded = false;

  /** `onHeldBack` is called whenever a piece has to wait for the limit and not for one of the sides. */
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

  /** Requests the piece at `start` of the first chunk from the limit. */
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

  /** Returns the held chunks, except one of which the sink holds a piece: it is returned when the sink returns that. */
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
