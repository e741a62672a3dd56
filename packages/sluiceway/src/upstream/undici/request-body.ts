import { Readable } from 'node:stream';
import type { ChunkSource } from '../../stream/chunk-source.js';

/** Bytes that are buffered for the dispatcher. */
const HELD_BYTES = 64 * 1024;

/**
 * Request content as a stream. Chunks are copied, because undici does not report when the operating system has taken
 * them. The source is not read while the buffer is full.
 */
export class RequestBody extends Readable {
  readonly #source: ChunkSource;
  readonly #held: (() => void)[] = [];
  #started = false;
  #isOver = false;

  constructor(source: ChunkSource) {
    super({ highWaterMark: HELD_BYTES });
    this.#source = source;
    // The exchange gets the error from the dispatcher. Without a listener it would end the process.
    this.on('error', () => {});
  }

  /** Stops reading from the source. The stream does not end. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#source.cancel();
    for (const done of this.#held.splice(0)) done();
  }

  override _read(): void {
    if (this.#started) {
      for (const done of this.#held.splice(0)) done();
      return;
    }
    this.#started = true;
    if (this.#isOver) return;
    this.#source.start({
      chunk: (bytes, done) => {
        if (bytes.length > 0 && !this.push(Buffer.from(bytes))) this.#held.push(done);
        else done();
      },
      end: () => {
        this.#isOver = true;
        this.push(null);
      },
      fail: (error) => {
        this.#isOver = true;
        this.destroy(error);
      },
    });
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.stop();
    callback(error);
  }
}
