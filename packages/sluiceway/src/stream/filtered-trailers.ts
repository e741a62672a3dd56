import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';

/** The same content, with trailer fields from which `filter` can remove some. Costs nothing per chunk. */
export class FilteredTrailers extends PassThrough {
  readonly #filter: (trailers: Fields) => void;

  constructor(source: ChunkSource, filter: (trailers: Fields) => void) {
    super(source);
    this.#filter = filter;
  }

  override get trailers(): Fields | null {
    const { trailers } = this.source;
    if (trailers !== null) this.#filter(trailers);
    return trailers;
  }

  override start(sink: ChunkSink): void {
    this.source.start(sink);
  }
}
