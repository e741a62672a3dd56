import type { ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';
import type { Splice, SpliceOffer } from './splice.js';

/** The same content. Fails if it does not have exactly the announced length. */
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

  /** Refuses a splice of content that is too long, so that it arrives in chunks and fails at the limit. */
  splice(offer: SpliceOffer): Splice | null {
    if (this.#received + offer.length > this.#length) return null;
    return this.passSplice(offer, (bytes) => {
      this.#received += bytes;
    });
  }

  override end(): void {
    if (this.#received === this.#length) this.sink.end();
    else this.fail(this.#toError(`Content ended after ${this.#received} of ${this.#length} bytes`, 'short'));
  }
}
