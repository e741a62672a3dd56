import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';

/** The same content, with trailer fields of which `filter` has taken some away. */
export class FilteredTrailers implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #filter: (trailers: Fields) => void;

  constructor(source: ChunkSource, filter: (trailers: Fields) => void) {
    this.#source = source;
    this.#filter = filter;
  }

  get trailers(): Fields | null {
    const { trailers } = this.#source;
    if (trailers !== null) this.#filter(trailers);
    return trailers;
  }

  start(sink: ChunkSink): void {
    this.#source.start(sink);
  }

  cancel(): void {
    this.#source.cancel();
  }
}
