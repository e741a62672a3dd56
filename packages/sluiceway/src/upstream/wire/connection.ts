// long file: the phases of a connection and what may end each of them are one state machine, read as a whole.
import type { Socket } from 'node:net';
import { SluicewayError } from '../../errors.js';
import { authenticatesConnection, hasConnectionCredentials } from '../../http/connection-authentication.js';
import { decideResponseFraming } from '../../http/framing.js';
import {
  checkHeadStart,
  type HeadLimits,
  type ParsedHead,
  parseResponseHead,
  SectionScanner,
} from '../../http/head-reader.js';
import { allowsReuse, idleLimitMs } from '../../http/keep-alive.js';
import { formatPeer } from '../../net/format-peer.js';
import { keepReadingAfterWriteError, readsOn, wasReset } from '../../net/reset.js';
import { atTurnEnd, type TurnTask } from '../../net/turn-end.js';
import type { BufferPool } from '../../stream/buffer-pool.js';
import type { ChunkSink } from '../../stream/chunk-source.js';
import type { Block } from '../../stream/read-buffer.js';
import { InterimLimit } from '../interim-limit.js';
import type { RequestClient } from '../transport.js';
import type { ContentReader } from './content-reader.js';
import { createContentReader } from './content-readers.js';
import type { WireExchange } from './exchange.js';
import type { ExchangeConnection } from './exchange-connection.js';
import { Receiver, type ReceiverOwner } from './receiver.js';
import { SplicedContent } from './spliced-content.js';
import { TunnelReader } from './upgraded-connection.js';

/** How long an origin server that stops taking content has to send its response. */
const EARLY_RESPONSE_MS = 1000;

type Phase = 'idle' | 'head' | 'content' | 'closed';

export interface ConnectionOwner {
  /** The exchange is over and the connection can carry another. */
  onIdle(connection: WireConnection): void;
  /** The connection cannot be used any more. Its socket is closed or about to be. */
  onClosed(connection: WireConnection): void;
}

/**
 * One HTTP/1.1 connection to an origin server. Reads responses strictly and lends their content in place. One exchange
 * uses it at a time: requests are never pipelined.
 */
export class WireConnection implements ReceiverOwner, ExchangeConnection, TurnTask {
  readonly #owner: ConnectionOwner;
  readonly #limits: HeadLimits;
  readonly #receiver: Receiver;
  readonly #spliced: SplicedContent;
  readonly #scanner: SectionScanner;
  #socket: Socket | null = null;
  #phase: Phase = 'idle';
  #exchange: WireExchange | null = null;
  #reader: ContentReader | null = null;
  #sink: ChunkSink | null = null;
  /** The block whose bytes the sink holds. */
  #lent: Block | null = null;
  /** Null until the first interim response. */
  #interims: InterimLimit | null = null;
  #keepAlive = true;
  #ended = false;
  #reset = false;
  #writeError: Error | null = null;
  #socketClosed = false;
  #isTunnel = false;
  remoteAddress: string | null = null;
  /** Dialling begins when the connection is created. */
  readonly #createdAt = performance.now();
  #dialMs: number | null = null;
  #isCorked = false;
  /** Authentication (NTLM, Negotiate) or a PROXY protocol header is bound to the connection: no other client shares it. */
  isPrivate = false;
  /** The client of a private connection; null if it is unknown: then the connection is not reused. */
  boundTo: RequestClient | null = null;
  /** Exchanges so far. */
  exchanges = 0;
  /** When the last exchange ended, or the connection was opened, as `performance.now`. */
  idleSince = 0;
  /** How long the origin server has announced to keep the connection, minus a safety margin; Infinity if it has not. */
  idleLimitMs: number = Number.POSITIVE_INFINITY;

  constructor(owner: ConnectionOwner, buffers: BufferPool, limits: HeadLimits, tls: boolean) {
    this.#owner = owner;
    this.#limits = limits;
    this.#receiver = new Receiver(this, buffers, tls);
    this.#spliced = new SplicedContent(this.#receiver);
    this.#scanner = new SectionScanner(limits.maxBytes, 'head');
  }

  /** For the `onread` option of the socket. */
  get onread(): Receiver['onread'] {
    return this.#receiver.onread;
  }

  /** Takes the connected socket, which must have `allowHalfOpen` and this `onread`. */
  adopt(socket: Socket): void {
    this.#socket = socket;
    this.#dialMs = this.ageMs;
    this.remoteAddress = formatPeer(socket);
    this.idleSince = performance.now();
    this.#receiver.attach(socket);
    keepReadingAfterWriteError(socket);
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error: Error) => this.#onError(error));
    socket.on('close', () => this.#onClose());
  }

  /** From now on, the connection serves this client only. With null, it serves no further request. */
  bindTo(client: RequestClient | null): void {
    this.isPrivate = true;
    this.boundTo ??= client;
  }

