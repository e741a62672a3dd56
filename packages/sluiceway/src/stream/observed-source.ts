import type { ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';

/** The same content; `observe` is shown each chunk before its sink, and has it for the time of the call. */
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
