import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';

/** The same content, which fails where it is not exactly as long as was announced. */
export class ExactLengthSource implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #length: number;
  readonly #toError: (message: string, fault: 'short' | 'long') => Error;
  #received = 0;

  constructor(
    source: ChunkSource,
    length: number,
    toError: (message: string, fault: 'short' | 'long') => Error = (message) => new Error(message),
  ) {
    this.#source = source;
    this.#length = length;
    this.#toError = toError;
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  start(sink: ChunkSink): void {
    this.#source.start({
      chunk: (bytes, done) => {
        this.#received += bytes.length;
        if (this.#received <= this.#length) {
          sink.chunk(bytes, done);
          return;
        }
        done();
        this.#source.cancel();
        sink.fail(this.#toError(`Content is longer than the announced ${this.#length} bytes`, 'long'));
      },
      end: () => {
        if (this.#received === this.#length) sink.end();
        else
          sink.fail(this.#toError(`Content ended after ${this.#received} of ${this.#length} bytes`, 'short'));
      },
      fail: (error) => sink.fail(error),
    });
  }

  cancel(): void {
    this.#source.cancel();
  }
}
