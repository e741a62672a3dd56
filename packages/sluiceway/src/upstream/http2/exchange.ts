import type { ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2';
import { SluicewayError } from '../../errors.js';
import { decideResponseFraming } from '../../http/framing.js';
import { resetStream, watchContentEnd } from '../../http2/stream.js';
import { GatheredSource } from '../../stream/gathered-source.js';
import { InterimLimit } from '../interim-limit.js';
import { CONTINUE_GRACE_MS, isIdempotent, STOPS_CONTENT_FROM } from '../request-rules.js';
import type { Exchange, TransportRequest, TransportResponse } from '../transport.js';
import type { Waiter } from '../waiting-line.js';
import type { Http2Connection } from './connection.js';
import { Http2RequestWriter } from './content-writer.js';
import { formatRequestHeaders } from './request-headers.js';
import { Http2Content, type StreamOwner } from './response-content.js';
import { readFieldLines, readResponseHead } from './response-head.js';
import { Http1Wanted, isUnprocessed, MAX_UNPROCESSED, notRetryable, toStreamError } from './stream-error.js';

/** One request and its response on a stream, from waiting for a connection to the last content byte. */
export class Http2UpstreamExchange implements Exchange, Waiter, StreamOwner {
  readonly request: TransportRequest;
  readonly response: Promise<TransportResponse>;
  #resolve!: (response: TransportResponse) => void;
  #reject!: (error: SluicewayError) => void;
  /** Queues the exchange again for another connection. */
  readonly #onRetry: (exchange: Http2UpstreamExchange) => void;
  #leave: (() => void) | null = null;
  #connection: Http2Connection | null = null;
  #stream: ClientHttp2Stream | null = null;
  #streamError: Error | null = null;
  /** Bytes that the connection had received when the request was sent. */
  #bytesBefore = 0;
  #grace: NodeJS.Timeout | null = null;
  #writer: Http2RequestWriter | null = null;
  #retries = 0;
  connectMs: number | null = null;
  isConnecting = false;
  #isSent = false;
  #isStopped = false;
  #isOver = false;
  #interims: InterimLimit | null = null;
  /** The content of the response, once its head has arrived. */
  #content: Http2Content | null = null;

  constructor(request: TransportRequest, onRetry: (exchange: Http2UpstreamExchange) => void) {
    this.request = request;
    this.#onRetry = onRetry;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  waits(leave: () => void): void {
    this.#leave = leave;
  }

  leaveLine(): void {
    const leave = this.#leave;
    this.#leave = null;
    leave?.();
  }

  /** The connection on which the request was tried without success. */
  get triedOn(): Http2Connection | null {
    return this.#retries > 0 ? this.#connection : null;
  }

  /** Sends the request on a new stream. */
  run(connection: Http2Connection): void {
    const { content, expectContinue } = this.request;
    let headers: OutgoingHttpHeaders;
    try {
      headers = formatRequestHeaders(this.request);
    } catch (error) {
      this.failed(error as SluicewayError);
      return;
    }
    this.#connection = connection;
    this.isConnecting = false;
    this.connectMs ??= connection.takeDialMs();
    this.#bytesBefore = connection.bytesRead;
    let stream: ClientHttp2Stream;
    try {
      stream = connection.open(headers, content !== null);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : 'The session has ended';
      this.#broken(new SluicewayError('connection_terminated', message, { cause, retryable: true }));
      return;
    }
    this.#follow(stream);
    if (content === null) this.#sent();
    else if (!expectContinue) this.#startContent();
    else this.#grace = setTimeout(() => this.#startContent(), CONTINUE_GRACE_MS);
  }

  #follow(stream: ClientHttp2Stream): void {
    this.#stream = stream;
    const isEnded = watchContentEnd(stream);
    type Heard = [headers: unknown, flags: unknown, raw: string[]];
    const guard =
      (read: (raw: string[]) => void) =>
      (...[, , raw]: Heard): void => {
        // Ignore events of an attempt that was given up.
        if (this.#stream !== stream || this.#isOver) return;
        try {
          read(raw);
        } catch (error) {
          this.abort(error as SluicewayError);
        }
      };
    stream.on(
      'headers',
      guard((raw) => this.#onInterim(raw)),
    );
    stream.on(
      'response',
      guard((raw) => this.#onResponse(raw, stream, isEnded)),
    );
    stream.on(
      'trailers',
      guard((raw) => this.#onTrailers(raw)),
    );
    stream.on('error', (error: Error) => {
      if (this.#stream === stream) this.#streamError = error;
    });
    // The peer takes no more content, or the connection is gone.
    stream.on('aborted', () => {
      if (this.#stream === stream) this.#stopContent();
    });
    stream.on('finish', () => {
      if (this.#stream === stream && !stream.aborted) this.#sent();
    });
    stream.on('close', () => {
      // Content that has been started reports its own end.
      if (this.#stream === stream && this.#content?.isStarted !== true) this.#onClosed();
    });
  }

  #onInterim(raw: string[]): void {
    const head = readResponseHead(raw, this.#opened.headLimits);
    this.#interims ??= new InterimLimit();
    this.#interims.add(head);
    if (head.status === 100) this.#startContent();
    this.request.onInterim(head);
  }

  #onResponse(raw: string[], stream: ClientHttp2Stream, isEnded: () => boolean): void {
    const head = readResponseHead(raw, this.#opened.headLimits);
    const framing = decideResponseFraming(this.request.method, head.status, '1.1', head.headers);
    const contentLength = framing.kind === 'none' ? 0 : framing.kind === 'length' ? framing.length : null;
    const content = new Http2Content(this, stream, isEnded, contentLength);
    this.#content = content;
    if (this.#grace !== null) clearTimeout(this.#grace);
    if (!this.#isSent && (this.#writer === null || head.status >= STOPS_CONTENT_FROM)) this.#stopContent();
    this.#resolve({
      httpVersion: '2.0',
      status: head.status,
      statusText: head.statusText,
      headers: head.headers,
      contentLength,
      content: new GatheredSource(content, this.#opened.buffers),
      tunnel: null,
    });
  }

  #onTrailers(raw: string[]): void {
    const trailers = readFieldLines(raw, this.#opened.headLimits, 'http_response_trailer_section_size');
    if (this.#content !== null) this.#content.trailers = trailers;
  }

  /** The connection, once there is one. */
  get #opened(): Http2Connection {
    if (this.#connection === null) throw new SluicewayError('proxy_internal_error', 'There is no connection');
    return this.#connection;
  }

  /** The stream closed before the head arrived or before its content was started. */
  #onClosed(): void {
    if (!this.#isOver && this.#content?.isWhole !== true) this.#broken(this.streamError());
  }

  /** The error of a stream that ended early. */
  streamError(): SluicewayError {
    const received = this.#content?.received ?? null;
    const stream = this.#stream;
    const connection = this.#connection;
    if (received === null && this.#isUnprocessed) {
      const message = 'The origin server ended the session without processing the request';
      return new SluicewayError('connection_terminated', message, { retryable: true });
    }
    const error = connection?.failure(received, this.#streamError) ?? null;
    if (error === null) return toStreamError(stream?.rstCode ?? 0, received, this.#streamError);
    if (received !== null || !this.#isStale) return error;
    return new SluicewayError(error.code, error.message, { cause: error.cause, retryable: true });
  }

  /** If a reused connection brought no bytes, the origin server had most likely closed it before our request arrived. */
  get #isStale(): boolean {
    const connection = this.#connection;
    return connection !== null && connection.exchanges > 1 && connection.bytesRead === this.#bytesBefore;
  }

  /** Whether the origin server has stated in a GOAWAY that it will not process the stream. */
  get #isUnprocessed(): boolean {
    return this.#stream !== null && this.#connection?.isUnprocessed(this.#stream) === true;
  }

  /** The stream has failed. If no content has been used up, the request is retried, but not without a limit. */
  #broken(error: SluicewayError): void {
    const isUnsent = this.#stream === null || isUnprocessed(this.#stream.rstCode ?? 0) || this.#isUnprocessed;
    const isWhole = this.#writer === null;
    const mayRetry = error.retryable && isWhole && (isUnsent || isIdempotent(this.request.method));
    const mostRetries = this.#isUnprocessed ? MAX_UNPROCESSED : 1;
    if (
      !mayRetry ||
      this.#retries >= mostRetries ||
      this.#content !== null ||
      error.cause instanceof Http1Wanted
    ) {
      this.#fail(isWhole ? error : notRetryable(error));
      return;
    }
    this.#retries += 1;
    this.#stream = null;
    this.#streamError = null;
    this.#isSent = false;
    if (this.#grace !== null) clearTimeout(this.#grace);
    this.#onRetry(this);
  }

  failed(error: SluicewayError): void {
    this.#fail(error);
  }

  abort(error: SluicewayError): void {
    if (this.#isOver) return;
    this.leaveLine();
    const stream = this.#stream;
    this.#fail(error);
    if (stream !== null) resetStream(stream, 'cancel');
  }

  queuedBytes(): number | null {
    return this.#writer?.queuedBytes ?? null;
  }

  remoteAddress(): string | null {
    return this.#connection?.remoteAddress ?? null;
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#grace !== null) clearTimeout(this.#grace);
    this.#stopContent();
    if (this.#content === null) this.#reject(error as SluicewayError);
    else this.#content.fail(error);
  }

  #startContent(): void {
    const { content } = this.request;
    const stream = this.#stream;
    if (content === null || stream === null || this.#writer !== null || this.#isOver) return;
    if (this.#grace !== null) clearTimeout(this.#grace);
    const writer = new Http2RequestWriter(stream, content, (error) => this.abort(error as SluicewayError));
    this.#writer = writer;
    content.source.start(writer);
  }

  #stopContent(): void {
    if (this.#isSent || this.#isStopped) return;
    this.#isStopped = true;
    this.request.content?.source.cancel();
  }

  #sent(): void {
    if (this.#isSent || this.#isOver) return;
    this.#isSent = true;
    this.request.onRequestSent();
  }

  contentEnded(): void {
    this.#isOver = true;
    if (this.#isSent) return;
    this.#stopContent();
    if (this.#stream !== null) resetStream(this.#stream, 'no error');
  }

  contentFailed(error: SluicewayError): void {
    this.abort(error);
  }

  /** The content of the response is not needed, or no longer. */
  contentCancelled(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopContent();
    if (this.#stream !== null) resetStream(this.#stream, 'cancel');
  }
}
