import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';

/** The same content without its first bytes, which `onSkipped` is shown. */
export class SkippedSource implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #onSkipped: (bytes: Uint8Array) => void;
  #left: number;

  constructor(source: ChunkSource, bytes: number, onSkipped: (bytes: Uint8Array) => void) {
    this.#source = source;
    this.#left = bytes;
    this.#onSkipped = onSkipped;
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  start(sink: ChunkSink): void {
    this.#source.start({
      chunk: (bytes, done) => {
        const skipped = Math.min(this.#left, bytes.length);
        this.#left -= skipped;
        if (skipped > 0) this.#onSkipped(bytes.subarray(0, skipped));
        if (skipped < bytes.length) sink.chunk(skipped === 0 ? bytes : bytes.subarray(skipped), done);
        else done();
      },
      end: () => sink.end(),
      fail: (error) => sink.fail(error),
    });
  }

  cancel(): void {
    this.#source.cancel();
  }
}
