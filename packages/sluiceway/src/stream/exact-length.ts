import type { ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';

/** The same content, which fails where it is not exactly as long as was announced. */
export class ExactLengthSource extends PassThrough {
  readonly #length: number;
  readonly #toError: (message: string, fault: 'short' | 'long') => Error;
  #received = 0;

  constructor(
    source: ChunkSource,
    length: number,
    toError: (message: string, fault: 'short' | 'long') => Error = (message) => new Error(message),
  ) {
    super(source);
    this.#length = length;
    this.#toError = toError;
  }

  override chunk(bytes: Uint8Array, done: () => void): void {
    this.#received += bytes.length;
    if (this.#received <= this.#length) this.sink.chunk(bytes, done);
    else
      this.refuse(done, this.#toError(`Content is longer than the announced ${this.#length} bytes`, 'long'));
  }

  override end(): void {
    if (this.#received === this.#length) this.sink.end();
    else this.fail(this.#toError(`Content ended after ${this.#received} of ${this.#length} bytes`, 'short'));
  }
}
