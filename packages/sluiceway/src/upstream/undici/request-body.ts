import { Readable } from 'node:stream';
import type { ChunkSource } from '../../stream/chunk-source.js';

/** What is held ready for the dispatcher. */
const HELD_BYTES = 64 * 1024;

/**
 * Request content as a stream. Chunks are copied, because undici says nothing of when the operating system has taken
 * them; no more come while the dispatcher has enough.
 */
export class RequestBody extends Readable {
  readonly #source: ChunkSource;
  readonly #held: (() => void)[] = [];
  #started = false;
  #isOver = false;

  constructor(source: ChunkSource) {
    super({ highWaterMark: HELD_BYTES });
    this.#source = source;
    // The exchange hears of it from the dispatcher; with nobody to listen it would end the process.
    this.on('error', () => {});
  }

  /** Takes no more from the source; the stream stays without an end. */
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
