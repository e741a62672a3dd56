import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';

/** The same content, which fails at the chunk that takes it past a limit; nothing of that chunk is delivered. */
export class MaxLengthSource implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #maxBytes: number;
  readonly #toError: () => Error;
  #received = 0;

  constructor(source: ChunkSource, maxBytes: number, toError: () => Error) {
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#toError = toError;
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  start(sink: ChunkSink): void {
    this.#source.start({
      chunk: (bytes, done) => {
        this.#received += bytes.length;
        if (this.#received <= this.#maxBytes) {
          sink.chunk(bytes, done);
          return;
        }
        this.#source.cancel();
        done();
        sink.fail(this.#toError());
      },
      end: () => sink.end(),
      fail: (error) => sink.fail(error),
    });
  }

  cancel(): void {
    this.#source.cancel();
  }
}
