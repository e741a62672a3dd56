import { SluicewayError } from '../errors.js';
import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';

/**
 * The same content, of exactly `length` bytes, whose last chunk is delivered only when the sender has ended the content:
 * until then it may be longer, or its trailers may contradict it. That chunk is copied.
 */
export class HeldEndSource implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #length: number;
  readonly #onEnd: (trailers: Fields | null) => Error | null;
  #received = 0;
  #last: Buffer | null = null;
  #isOver = false;

  /** `onEnd` is told the trailers before the last chunk is delivered, and may say why it must not be. */
  constructor(
    source: ChunkSource,
    length: number,
    onEnd: (trailers: Fields | null) => Error | null = () => null,
  ) {
    this.#source = source;
    this.#length = length;
    this.#onEnd = onEnd;
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  start(sink: ChunkSink): void {
    this.#source.start({
      chunk: (bytes, done) => this.#take(sink, bytes, done),
      end: () => this.#end(sink),
      fail: (error) => this.#fail(sink, error),
    });
  }

  cancel(): void {
    this.#isOver = true;
    this.#last = null;
    this.#source.cancel();
  }

  #take(sink: ChunkSink, bytes: Uint8Array, done: () => void): void {
    this.#received += bytes.length;
    if (bytes.length === 0 || this.#received < this.#length) {
      sink.chunk(bytes, done);
      return;
    }
    if (this.#received === this.#length) this.#last = Buffer.from(bytes);
    done();
    if (this.#received === this.#length) return;
    this.#source.cancel();
    const message = `Content is longer than the announced ${this.#length} bytes`;
    this.#fail(sink, new SluicewayError('http_protocol_error', message));
  }

  #end(sink: ChunkSink): void {
    const last = this.#last;
    if (last === null) {
      const message = `Content ended after ${this.#received} of ${this.#length} bytes`;
      this.#fail(sink, new SluicewayError('http_response_incomplete', message));
      return;
    }
    this.#last = null;
    const error = this.#onEnd(this.trailers);
    if (error !== null) {
      this.#fail(sink, error);
      return;
    }
    sink.chunk(last, () => {});
    // The sink may have given the content up.
    if (!this.#isOver) sink.end();
    this.#isOver = true;
  }

  #fail(sink: ChunkSink, error: Error): void {
    this.#isOver = true;
    this.#last = null;
    sink.fail(error);
  }
}
