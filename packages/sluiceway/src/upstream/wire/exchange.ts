import { SluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import type { ParsedHead } from '../../http/head-reader.js';
import { queuedBytes } from '../../net/write-queue.js';
import type { ChunkSink, ChunkSource } from '../../stream/chunk-source.js';
import type { Tunnel } from '../../stream/tunnel.js';
import { spliceToSocket, toWriteError } from '../../zero-copy/splice-to-socket.js';
import { CONTINUE_GRACE_MS, isIdempotent, STOPS_CONTENT_FROM } from '../request-rules.js';
import type { Exchange, TransportRequest, TransportResponse } from '../transport.js';
import type { ExchangeConnection } from './exchange-connection.js';
import { formatRequestHead, RequestContentWriter } from './request-writer.js';

/** One request and its response on a wire connection, from waiting for a connection to the last content byte. */
export class WireExchange implements Exchange {
  readonly request: TransportRequest;
  readonly response: Promise<TransportResponse>;
  #resolve!: (response: TransportResponse) => void;
  #reject!: (error: SluicewayError) => void;
  /** Queues the exchange again for a fresh connection. */
  readonly #onStale: (exchange: WireExchange) => void;
  #connection: ExchangeConnection | null = null;
  #cancelWait: (() => void) | null = null;
  #grace: NodeJS.Timeout | null = null;
  #contentStarted = false;
  #retried = false;
  #sink: ChunkSink | null = null;
  #answered = false;
  #failure: Error | null = null;
  trailers: Fields | null = null;
  connectMs: number | null = null;
  isConnecting = false;
  /** The request, content included, has been handed to the operating system. */
  requestIsSent = false;
  /** The response is complete, or has failed or been cancelled. */
  isOver = false;

  constructor(request: TransportRequest, onStale: (exchange: WireExchange) => void) {
    this.request = request;
    this.#onStale = onStale;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The exchange waits for a connection. `cancel` ends the wait. */
  waits(cancel: () => void): void {
    this.#cancelWait = cancel;
  }

  /** Ends the wait for a connection. */
  leaveLine(): void {
    const leave = this.#cancelWait;
    this.#cancelWait = null;
    leave?.();
  }

  /** Writes the request to its connection. */
  run(connection: ExchangeConnection): void {
    this.#connection = connection;
    this.isConnecting = false;
    this.connectMs = connection.takeDialMs();
    // There is a connection now, so there is no wait to cancel.
    this.#cancelWait = null;
    const { socket } = connection;
    const { content, expectContinue } = this.request;
    let head: string;
    try {
      head = formatRequestHead(this.request);
    } catch (error) {
      connection.destroy();
      this.failed(error as Error);
      return;
    }
    connection.cork();
    socket.write(head, 'latin1');
    if (content === null) this.#sent();
    else if (!expectContinue) this.#startContent();
    else this.#grace = setTimeout(() => this.#startContent(), CONTINUE_GRACE_MS);
  }

  interim(head: ParsedHead): void {
    if (head.status === 100) this.#startContent();
    this.request.onInterim(head);
  }

  /** The final head, or a 101, has been read. `tunnel` is the connection after a 101; null otherwise. */
  answered(head: ParsedHead, contentLength: number | null, tunnel: ExchangeConnection | null): void {
    this.#answered = true;
    if (this.#grace !== null) clearTimeout(this.#grace);
    if (!this.requestIsSent && (!this.#contentStarted || head.status >= STOPS_CONTENT_FROM))
      this.#stopContent();
    const content = new ExchangeContent(this);
    this.#resolve({
      httpVersion: head.httpVersion,
      status: head.status,
      statusText: head.statusText,
      headers: head.headers,
      contentLength,
      content,
      tunnel: tunnel === null ? null : createTunnel(tunnel, content),
    });
  }

  /** The response is complete. */
  finished(trailers: Fields | null): void {
    this.trailers = trailers;
    this.isOver = true;
    if (!this.requestIsSent) this.#stopContent();
  }

  /** The connection has ended before the response was complete. */
  failed(error: Error, sink: ChunkSink | null = null): void {
    const stale = error instanceof SluicewayError && error.retryable && !this.#retried;
    // Without a connection, dialling has failed, and a retry would not help.
    const dialled = this.#connection !== null;
    if (stale && dialled && !this.#contentStarted && isIdempotent(this.request.method)) {
      this.#retried = true;
      this.#connection = null;
      this.requestIsSent = false;
      if (this.#grace !== null) clearTimeout(this.#grace);
      this.#onStale(this);
      return;
    }
    this.#fail(error, sink);
  }

  abort(error: SluicewayError): void {
    if (this.isOver) return;
    const connection = this.#connection;
    this.leaveLine();
    this.#fail(error, this.#sink);
    connection?.destroy();
  }

  #fail(error: Error, sink: ChunkSink | null): void {
    if (this.isOver) return;
    this.isOver = true;
    this.isConnecting = false;
    this.#failure = error;
    if (this.#grace !== null) clearTimeout(this.#grace);
    this.#stopContent();
    if (!this.#answered) this.#reject(error as SluicewayError);
    else sink?.fail(error);
  }

  #startContent(): void {
    const { content } = this.request;
    const connection = this.#connection;
    if (content === null || connection === null || this.#contentStarted || this.isOver) return;
    this.#contentStarted = true;
    if (this.#grace !== null) clearTimeout(this.#grace);
    const sent = (): void => this.#sent();
    const broken = (error: Error): void => this.abort(error as SluicewayError);
    content.source.start(new RequestContentWriter(connection, content, sent, broken));
  }

  queuedBytes(): number | null {
    return queuedBytes(this.#connection?.socket ?? null);
  }

  remoteAddress(): string | null {
    return this.#connection?.remoteAddress ?? null;
  }

  /** Whether request content is being sent. */
  get isSending(): boolean {
    return this.#contentStarted && !this.requestIsSent && !this.isOver;
  }

  /** Called when the origin server takes no more content. */
  stopSending(): void {
    this.#stopContent();
  }

  #stopContent(): void {
    if (this.request.content !== null && !this.requestIsSent) this.request.content.source.cancel();
  }

  #sent(): void {
    if (this.requestIsSent || this.#failure !== null) return;
    this.requestIsSent = true;
    this.request.onRequestSent();
    this.#connection?.requestSent();
  }

  startDelivery(sink: ChunkSink): void {
    this.#sink = sink;
    if (this.#failure !== null) sink.fail(this.#failure);
    else this.#connection?.start(sink);
  }

  /** The content of the response is not needed, or no longer. */
  cancelDelivery(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#stopContent();
    this.#connection?.destroy();
  }
}

/** The content of a response. */
class ExchangeContent implements ChunkSource {
  readonly #exchange: WireExchange;

  constructor(exchange: WireExchange) {
    this.#exchange = exchange;
  }

  get trailers(): Fields | null {
    return this.#exchange.trailers;
  }

  start(sink: ChunkSink): void {
    this.#exchange.startDelivery(sink);
  }

  cancel(): void {
    this.#exchange.cancelDelivery();
  }
}

function createTunnel(connection: ExchangeConnection, source: ChunkSource): Tunnel {
  const { socket } = connection;
  return {
    source,
    write: (bytes, done) => void socket.write(bytes, done),
    splice: (offer, gate) =>
      spliceToSocket(offer, socket, () => void socket.emit('error', toWriteError()), gate),
    end: (onSent) => {
      socket.end(() => {
        connection.requestSent();
        onSent();
      });
    },
    // Both: `cancel` does nothing once the origin server's direction has ended.
    destroy: () => {
      source.cancel();
      connection.destroy();
    },
    reset: () => {
      // Destroying is enough over TLS: a TLS socket sends no close_notify then.
      if (!('encrypted' in socket)) socket.resetAndDestroy();
      source.cancel();
      connection.destroy();
    },
  };
}
