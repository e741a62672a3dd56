import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';

/** The same content; `observe` is shown each chunk before its sink, and has it for the time of the call. */
export class ObservedSource implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #observe: (bytes: Uint8Array) => void;

  constructor(source: ChunkSource, observe: (bytes: Uint8Array) => void) {
    this.#source = source;
    this.#observe = observe;
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  start(sink: ChunkSink): void {
    this.#source.start({
      chunk: (bytes, done) => {
        this.#observe(bytes);
        sink.chunk(bytes, done);
      },
      end: () => sink.end(),
      fail: (error) => sink.fail(error),
    });
  }

  cancel(): void {
    this.#source.cancel();
  }
}
