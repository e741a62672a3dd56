import { formatDigest } from '../http/digest.js';
import { Fields } from '../http/fields.js';
import { ContentHash } from './content-hash.js';
import { PassThrough } from './pass-through.js';

/** The same content, followed by its SHA-256 in the trailer field `Repr-Digest`. */
export class DigestTrailer extends PassThrough {
  readonly #hash = new ContentHash(['sha-256']);
  #trailers: Fields | null = null;

  override get trailers(): Fields | null {
    return this.#trailers;
  }

  override chunk(bytes: Uint8Array, done: () => void): void {
    this.#hash.update(bytes);
    this.sink.chunk(bytes, done);
  }

  override end(): void {
    this.#trailers = this.source.trailers ?? new Fields();
    for (const digest of this.#hash.digests()) this.#trailers.append('Repr-Digest', formatDigest(digest));
    this.sink.end();
  }
}
