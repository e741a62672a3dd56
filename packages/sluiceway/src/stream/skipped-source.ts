import type { ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';

/** The same content without its first bytes, which `onSkipped` is shown. */
export class SkippedSource extends PassThrough {
  readonly #onSkipped: (bytes: Uint8Array) => void;
  #left: number;

  constructor(source: ChunkSource, bytes: number, onSkipped: (bytes: Uint8Array) => void) {
    super(source);
    this.#left = bytes;
    this.#onSkipped = onSkipped;
  }

  override chunk(bytes: Uint8Array, done: () => void): void {
    const skipped = Math.min(this.#left, bytes.length);
    this.#left -= skipped;
    if (skipped > 0) this.#onSkipped(bytes.subarray(0, skipped));
    if (skipped < bytes.length) this.sink.chunk(skipped === 0 ? bytes : bytes.subarray(skipped), done);
    else done();
  }
}
