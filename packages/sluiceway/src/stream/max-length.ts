import type { ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';
import type { Splice, SpliceOffer } from './splice.js';

/** The same content. Fails at the chunk that exceeds a limit, and delivers nothing of that chunk. */
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

  /** Refuses a splice of content that is too long, so that it arrives in chunks and fails at the limit. */
  splice(offer: SpliceOffer): Splice | null {
    if (this.#received + offer.length > this.#maxBytes) return null;
    return this.passSplice(offer, (bytes) => {
      this.#received += bytes;
    });
  }
}
