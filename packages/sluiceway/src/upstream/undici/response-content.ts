import { SluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import type { ChunkSink, ChunkSource } from '../../stream/chunk-source.js';

/** Most bytes that are lent at a time, as in `ReadableSource`. */
const MAX_LENT_BYTES = 256 * 1024;

/** The exchange that the content belongs to. */
export interface DispatchOwner {
  pause(): void;
  resume(): void;
  /** Abandons the rest of the content. */
  giveUp(): void;
}

/**
 * Response content from a dispatcher. The dispatcher is paused before the first byte. Bytes that arrive anyway are kept
 * until the start. No one else uses the chunks, so lending them only serves backpressure.
 */
export class ResponseContent implements ChunkSource {
  readonly #owner: DispatchOwner;
  readonly #length: number | null;
  readonly #early: Buffer[] = [];
  #sink: ChunkSink | null = null;
  #started = false;
  #received = 0;
  #lent = 0;
  #isComplete = false;
  #failure: Error | null = null;
  #isOver = false;
  trailers: Fields | null = null;

  constructor(owner: DispatchOwner, length: number | null) {
    this.#owner = owner;
    this.#length = length;
  }

  start(sink: ChunkSink): void {
    this.#started = true;
    this.#sink = sink;
    for (const bytes of this.#early.splice(0)) this.#lend(bytes);
    if (this.#failure !== null) this.fail(this.#failure);
    else if (this.#isComplete) this.#end();
    else if (this.#lent < MAX_LENT_BYTES) this.#owner.resume();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink = null;
    this.#early.length = 0;
    if (!this.#isComplete) this.#owner.giveUp();
  }

  receive(bytes: Buffer): void {
    if (this.#isOver || this.#failure !== null) return;
    this.#received += bytes.length;
    if (this.#length !== null && this.#received > this.#length) {
      this.fail(tooLong(this.#length));
      this.#owner.giveUp();
    } else if (this.#started) {
      this.#lend(bytes);
    } else {
      this.#early.push(bytes);
    }
  }

  /** All content has arrived. Checks the length: dispatchers usually do, but interceptors may not. */
  complete(trailers: Fields | null): void {
    if (this.#isOver || this.#failure !== null) return;
    if (this.#length !== null && this.#received < this.#length) {
      this.fail(tooShort(this.#received, this.#length));
      return;
    }
    this.trailers = trailers;
    this.#isComplete = true;
    if (this.#started) this.#end();
  }

  fail(error: Error): void {
    if (this.#isOver) return;
    this.#failure = error;
    if (!this.#started) return;
    this.#isOver = true;
    this.#sink?.fail(error);
  }

  #end(): void {
    this.#isOver = true;
    this.#sink?.end();
  }

  #lend(bytes: Buffer): void {
    const { length } = bytes;
    this.#lent += length;
    this.#sink?.chunk(bytes, () => {
      this.#lent -= length;
      if (!this.#isOver && !this.#isComplete && this.#lent < MAX_LENT_BYTES) this.#owner.resume();
    });
    if (this.#lent >= MAX_LENT_BYTES && !this.#isOver) this.#owner.pause();
  }
}

const tooLong = (length: number): SluicewayError =>
  new SluicewayError('http_protocol_error', `The content is longer than the announced ${length} bytes`);

const tooShort = (received: number, length: number): SluicewayError =>
  new SluicewayError(
    'http_response_incomplete',
    `The content ended after ${received} of ${length} content bytes`,
  );
