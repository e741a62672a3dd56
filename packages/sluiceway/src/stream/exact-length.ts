import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';

/** The same content, which fails where it is not exactly as long as was announced. */
export class ExactLengthSource implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #length: number;
  #received = 0;

  constructor(source: ChunkSource, length: number) {
    this.#source = source;
    this.#length = length;
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
        sink.fail(new Error(`Content is longer than the announced ${this.#length} bytes`));
      },
      end: () => {
        if (this.#received === this.#length) sink.end();
        else sink.fail(new Error(`Content ended after ${this.#received} of ${this.#length} bytes`));
      },
      fail: (error) => sink.fail(error),
    });
  }

  cancel(): void {
    this.#source.cancel();
  }
}
