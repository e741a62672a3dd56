import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';
import type { RateLimit } from './rate-limit.js';

interface Held {
  bytes: Uint8Array;
  done: () => void;
}

/** The same content, no faster than a limit that other content may share. Chunks are passed on in small pieces. */
export class RatedSource implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #limit: RateLimit;
  readonly #onHeldBack: () => void;
  /** Chunks that have come, oldest first; the first one is passed on piece by piece. */
  readonly #held: Held[] = [];
  #sink: ChunkSink | null = null;
  #leaveLine: (() => void) | null = null;
  #hasEnded = false;

  /** `onHeldBack` is told each time that a piece has to wait for the limit, which is nobody's fault. */
  constructor(source: ChunkSource, limit: RateLimit, onHeldBack: () => void = () => {}) {
    this.#source = source;
    this.#limit = limit;
    this.#onHeldBack = onHeldBack;
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  start(sink: ChunkSink): void {
    this.#sink = sink;
    this.#source.start({
      chunk: (bytes, done) => {
        this.#held.push({ bytes, done });
        if (this.#held.length === 1) this.#askFor(0);
      },
      end: () => {
        this.#hasEnded = true;
        if (this.#held.length === 0) this.#end();
      },
      fail: (error) => {
        const failing = this.#sink;
        this.#letGo();
        failing?.fail(error);
      },
    });
  }

  cancel(): void {
    this.#letGo();
    this.#source.cancel();
  }

  /** Waits for the turn of the first chunk's piece at `start`. */
  #askFor(start: number): void {
    const [first] = this.#held;
    if (first === undefined) return;
    const piece = first.bytes.subarray(start, start + this.#limit.pieceBytes);
    const leaveLine = this.#limit.take(piece.length, () => {
      this.#leaveLine = null;
      this.#sink?.chunk(piece, () => this.#onReturned(first, start + piece.length));
    });
    if (leaveLine === null) return;
    this.#leaveLine = leaveLine;
    this.#onHeldBack();
  }

  #onReturned(held: Held, end: number): void {
    if (this.#sink !== null && end < held.bytes.length) {
      this.#askFor(end);
      return;
    }
    if (this.#held[0] === held) this.#held.shift();
    held.done();
    if (this.#sink === null) return;
    if (this.#held.length > 0) this.#askFor(0);
    else if (this.#hasEnded) this.#end();
  }

  #end(): void {
    const sink = this.#sink;
    this.#sink = null;
    sink?.end();
  }

  /** Returns what is held, but for a chunk of which the sink has a piece: that comes back by itself. */
  #letGo(): void {
    this.#sink = null;
    const isWithSink = this.#held.length > 0 && this.#leaveLine === null;
    this.#leaveLine?.();
    this.#leaveLine = null;
    const [first, ...others] = this.#held.splice(0);
    if (!isWithSink) first?.done();
    for (const { done } of others) done();
  }
}
