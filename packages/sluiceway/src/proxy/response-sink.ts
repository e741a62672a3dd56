import { OutgoingMessage, type ServerResponse } from 'node:http';
import type { Fields } from '../http/fields.js';
import type { ChunkSink } from '../stream/chunk-source.js';

const EMPTY = Buffer.alloc(0);

/** Hands content to the client's connection. Failing it is the caller's: only the data path knows how to end a broken response. */
export class ResponseSink implements ChunkSink {
  readonly #response: ServerResponse;
  readonly #trailers: () => Fields | null;
  readonly #onEnd: () => void;
  readonly #onFail: (error: Error) => void;
  readonly #callsBack: boolean;
  #started = false;
  #listens = false;
  #undrained: (() => void) | null = null;

  constructor(
    response: ServerResponse,
    trailers: () => Fields | null,
    onEnd: () => void,
    onFail: (error: Error) => void,
  ) {
    this.#response = response;
    this.#trailers = trailers;
    this.#onEnd = onEnd;
    this.#onFail = onFail;
    // Middleware that wraps `write` may drop its callback, and lent bytes would never be returned.
    this.#callsBack = response.write === OutgoingMessage.prototype.write;
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    this.#started = true;
    if (this.#callsBack) {
      this.#response.write(bytes, done);
    } else {
      const ready = this.#response.write(Buffer.from(bytes));
      if (ready || this.#response.destroyed) done();
      else this.#onceDrained(done);
    }
  }

  end(): void {
    this.#started = true;
    const trailers = this.#trailers();
    if (trailers !== null && this.#response.chunkedEncoding)
      this.#response.addTrailers([...trailers] as [string, string][]);
    this.#response.end();
    this.#onEnd();
  }

  fail(error: Error): void {
    this.#onFail(error);
  }

  /**
   * Sends the head now where no content went with it. An empty write, because `flushHeaders` would encode bytes
   * above 0x7F anew as UTF-8.
   */
  flushHead(): void {
    if (!this.#started) this.#response.write(EMPTY);
  }

  /** One listener each, however many chunks: a middleware may take `on` over and leave `off` alone. */
  #onceDrained(done: () => void): void {
    this.#undrained = done;
    if (this.#listens) return;
    this.#listens = true;
    const settle = (): void => {
      const waiting = this.#undrained;
      this.#undrained = null;
      waiting?.();
    };
    this.#response.on('drain', settle);
    this.#response.on('close', settle);
  }
}
