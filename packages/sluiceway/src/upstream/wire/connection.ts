import type { Socket } from 'node:net';
import { SluicewayError } from '../../errors.js';
import { decideResponseFraming } from '../../http/framing.js';
import { allowsReuse, idleLimitMs } from '../../http/keep-alive.js';
import type { BufferPool } from '../../stream/buffer-pool.js';
import type { ChunkSink } from '../../stream/chunk-source.js';
import { ReadBuffer } from '../../stream/read-buffer.js';
import { type ContentReader, createContentReader } from './content-reader.js';
import type { WireExchange } from './exchange.js';
import {
  checkHeadStart,
  type HeadLimits,
  parseResponseHead,
  type ResponseHead,
  SectionScanner,
} from './head-reader.js';
import { TunnelReader } from './tunnel.js';

/** More interim responses than this before a final one are a flood. */
const MAX_INTERIM_RESPONSES = 100;

/** Unread bytes at which a TLS connection, which reads ahead, is told to stop. */
const READ_AHEAD_BYTES = 32 * 1024;

type Phase = 'idle' | 'head' | 'content' | 'closed';

export interface ConnectionOwner {
  /** The exchange is over and the connection can carry another. */
  onIdle(connection: WireConnection): void;
  /** The connection is of no more use; its socket is closed or about to be. */
  onClosed(connection: WireConnection): void;
}

/**
 * One HTTP/1.1 connection to an origin server: reads responses strictly and lends their content in place. At
 * most one exchange uses it at a time; requests are never pipelined.
 */
export class WireConnection {
  readonly #owner: ConnectionOwner;
  readonly #limits: HeadLimits;
  readonly #buffer: ReadBuffer;
  readonly #coalesces: boolean;
  readonly #scanner: SectionScanner;
  #socket: Socket | null = null;
  #phase: Phase = 'idle';
  #exchange: WireExchange | null = null;
  #reader: ContentReader | null = null;
  #sink: ChunkSink | null = null;
  #interims = 0;
  #keepAlive = true;
  #ended = false;
  #stepping = false;
  #stopped = false;
  #flushing = false;
  /** Exchanges so far. */
  exchanges = 0;
  /** When the last exchange ended, as `performance.now`. */
  idleSince = 0;
  /** How long the origin server said that it keeps the connection, less a safety margin; Infinity: not said. */
  idleLimitMs: number = Number.POSITIVE_INFINITY;

  /**
   * `tls` connections are read record by record: what arrives in one turn of the event loop is lent as one
   * chunk, which makes them three times cheaper.
   */
  constructor(owner: ConnectionOwner, buffers: BufferPool, limits: HeadLimits, tls: boolean) {
    this.#owner = owner;
    this.#limits = limits;
    this.#coalesces = tls;
    this.#buffer = new ReadBuffer(buffers, tls);
    this.#scanner = new SectionScanner(limits.maxBytes, 'head');
  }

  /** For the `onread` option of the socket. */
  readonly onread = {
    buffer: (): Uint8Array => this.#buffer.space(),
    callback: (length: number): boolean => this.#onRead(length),
  };

  /** Takes the connected socket, which must have been made with `allowHalfOpen` and this `onread`. */
  adopt(socket: Socket): void {
    this.#socket = socket;
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error: Error) => this.#onError(error));
    socket.on('close', () => this.#onClose());
  }

  get isOpen(): boolean {
    return this.#phase !== 'closed' && this.#socket !== null && !this.#ended;
  }

