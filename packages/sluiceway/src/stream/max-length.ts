import type { ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';
import type { Splice, SpliceOffer } from './splice.js';

/** The same content, which fails at the chunk that takes it past a limit; nothing of that chunk is delivered. */
export class MaxLengthSource extends PassThrough {
  readonly #maxBytes: number;
  readonly #toError: () => Error;
  #received = 0;

  constructor(source: ChunkSource, maxBytes: number, toError: () => Error) {
    super(source);
    this.#maxBytes = maxBytes;
    this.#toError = toError;
  }

  override chunk(bytes: Uint8Array, done: () => void): void {
    this.#received += bytes.length;
    if (this.#received <= this.#maxBytes) this.sink.chunk(bytes, done);
    else this.refuse(done, this.#toError());
  }

  /** Content that is too long comes in chunks, so that it fails at the byte that is too much. */
  splice(offer: SpliceOffer): Splice | null {
    if (this.#received + offer.length > this.#maxBytes) return null;
    return this.passSplice(offer, (bytes) => {
      this.#received += bytes;
    });
  }
}
