import type { ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';

/** The same content. Calls `observe` with each chunk before the sink. The chunk is valid during the call only. */
export class ObservedSource extends PassThrough {
  readonly #observe: (bytes: Uint8Array) => void;

  constructor(source: ChunkSource, observe: (bytes: Uint8Array) => void) {
    super(source);
    this.#observe = observe;
  }

  override chunk(bytes: Uint8Array, done: () => void): void {
    this.#observe(bytes);
    this.sink.chunk(bytes, done);
  }
}