  get socket(): Socket {
    if (this.#socket === null)
      throw new SluicewayError('proxy_internal_error', 'The connection has no socket yet');
    return this.#socket;
  }

  /** Gives an idle connection to an exchange, which writes its request now. */
  begin(exchange: WireExchange): void {
    this.#exchange = exchange;
    this.#phase = 'head';
    this.#interims = 0;
    this.#keepAlive = true;
    this.#scanner.reset();
    this.exchanges += 1;
    // An idle connection keeps no process alive.
    if (this.exchanges > 1) this.#socket?.ref();
    exchange.run(this);
  }

  /** Starts the delivery of the content. */
  start(sink: ChunkSink): void {
    this.#sink = sink;
    this.#step();
    this.#resume();
  }

  /** The request is written; a response that came before it is over only now. */
  requestSent(): void {
    this.#settle();
  }

  /** Closes the connection now; a running exchange fails with `error`. */
  abort(error: SluicewayError): void {
    const exchange = this.#exchange;
    if (exchange !== null) exchange.abort(error);
    else this.destroy();
  }

  /** Closes the connection now and tells no exchange. */
  destroy(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#exchange = null;
    this.#sink = null;
    this.#socket?.destroy();
    this.#owner.onClosed(this);
  }

  #onRead(length: number): boolean {
    this.#buffer.filled(length);
    if (this.#phase === 'closed') return false;
    if (this.#mayWait()) this.#flushLater();
    else this.#step();
    this.#stopped = this.#mustStop();
    return !this.#stopped;
  }

  /** Content over TLS comes record by record; it waits for its neighbours until this turn of the loop ends. */
  #mayWait(): boolean {
    if (!this.#coalesces || this.#phase !== 'content' || this.#reader === null) return false;
    if (this.#buffer.nearlyFull) return false;
    const { bytes, start, end } = this.#buffer.front;
    return !this.#reader.endsWith(bytes, start, end);
  }

  #flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#step();
    });
  }

  #mustStop(): boolean {
    if (this.#phase !== 'content') return false;
    const waiting = this.#sink === null || this.#buffer.isLent;
    return waiting && (!this.#coalesces || this.#buffer.unread >= READ_AHEAD_BYTES);
  }

  #resume(): void {
    if (!this.#stopped || this.#mustStop()) return;
    this.#stopped = false;
    if (this.#phase !== 'closed') this.#socket?.resume();
  }

  /** Goes as far as the bytes read, the sink and the lent chunk allow. */
  #step(): void {
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      while (this.#advance());
    } catch (error) {
      this.#fail(error as Error);
    } finally {
      this.#stepping = false;
    }
  }

  #advance(): boolean {
    if (this.#phase === 'head') return this.#readHead();
    if (this.#phase === 'content') return this.#readContent();
    if (this.#phase === 'idle' && this.#buffer.unread > 0) this.destroy();
    return false;
  }

  #readHead(): boolean {
    const { bytes, start, end } = this.#buffer.front;
    if (start === end) return false;
    const scanned = this.#scanner.scanned;
    if (scanned < 5) checkHeadStart(bytes, start, end);
    const headEnd = this.#scanner.scan(bytes, start + scanned, end);
    if (headEnd < 0) return false;
    const head = parseResponseHead(bytes.toString('latin1', start, headEnd), this.#limits);
    this.#buffer.take(headEnd);
    this.#scanner.reset();
    if (head.status < 200 && head.status !== 101) this.#onInterim(head);
    else this.#onFinal(head);
    return true;
  }

  #onInterim(head: ResponseHead): void {
    this.#interims += 1;
    if (this.#interims > MAX_INTERIM_RESPONSES) {
      throw new SluicewayError('http_protocol_error', `More than ${MAX_INTERIM_RESPONSES} interim responses`);
    }
    this.#exchange?.interim(head);
  }

  #onFinal(head: ResponseHead): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (head.status === 101) {
      this.#switchProtocols(head, exchange);
      return;
    }
    const framing = decideResponseFraming(
      exchange.request.method,
      head.status,
      head.httpVersion,
      head.fields,
    );
    const reader = createContentReader(framing, this.#limits);
    this.#reader = reader;
    this.#buffer.expected = reader.expected;
    this.#phase = 'content';
    this.#keepAlive = framing.kind !== 'close' && allowsReuse(head.httpVersion, head.fields);
    this.idleLimitMs = idleLimitMs(head.fields);
    const length = framing.kind === 'none' ? 0 : framing.kind === 'length' ? framing.length : null;
    exchange.answered(head, length, null);
  }

  /** RFC 9110 section 7.8. From here on there are no messages, only bytes. */
  #switchProtocols(head: ResponseHead, exchange: WireExchange): void {
    if (exchange.request.upgrade === null) {
      throw new SluicewayError('http_upgrade_failed', 'The origin server switched protocols unasked');
    }
    const reader = new TunnelReader();
    this.#reader = reader;
    this.#buffer.expected = reader.expected;
    this.#phase = 'content';
    this.#keepAlive = false;
    exchange.answered(head, 0, this);
  }

