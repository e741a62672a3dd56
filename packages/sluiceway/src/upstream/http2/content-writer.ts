import type { ClientHttp2Stream } from 'node:http2';
import { SluicewayError } from '../../errors.js';
import { toHttp2Headers } from '../../http/http2-fields.js';
import { type Http2Loans, http2Loans } from '../../http2/loans.js';
import type { ChunkSink } from '../../stream/chunk-source.js';
import type { RequestContent } from '../transport.js';

/** Writes request content to a stream that was opened with `waitForTrailers`. */
export class Http2RequestWriter implements ChunkSink {
  readonly #stream: ClientHttp2Stream;
  readonly #content: RequestContent;
  readonly #loans: Http2Loans;
  readonly #onFail: (error: Error) => void;
  #written = 0;
  #outstanding = 0;
  /** Bytes that the connection had sent when the oldest outstanding bytes were written. */
  #sentBefore = 0;

  /** The stream's `finish` event marks the end. `onFail` is called if the content breaks off. */
  constructor(stream: ClientHttp2Stream, content: RequestContent, onFail: (error: Error) => void) {
    this.#stream = stream;
    this.#content = content;
    this.#onFail = onFail;
    this.#loans = http2Loans(stream);
    stream.once('wantTrailers', () => {
      stream.sendTrailers(content.source.trailers === null ? {} : toHttp2Headers(content.source.trailers));
    });
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    const { length } = bytes;
    this.#written += length;
    if (this.#written > (this.#content.length ?? Number.POSITIVE_INFINITY)) {
      done();
      this.#fail(`Request content is longer than the declared ${this.#content.length} bytes`);
      return;
    }
    if (this.#outstanding === 0) this.#sentBefore = this.#sent;
    this.#outstanding += length;
    const since = this.#loans.position;
    this.#stream.write(bytes, () => {
      this.#outstanding -= length;
      this.#sentBefore = this.#sent;
      this.#loans.returned(this.#stream, bytes, since, done);
    });
  }

  end(): void {
    const { length } = this.#content;
    if (length !== null && this.#written < length)
      this.#fail(`Request content ended after ${this.#written} of ${length} bytes`);
    else this.#stream.end();
  }

  fail(error: Error): void {
    this.#onFail(error);
  }

  /**
   * Bytes that the connection has not taken. Only the connection's own count shows small steps, so it includes what other
   * streams send: an origin server that takes any of it is alive.
   */
  get queuedBytes(): number {
    return Math.max(0, this.#outstanding - (this.#sent - this.#sentBefore));
  }

  get #sent(): number {
    return this.#stream.session?.socket.bytesWritten ?? 0;
  }

  #fail(message: string): void {
    this.#content.source.cancel();
    this.#onFail(new SluicewayError('http_request_error', message));
  }
}