  get isClosed(): boolean {
    return this.#phase === 'closed';
  }

  get isContent(): boolean {
    return this.#phase === 'content';
  }

  get isSpliceNext(): boolean {
    return this.#reader !== null && this.#spliced.isNext(this.#reader, this.expected);
  }

  get isWaiting(): boolean {
    return this.#sink === null || this.#lent !== null || this.#spliced.isUnderWay;
  }

  get expected(): number {
    const reader = this.#reader;
    if (reader === null || reader.complete) return 0;
    const { front, unread } = this.#receiver.buffer;
    const expected = reader.expected - unread;
    if (Number.isFinite(expected)) return Math.max(0, expected);
    return reader.endsWith(front.bytes, front.start, front.end) ? 0 : expected;
  }

  get isOpen(): boolean {
    return this.#phase !== 'closed' && this.#socket !== null && !this.#ended;
  }

  /** Whether it has been idle for `idleTimeoutMs`, or for as long as the origin server keeps it. */
  isExpired(idleTimeoutMs: number): boolean {
    return performance.now() - this.idleSince >= Math.min(idleTimeoutMs, this.idleLimitMs);
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
    this.#interims = null;
    this.#keepAlive = true;
    this.#scanner.reset();
    this.exchanges += 1;
    // An idle connection does not keep the process alive.
    if (this.exchanges > 1) this.#socket?.ref();
    if (hasConnectionCredentials(exchange.request.headers)) this.bindTo(exchange.request.client ?? null);
    exchange.run(this);
  }

  get ageMs(): number {
    return performance.now() - this.#createdAt;
  }

  takeDialMs(): number | null {
    const dialMs = this.#dialMs;
    this.#dialMs = null;
    return dialMs;
  }

  cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.socket.cork();
    atTurnEnd(this);
  }

  endTurn(): void {
    this.#isCorked = false;
    this.#socket?.uncork();
  }

  /** Starts the delivery of the content. */
  start(sink: ChunkSink): void {
    this.#sink = sink;
    this.#receiver.run();
  }

  /** The request, or our direction of a tunnel, is written. An exchange whose response came earlier is over now. */
  requestSent(): void {
    this.#settle();
  }

  /** Closes the connection now. A running exchange fails with `error`. */
  abort(error: SluicewayError): void {
    this.#exchange?.abort(error);
    this.destroy();
  }

  /** Closes the connection now and tells no exchange. */
  destroy(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#exchange = null;
    this.#sink = null;
    this.#lent = null;
    this.#spliced.cancel();
    this.#socket?.destroy();
    if (this.#socketClosed) this.#receiver.buffer.dispose();
    this.#owner.onClosed(this);
  }

  advance(): boolean {
    if (this.#phase === 'head') return this.#readHead();
    if (this.#phase === 'content') return this.#readContent();
    // The origin server has sent bytes without a request.
    if (this.#phase === 'idle' && this.#receiver.buffer.unread > 0) this.destroy();
    return false;
  }

  onBroken(error: Error): void {
    this.#fail(error);
  }

  #readHead(): boolean {
    const { bytes, start, end } = this.#receiver.buffer.front;
    if (start === end) return false;
    const scanned = this.#scanner.scanned;
    if (scanned < 5) checkHeadStart(bytes, start, end);
    const headEnd = this.#scanner.scan(bytes, start + scanned, end);
    if (headEnd < 0) return false;
    const head = parseResponseHead(bytes.toString('latin1', start, headEnd), this.#limits);
    this.#receiver.buffer.take(headEnd);
    this.#scanner.reset();
    if (head.status < 200 && head.status !== 101) this.#onInterim(head);
    else this.#onFinal(head);
    return true;
  }

  #onInterim(head: ParsedHead): void {
    this.#interims ??= new InterimLimit();
    this.#interims.add(head);
    this.#exchange?.interim(head);
  }

  #onFinal(head: ParsedHead): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (authenticatesConnection(head.headers)) this.bindTo(exchange.request.client ?? null);
    if (head.status === 101) {
      this.#switchProtocols(head, exchange);
      return;
    }
    const framing = decideResponseFraming(
      exchange.request.method,
      head.status,
      head.httpVersion,
      head.headers,
    );
    const reader = createContentReader(framing, this.#limits);
    this.#reader = reader;
    this.#spliced.reset();
    this.#phase = 'content';
    this.#keepAlive = framing.kind !== 'close' && allowsReuse(head.httpVersion, head.headers);
    this.idleLimitMs = idleLimitMs(head.headers);
    const length = framing.kind === 'none' ? 0 : framing.kind === 'length' ? framing.length : null;
    exchange.answered(head, length, null);
  }

  /** RFC 9110 section 7.8. From here on there are no messages, only bytes. */
  #switchProtocols(head: ParsedHead, exchange: WireExchange): void {
    if (exchange.request.upgrade === null) {
      throw new SluicewayError(
        'http_upgrade_failed',
        'The origin server switched protocols without a request',
      );
    }
    const reader = new TunnelReader(head.headers.get('upgrade')?.toLowerCase() === 'websocket');
    this.#reader = reader;
    this.#spliced.reset();
    this.#phase = 'content';
    this.#keepAlive = false;
    this.#isTunnel = true;
    exchange.answered(head, 0, this);
  }

  #readContent(): boolean {
    const reader = this.#reader;
    const sink = this.#sink;
    if (reader === null || sink === null || this.#lent !== null) return false;
    const { bytes, start, end } = this.#receiver.buffer.front;
    if (this.#spliced.isUnderWay) {
      if (start < end)
        throw new SluicewayError('proxy_internal_error', 'Node has read bytes during a splice');
      if (!this.#ended) return false;
      this.#spliced.cancel();
    }
    if (!reader.complete && start < end) {
      const position = reader.read(bytes, start, end);
      const { contentStart, contentEnd } = reader;
      if (contentEnd === contentStart) {
        this.#receiver.buffer.take(position);
        return true;
      }
      this.#spliced.copied(contentEnd - contentStart);
      const block = this.#receiver.buffer.lend(contentEnd - contentStart);
      this.#lent = block;
      this.#receiver.buffer.take(position);
      sink.chunk(bytes.subarray(contentStart, contentEnd), () => this.#onReturned(block));
      return true;
    }
    if (reader.complete) this.#finish(sink);
    else if (this.#ended) this.#endOfStream(reader);
    else this.#spliced.offer(this.socket, reader, sink);
    return false;
  }

  #onReturned(block: Block): void {
    this.#receiver.buffer.returned(block);
    // The last block of an exchange may be returned when the connection already carries another one.
    if (this.#lent !== block) return;
    this.#lent = null;
    this.#receiver.run();
    this.#settle();
  }

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
    // The other direction of a tunnel continues until it has ended too, or the tunnel is destroyed.
    if (this.#isTunnel && !this.#socketClosed && !this.socket.writableFinished) return;
    this.#exchange = null;
    this.#reader = null;
    this.#lent = null;
    if (!this.#keepAlive || !exchange.requestIsSent || this.#ended || this.#receiver.buffer.unread > 0) {
      this.destroy();
      return;
    }
    this.#phase = 'idle';
    this.idleSince = performance.now();
    this.#socket?.unref();
    this.#receiver.run();
    this.#owner.onIdle(this);
  }

  #onEnd(): void {
    this.#ended = true;
    this.#reset = !this.socket.writableEnded && wasReset(this.socket);
    if (this.#phase === 'content') this.#receiver.run();
    else if (this.#phase === 'head') this.#fail(this.#closedBeforeHead(this.#writeError));
    else this.destroy();
  }

  #endOfStream(reader: ContentReader): void {
    const error = reader.endOfStream(this.#reset);
    if (error !== null) this.#fail(error);
    else if (this.#sink !== null) this.#finish(this.#sink);
  }

  #onError(cause: Error): void {
    if (this.#writeError === null && this.#exchange?.isSending === true && readsOn(this.socket, cause)) {
      this.#writeError = cause;
      this.#exchange.stopSending();
      // Usually the end follows at once. The timer is for the case that it does not.
      setTimeout(() => {
        if (this.#phase === 'head') this.#fail(this.#closedBeforeHead(cause));
      }, EARLY_RESPONSE_MS).unref();
      return;
    }
    if (this.#phase === 'content') {
      const error = this.#reader?.endOfStream();
      const text =
        error?.message ?? `The connection failed after ${this.#reader?.received ?? 0} content bytes`;
      this.#fail(new SluicewayError('http_response_incomplete', `${text}: ${cause.message}`, { cause }));
    } else if (this.#phase === 'head') this.#fail(this.#closedBeforeHead(cause));
    else this.destroy();
  }

  #onClose(): void {
    // After `end` or `error` there is nothing to do, unless the last bytes still wait for the sink.
    this.#reset ||= !this.#ended;
    this.#ended = true;
    this.#socketClosed = true;
    if (this.#phase === 'content') this.#receiver.run();
    else if (this.#phase === 'head') this.#fail(this.#closedBeforeHead(null));
    else this.destroy();
    if (this.#phase === 'content') this.#settle();
    else this.#receiver.buffer.dispose();
  }

  /** If a reused connection brought no bytes, the origin server had most likely closed it before our request arrived. */
  #closedBeforeHead(cause: Error | null): SluicewayError {
    const retryable = this.exchanges > 1 && this.#interims === null && this.#receiver.buffer.unread === 0;
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
