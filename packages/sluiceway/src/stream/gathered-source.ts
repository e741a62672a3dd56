import type { Fields } from '../http/fields.js';
import type { BufferPool } from './buffer-pool.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';

/** From this size on, a chunk is passed on uncopied: another write costs less than a copy. */
const LARGE_CHUNK_BYTES = 32 * 1024;

/** Sizes of the blocks to copy into. Large ones are used if small ones fill up and the sink keeps up. */
const SMALL_BLOCK_BYTES = 32 * 1024;
const LARGE_BLOCK_BYTES = 256 * 1024;

/** Most chunks that the sink holds. Another block is filled meanwhile, then the source waits. */
const MAX_LENT = 2;

/** A sink that holds a chunk for longer than this does not keep up. */
const SLOW_MS = 100;

/** A chunk of the source that is not fully copied. */
interface Waiting {
  bytes: Uint8Array;
  done: () => void;
}

/**
 * The same content in fewer chunks: merges small ones of one turn of the event loop, and passes them on in that turn.
 * Writing a chunk costs as much as copying tens of kilobytes, and HTTP/2 frames are often smaller.
 */
export class GatheredSource implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #pool: BufferPool;
  #sink: ChunkSink | null = null;
  #block: Buffer | null = null;
  #filled = 0;
  #blockBytes = SMALL_BLOCK_BYTES;
  readonly #waiting: Waiting[] = [];
  #lent = 0;
  #isEnded = false;
  #isAdvancing = false;
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
        this.#waiting.push({ bytes, done });
        this.#advance();
      },
      end: () => {
        this.#isEnded = true;
        this.#advance();
      },
      fail: (error) => this.#stop()?.fail(error),
    });
  }

  cancel(): void {
    this.#stop();
    this.#source.cancel();
  }

  get #mayLend(): boolean {
    return this.#lent < MAX_LENT;
  }

  #advance(): void {
    // A sink can return chunks, and a source lend them, before either call has returned.
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    while (this.#waiting.length > 0 && this.#takeFirst());
    this.#isAdvancing = false;
    if (this.#waiting.length > 0) return;
    if (this.#isEnded) {
      this.#lendBlock();
      this.#stop()?.end();
    } else if (this.#filled > 0) {
      this.#turn ??= setImmediate(this.#onTurn);
    }
  }

  /** Takes the first waiting chunk, or as much of it as fits. False if there is no room. */
  #takeFirst(): boolean {
    const first = this.#waiting[0];
    if (first === undefined) return false;
    if (this.#filled === 0 && first.bytes.length >= LARGE_CHUNK_BYTES && this.#mayLend) {
      this.#waiting.shift();
      this.#lend(first.bytes, first.done);
      return true;
    }
    if (this.#copy(first)) {
      this.#waiting.shift();
      first.done();
      return true;
    }
    // The block is full.
    if (!this.#mayLend) return false;
    this.#lendBlock();
    return true;
  }

  /** Returns true if the whole chunk is copied. */
  #copy(chunk: Waiting): boolean {
    this.#block ??= this.#pool.acquire(this.#pool.affordable(this.#blockBytes));
    const part = chunk.bytes.subarray(0, this.#block.length - this.#filled);
    this.#block.set(part, this.#filled);
    this.#filled += part.length;
    chunk.bytes = chunk.bytes.subarray(part.length);
    return chunk.bytes.length === 0;
  }

  /** Passes on what came in this turn, unless the sink already holds enough. */
  readonly #onTurn = (): void => {
    this.#turn = null;
    if (this.#mayLend) this.#lendBlock();
  };

  #lendBlock(): void {
    const block = this.#block;
    if (block === null) return;
    const chunk = block.subarray(0, this.#filled);
    if (this.#filled === block.length) this.#blockBytes = LARGE_BLOCK_BYTES;
    this.#block = null;
    this.#filled = 0;
    this.#lend(chunk, () => this.#pool.release(block));
  }

  #lend(bytes: Uint8Array, done: () => void): void {
    const lentAt = performance.now();
    this.#lent += 1;
    this.#sink?.chunk(bytes, () => {
      this.#lent -= 1;
      if (performance.now() - lentAt > SLOW_MS) this.#blockBytes = SMALL_BLOCK_BYTES;
      done();
      if (this.#sink === null) return;
      if (this.#waiting.length > 0) this.#advance();
      else if (this.#turn === null) this.#lendBlock();
    });
  }

  /** Stops, and returns the sink to end or fail; null if it has already been ended or failed. */
  #stop(): ChunkSink | null {
    const sink = this.#sink;
    this.#sink = null;
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    if (this.#block !== null) this.#pool.release(this.#block);
    this.#block = null;
    this.#filled = 0;
    for (const { done } of this.#waiting.splice(0)) done();
    return sink;
  }
}
