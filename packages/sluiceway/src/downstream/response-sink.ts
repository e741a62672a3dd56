import { toWarning } from '../errors.js';
import type { Fields } from '../http/fields.js';
import type { Splice, SpliceOffer } from '../stream/splice.js';
import type { ContentSink } from './exchange.js';

/** The part of Node's HTTP/1 or HTTP/2 response that is used. */
export interface ContentWriter {
  write(bytes: Uint8Array, done?: () => void): boolean;
  end(): unknown;
  on(event: string, listener: () => void): unknown;
}

/** Smaller chunks come from a slow source, such as one of events. Compressors send larger ones by themselves. */
const FLUSHED_CHUNK = 16 * 1024;

/** What differs between HTTP versions. */
export interface SinkOptions {
  /** Whether `write` calls back. Middleware that wraps it may drop the callback, and lent bytes would never return. */
  callsBack: boolean;
  readonly isGone: boolean;
  sendTrailers(trailers: Fields): void;
  flushHead(): void;
  /** Moves content to the client's connection inside the operating system; null if that is not possible. */
  splice?(offer: SpliceOffer): Splice | null;
}

/** Hands content to the client's connection. On a failure it calls `onFail`: the caller ends the broken response. */
export class ResponseSink implements ContentSink {
  readonly #response: ContentWriter;
  readonly #options: SinkOptions;
  readonly #trailers: () => Fields | null;
  readonly #onEnd: () => void;
  readonly #onFail: (error: Error) => void;
  #started = false;
  #listens = false;
  #ended = false;
  /** Whether a call of `flush` is due. */
  #flushes = false;
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
      // Node may never call back for a write now.
      done();
    } else if (this.#options.callsBack) {
      this.#response.write(bytes, done);
    } else {
      const ready = this.#response.write(Buffer.from(bytes));
      if (bytes.length < FLUSHED_CHUNK) this.#flushSoon();
      if (ready || this.#options.isGone) done();
      else this.#onceDrained(done);
    }
  }

  /**
   * Middleware that compresses keeps content back until it has enough, and adds the method `flush` to the response. Called
   * once for all chunks of a turn of the event loop.
   */
  #flushSoon(): void {
    if (this.#flushes || !hasOwnFlush(this.#response)) return;
    this.#flushes = true;
    const response = this.#response;
    setImmediate(() => {
      this.#flushes = false;
      if (this.#options.isGone || this.#ended) return;
      try {
        response.flush();
      } catch (thrown) {
        process.emitWarning(toWarning(thrown));
      }
    });
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
    this.#ended = true;
    this.#response.end();
    this.#onEnd();
  }

  fail(error: Error): void {
    this.#onFail(error);
  }

  flushHead(): void {
    if (!this.#started) this.#options.flushHead();
  }

  /** Adds one listener per event for all chunks: middleware may replace `on` but not `off`. */
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

/** Not the method that Node's class has under this name: it is deprecated, and sends the head only. */
const hasOwnFlush = (response: ContentWriter): response is ContentWriter & { flush(): void } =>
  Object.hasOwn(response, 'flush') && 'flush' in response && typeof response.flush === 'function';
