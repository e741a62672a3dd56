import type { Fields } from '../http/fields.js';
import type { Splice, SpliceOffer } from '../stream/splice.js';
import type { ContentSink } from './exchange.js';

/** What is needed of Node's response, of either version. */
export interface ContentWriter {
  write(bytes: Uint8Array, done?: () => void): boolean;
  end(): unknown;
  on(event: string, listener: () => void): unknown;
}

/** What differs between the versions of HTTP. */
export interface SinkOptions {
  /** Whether `write` calls back. Middleware that wraps it may drop the callback, and lent bytes would never return. */
  callsBack: boolean;
  readonly isGone: boolean;
  sendTrailers(trailers: Fields): void;
  flushHead(): void;
  /** Moves content past this process to the client's connection; null where it cannot. */
  splice?(offer: SpliceOffer): Splice | null;
}

/** Hands content to the client's connection. Failing it is the caller's: only the data path knows how to end a broken response. */
export class ResponseSink implements ContentSink {
  readonly #response: ContentWriter;
  readonly #options: SinkOptions;
  readonly #trailers: () => Fields | null;
  readonly #onEnd: () => void;
  readonly #onFail: (error: Error) => void;
  #started = false;
  #listens = false;
  /** Callbacks of chunks that wait for `drain`: a source may lend several at a time. */
  #undrained: (() => void)[] = [];

  constructor(
    response: ContentWriter,
    options: SinkOptions,
    trailers: () => Fields | null,
    onEnd: () => void,
    onFail: (error: Error) => void,
  ) {
    this.#response = response;
    this.#options = options;
    this.#trailers = trailers;
    this.#onEnd = onEnd;
    this.#onFail = onFail;
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    this.#started = true;
    if (this.#options.isGone) {
      // Node may never call back for what is written now.
      done();
    } else if (this.#options.callsBack) {
      this.#response.write(bytes, done);
    } else {
      const ready = this.#response.write(Buffer.from(bytes));
      if (ready || this.#options.isGone) done();
      else this.#onceDrained(done);
    }
  }

  splice(offer: SpliceOffer): Splice | null {
    const { callsBack, isGone } = this.#options;
    const splice = callsBack && !isGone ? (this.#options.splice?.(offer) ?? null) : null;
    if (splice !== null) this.#started = true;
    return splice;
  }

  end(): void {
    this.#started = true;
    const trailers = this.#trailers();
    if (trailers !== null) this.#options.sendTrailers(trailers);
    this.#response.end();
    this.#onEnd();
  }

  fail(error: Error): void {
    this.#onFail(error);
  }

  flushHead(): void {
    if (!this.#started) this.#options.flushHead();
  }

  /** One listener each, however many chunks: a middleware may take `on` over and leave `off` alone. */
  #onceDrained(done: () => void): void {
    this.#undrained.push(done);
    if (this.#listens) return;
    this.#listens = true;
    const settle = (): void => {
      const waiting = this.#undrained;
      this.#undrained = [];
      for (const each of waiting) each();
    };
    this.#response.on('drain', settle);
    this.#response.on('close', settle);
  }
}
