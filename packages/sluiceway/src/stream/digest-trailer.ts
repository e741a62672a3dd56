import { formatDigest } from '../http/digest.js';
import { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { ContentHash } from './content-hash.js';

/** The same content, with its SHA-256 behind it, as the trailer field `Repr-Digest`. */
export class DigestTrailer implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #hash = new ContentHash(['sha-256']);
  #trailers: Fields | null = null;

  constructor(source: ChunkSource) {
    this.#source = source;
  }

  get trailers(): Fields | null {
    return this.#trailers;
  }

  start(sink: ChunkSink): void {
    this.#source.start({
      chunk: (bytes, done) => {
        this.#hash.update(bytes);
        sink.chunk(bytes, done);
      },
      end: () => {
        this.#trailers = this.#source.trailers ?? new Fields();
        for (const digest of this.#hash.digests()) this.#trailers.append('Repr-Digest', formatDigest(digest));
        sink.end();
      },
      fail: (error) => sink.fail(error),
    });
  }

  cancel(): void {
    this.#source.cancel();
  }
}