  #readContent(): boolean {
    const reader = this.#reader;
    const sink = this.#sink;
    if (reader === null || sink === null || this.#buffer.isLent) return false;
    const { bytes, start, end } = this.#buffer.front;
    if (!reader.complete && start < end) {
      const position = reader.read(bytes, start, end);
      const { contentStart, contentEnd } = reader;
      this.#buffer.expected = reader.expected;
      if (contentEnd === contentStart) {
        this.#buffer.take(position);
        return true;
      }
      this.#buffer.lend(contentEnd - contentStart);
      this.#buffer.take(position);
      sink.chunk(bytes.subarray(contentStart, contentEnd), this.#onReturned);
      return true;
    }
    if (reader.complete) this.#finish(sink);
    else if (this.#ended) this.#endOfStream(reader);
    return false;
  }

  readonly #onReturned = (): void => {
    this.#buffer.returned();
    this.#step();
    this.#resume();
    this.#settle();
  };

  #finish(sink: ChunkSink): void {
    this.#sink = null;
    this.#exchange?.finished(this.#reader?.trailers ?? null);
    sink.end();
    this.#settle();
  }

  /** Once both messages are over, the connection carries the next exchange or is closed. */
  #settle(): void {
    const exchange = this.#exchange;
    if (this.#phase !== 'content' || exchange === null || !exchange.isOver || this.#reader?.complete !== true)
      return;
    // The next response would be read over the lent bytes.
    if (this.#buffer.homeIsLent) return;
    this.#exchange = null;
    this.#reader = null;
    this.#buffer.expected = 0;
    if (!this.#keepAlive || !exchange.requestIsSent || this.#ended || this.#buffer.unread > 0) {
      this.destroy();
      return;
    }
    this.#phase = 'idle';
    this.idleSince = performance.now();
    this.#socket?.unref();
    this.#resume();
    this.#owner.onIdle(this);
  }

  #onEnd(): void {
    this.#ended = true;
    if (this.#phase === 'content') this.#step();
    else if (this.#phase === 'head') this.#fail(this.#closedBeforeHead(null));
    else this.destroy();
  }

  #endOfStream(reader: ContentReader): void {
    const error = reader.endOfStream();
    if (error !== null) this.#fail(error);
    else if (this.#sink !== null) this.#finish(this.#sink);
  }

  #onError(cause: Error): void {
    if (this.#phase === 'content') {
      const error = this.#reader?.endOfStream();
      const text =
        error?.message ?? `The connection failed after ${this.#reader?.received ?? 0} content bytes`;
      this.#fail(new SluicewayError('http_response_incomplete', `${text}: ${cause.message}`, { cause }));
    } else if (this.#phase === 'head') this.#fail(this.#closedBeforeHead(cause));
    else this.destroy();
  }

  #onClose(): void {
    // After `end` or `error` this finds nothing to do, unless the last bytes are still waiting for the sink.
    this.#ended = true;
    if (this.#phase === 'content') this.#step();
    else if (this.#phase === 'head') this.#fail(this.#closedBeforeHead(null));
    else this.destroy();
    this.#buffer.dispose();
  }

  /** On a kept connection that gave no byte, the origin server had most likely closed it before our request came. */
  #closedBeforeHead(cause: Error | null): SluicewayError {
    const retryable = this.exchanges > 1 && this.#interims === 0 && this.#buffer.unread === 0;
    const message = `The connection ended before a response head${cause === null ? '' : `: ${cause.message}`}`;
    return new SluicewayError('connection_terminated', message, { cause: cause ?? undefined, retryable });
  }

  #fail(error: Error): void {
    const exchange = this.#exchange;
    const sink = this.#sink;
    this.destroy();
    exchange?.failed(error, sink);
  }
}
