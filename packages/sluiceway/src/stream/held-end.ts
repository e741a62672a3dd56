import { SluicewayError } from '../errors.js';
import type { Fields } from '../http/fields.js';
import type { ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';

/**
 * The same content, of exactly `length` bytes. Delivers the last chunk only when the sender has ended the content: until
 * then it may be longer, or its trailers may contradict it. Copies that chunk.
 */
export class HeldEndSource extends PassThrough {
  readonly #length: number;
  readonly #onEnd: (trailers: Fields | null) => Error | null;
  readonly #isHarmless: (error: Error) => boolean;
  #received = 0;
  #last: Buffer | null = null;
  #isOver = false;

  /**
   * `onEnd` gets the trailers before the last chunk is delivered, and returns an error if it must not be delivered.
   * `isHarmless` returns whether a failure after the last byte does not affect the bytes before it, so that the last chunk
   * is still delivered. Default: no failure is harmless.
   */
  constructor(
    source: ChunkSource,
    length: number,
    onEnd: (trailers: Fields | null) => Error | null = () => null,
    isHarmless: (error: Error) => boolean = () => false,
  ) {
    super(source);
    this.#length = length;
    this.#onEnd = onEnd;
    this.#isHarmless = isHarmless;
  }

  override cancel(): void {
    this.#isOver = true;
    this.#last = null;
    super.cancel();
  }

  override chunk(bytes: Uint8Array, done: () => void): void {
    this.#received += bytes.length;
    if (bytes.length === 0 || this.#received < this.#length) {
      this.sink.chunk(bytes, done);
    } else if (this.#received === this.#length) {
      this.#last = Buffer.from(bytes);
      done();
    } else {
      const message = `Content is longer than the announced ${this.#length} bytes`;
      this.refuse(done, new SluicewayError('http_protocol_error', message));
    }
  }

  override end(): void {
    const last = this.#last;
    if (last === null) {
      const message = `Content ended after ${this.#received} of ${this.#length} bytes`;
      this.fail(new SluicewayError('http_response_incomplete', message));
      return;
    }
    this.#last = null;
    const error = this.#onEnd(this.trailers);
    if (error !== null) {
      this.fail(error);
      return;
    }
    this.sink.chunk(last, () => {});
    // The sink may have cancelled the content.
    if (!this.#isOver) this.sink.end();
    this.#isOver = true;
  }

  override fail(error: Error): void {
    const last = this.#last;
    this.#last = null;
    if (last !== null && this.#isHarmless(error)) this.sink.chunk(last, () => {});
    if (this.#isOver) return;
    this.#isOver = true;
    this.sink.fail(error);
  }
}
