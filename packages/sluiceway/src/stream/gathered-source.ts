import type { Fields } from '../http/fields.js';
import type { BufferPool } from './buffer-pool.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';

/** From this size on, a chunk is lent on as it is: another write costs less than a copy. */
const LARGE_CHUNK_BYTES = 32 * 1024;

/** Sizes of blocks to copy into: no more comes in one turn of the event loop as a rule. */
const SMALL_BLOCK_BYTES = 32 * 1024;
const LARGE_BLOCK_BYTES = 256 * 1024;

/** Blocks or large chunks that the sink may hold. Meanwhile chunks of the source wait, and so it does. */
const MAX_LENT = 2;

interface Held {
  bytes: Uint8Array;
  done: () => void;
}

/**
 * The same content in fewer chunks: small ones that come within one turn of the event loop are copied together, and
 * leave in that turn. Writing a chunk costs as much as copying some ten kilobytes, and HTTP/2 frames are often smaller.
 */
export class GatheredSource implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #pool: BufferPool;
  #sink: ChunkSink | null = null;
  /** Chunks of the source, of which nothing is copied yet. */
  readonly #held: Held[] = [];
  #heldBytes = 0;
  #lent = 0;
  #isEnded = false;
  #turn: NodeJS.Immediate | null = null;

  constructor(source: ChunkSource, pool: BufferPool) {
    this.#source = source;
    this.#pool = pool;
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  start(sink: ChunkSink): void {
    this.#sink = sink;
    this.#source.start({
      chunk: (bytes, done) => {
        this.#held.push({ bytes, done });
        this.#heldBytes += bytes.length;
        if (this.#heldBytes >= LARGE_BLOCK_BYTES) this.#lend();
        else this.#turn ??= setImmediate(this.#onTurn);
      },
      end: () => {
        this.#isEnded = true;
        this.#lend();
      },
      fail: (error) => this.#stop()?.fail(error),
    });
  }

  cancel(): void {
    this.#stop();
    this.#source.cancel();
  }

  readonly #onTurn = (): void => {
    this.#turn = null;
    this.#lend();
  };

  /** Lends on what there is, as far as the sink may hold it. */
  #lend(): void {
    while (this.#held.length > 0 && this.#lent < MAX_LENT) {
      const [first, second] = this.#held;
      if (first === undefined) break;
      this.#lent += 1;
      if (second === undefined || first.bytes.length >= LARGE_CHUNK_BYTES) this.#lendFirst(first);
      else this.#lendCopy();
    }
    if (this.#isEnded && this.#held.length === 0) this.#stop()?.end();
  }

  #lendFirst({ bytes, done }: Held): void {
    this.#held.shift();
    this.#heldBytes -= bytes.length;
    this.#sink?.chunk(bytes, () => {
      done();
      this.#onReturned();
    });
  }

  #lendCopy(): void {
    const wanted = this.#heldBytes <= SMALL_BLOCK_BYTES ? SMALL_BLOCK_BYTES : LARGE_BLOCK_BYTES;
    const block = this.#pool.acquire(this.#pool.affordable(wanted));
    let filled = 0;
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      if (filled + next.bytes.length > block.length) break;
      block.set(next.bytes, filled);
      filled += next.bytes.length;
      this.#heldBytes -= next.bytes.length;
      this.#held.shift();
      next.done();
    }
    this.#sink?.chunk(block.subarray(0, filled), () => {
      this.#pool.release(block);
      this.#onReturned();
    });
  }

  #onReturned(): void {
    this.#lent -= 1;
    if (this.#sink !== null && (this.#isEnded || this.#turn === null)) this.#lend();
  }

  /** Returns who is to be told the last word; null where somebody has been. */
  #stop(): ChunkSink | null {
    const sink = this.#sink;
    this.#sink = null;
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    this.#heldBytes = 0;
    for (const { done } of this.#held.splice(0)) done();
    return sink;
  }
}
