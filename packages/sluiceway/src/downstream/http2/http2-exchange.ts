import { constants, type Http2ServerRequest, Http2ServerResponse, type ServerHttp2Stream } from 'node:http2';
import { SluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import { checkRequestHead } from '../../http/framing.js';
import {
  decideHttp2RequestFraming,
  type Http2RequestHead,
  readHttp2Request,
  toHttp2Headers,
} from '../../http/http2-fields.js';
import { parseRequestTarget, readRequestTarget } from '../../http/target.js';
import { readTrailers } from '../../http/trailers.js';
import { resetStream, watchContentEnd } from '../../http2/stream.js';
import type { ClientConnection } from '../../net/client-connection.js';
import { isUnixPeer } from '../../net/trusted-peers.js';
import { ReadableSource } from '../../stream/readable-source.js';
import { findTouch } from '../../stream/untouched.js';
import { checkFieldCount, checkFinalStatus, readOriginalUrl, requestContentError } from '../checks.js';
import type {
  ClientExchange,
  ClientTunnel,
  ContentSink,
  RequestHead,
  ResponseHead,
  SendHeadOptions,
} from '../exchange.js';
import { ResponseSink, type SinkOptions } from '../response-sink.js';
import { Http2ContentWriter } from './http2-content-writer.js';
import { Http2Tunnel } from './http2-tunnel.js';
import { acceptKey, createKey } from './websocket-handshake.js';

/**
 * Time between the end of a response and the reset of its stream, if the client has not ended its request. Some clients
 * (curl 7.88) lose the response if they receive both at once, which happens if they read late or a packet is lost.
 */
const LEAVE_AFTER_MS = 1000;

/** Queued frames of a connection above which interim responses are dropped. Content does not count. */
const MAX_QUEUED_FRAMES = 1000;

/** RFC 9110 section 15. */
const MAX_STATUS = 599;

/** A request that Node's HTTP/2 server has read, and its response. They share one stream. */
export class Http2Exchange implements ClientExchange, SinkOptions {
  readonly request: Http2ServerRequest;
  readonly httpVersion = '2.0';
  readonly method: string;
  readonly url: string;
  readonly originalUrl: string;
  readonly isTunnelOnly: boolean;
  readonly callsBack: boolean;
  readonly connection: ClientConnection | null;
  readonly clientAddress: string | null;
  readonly isEncrypted: boolean;
  readonly #response: Http2ServerResponse;
  /** Kept here because `request.stream` is undefined once the stream is closed. */
  readonly #stream: ServerHttp2Stream;
  /** The key for an HTTP/1.1 origin server. Only for a WebSocket. */
  readonly #webSocketKey: string;
  /** Whether the client has ended the content. Valid after the stream's `end` event. */
  readonly #hasContentEnded: () => boolean;
  #writer: Http2ContentWriter | null = null;

  constructor(request: Http2ServerRequest, response: Http2ServerResponse) {
    this.request = request;
    this.#response = response;
    this.#stream = request.stream;
    this.callsBack = response.write === Http2ServerResponse.prototype.write;
    this.method = request.method ?? '';
    this.url = request.url ?? '';
    this.originalUrl = readOriginalUrl(request);
    this.isTunnelOnly = request.headers[':protocol'] !== undefined;
    this.#webSocketKey = this.isTunnelOnly ? createKey() : '';
    const { session } = this.#stream;
    this.#hasContentEnded = watchContentEnd(this.#stream, () => this.#stream.destroy());
    this.connection = session ?? null;
    this.clientAddress = session?.socket.remoteAddress ?? null;
    this.isEncrypted = session?.encrypted === true;
    // Node reports a broken stream on both. The `close` event is enough here.
    request.on('error', ignore);
    response.on('error', ignore);
    this.#stream.on('error', ignore);
  }

  get isOnUnixSocket(): boolean {
    const { session } = this.#stream;
    return session !== undefined && isUnixPeer(session.socket);
  }

  readHead(target?: string): RequestHead {
    const head = readHttp2Request(this.request.rawHeaders);
    const { headers, protocol } = head;
    checkFieldCount(headers);
    checkRequestHead('1.1', headers);
    const framing = decideHttp2RequestFraming(this.#stream.endAfterHeaders, headers);
    if (protocol !== null) return this.#readExtendedConnect(head, target);
    const method = head.method ?? 'GET';
    const parsed = readRequestTarget(method, target ?? head.path ?? head.authority ?? '');
    if (parsed.form === 'absolute')
      throw new SluicewayError('http_request_error', 'An HTTP/2 request needs a path');
    return { method, target: parsed, headers, framing };
  }

  /** A WebSocket request over HTTP/2 (RFC 8441) differs from one over HTTP/1.1 in its method and its key. */
  #readExtendedConnect(head: Http2RequestHead, target: string | undefined): RequestHead {
    if (head.protocol !== 'websocket') {
      throw new SluicewayError('http_request_denied', `Unsupported protocol over HTTP/2: ${head.protocol}`, {
        status: 501,
        publicMessage: 'The protocol is not supported.',
      });
    }
    const parsed = parseRequestTarget(target ?? head.path ?? '');
    if (parsed.form !== 'origin')
      throw new SluicewayError('http_request_error', 'An HTTP/2 request needs a path');
    head.headers.set('Sec-WebSocket-Key', this.#webSocketKey);
    return { method: 'GET', target: parsed, headers: head.headers, framing: { kind: 'none' } };
  }

  wantedProtocol(): string | null {
    return this.isTunnelOnly ? 'websocket' : null;
  }

  openContent(): ReadableSource {
    const stream = this.#stream;
    return new ReadableSource(stream, {
      destroyOnCancel: false,
      // A stream also emits `end` if it is reset with NO_ERROR, or if its connection has closed.
      isWhole: this.#hasContentEnded,
      trailers: () => readTrailers(this.request.rawTrailers, this.request.rawHeaders),
      toError: requestContentError,
    });
  }

  findContentTouch(): string | null {
    const stream = this.#stream;
    // Empty content ends even if nothing reads it.
    const isEmpty = stream.readableEnded && !stream.readableDidRead && this.#hasContentEnded();
    return findTouch(this.request) ?? (isEmpty ? null : findTouch(stream));
  }

  get isRequestComplete(): boolean {
    return this.#stream.endAfterHeaders || this.#stream.readableEnded;
  }

  /** Streams do not wait for each other. */
  readonly isPipelined = false;

  onTurn(listener: () => void): void {
    listener();
  }

  onClose(listener: () => void): void {
    if (this.#stream.destroyed) listener();
    else this.#stream.once('close', listener);
  }

  get isHeadSent(): boolean {
    return this.#response.headersSent;
  }

  get isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  get isDelivered(): boolean {
    const { headersSent, writableFinished, aborted } = this.#stream;
    // For a HEAD, Node ends its side before there is a response.
    return headersSent && writableFinished && !aborted;
  }

  queuedBytes(): number {
    return this.#writer?.queuedBytes ?? 0;
  }

  takesTrailers(): boolean {
    return true;
  }

  sendContinue(): void {
    this.#response.writeContinue();
  }

  /** Drops the interim response if the client does not read, as over HTTP/1. */
  sendInterim(head: ResponseHead): void {
    if (this.isGone || this.isHeadSent) return;
    if ((this.#stream.session?.state.outboundQueueSize ?? 0) >= MAX_QUEUED_FRAMES) return;
    this.#stream.additionalHeaders({ ...toHttp2Headers(head.headers), ':status': head.status });
  }

  sendHead(head: ResponseHead, { isLast }: SendHeadOptions): void {
    checkFinalStatus(head);
    // Node refuses other statuses, but keeps the fields it was given, and would send them with the next head.
    if (head.status > MAX_STATUS)
      throw new SluicewayError('http_protocol_error', `HTTP/2 cannot carry the status ${head.status}`);
    // A 205 has no content (RFC 9110 section 15.3.6).
    if (head.status === 205 && head.headers.has('content-length')) head.headers.set('Content-Length', '0');
    // A 2xx would open the tunnel that the origin server has refused.
    if (this.isTunnelOnly && head.status < 300)
      throw new SluicewayError('http_upgrade_failed', 'The origin server did not switch protocols');
    this.#response.writeHead(head.status, toHttp2Headers(head.headers));
    if (isLast) this.#stream.session?.close();
  }

  contentSink(trailers: () => Fields | null, onEnd: () => void, onFail: (error: Error) => void): ContentSink {
    this.#writer = new Http2ContentWriter(this.#response, this.#stream, () => this.#leaveRest());
    return new ResponseSink(this.#writer, this, trailers, onEnd, onFail);
  }

  sendTrailers(trailers: Fields): void {
    this.#response.addTrailers(toHttp2Headers(trailers));
  }

  /** Does nothing: Node sends the head at the end of this turn of the event loop. */
  flushHead(): void {}

  endWithoutContent(): void {
    this.#response.end();
    this.#leaveRest();
  }

  breakOff(): void {
    // Deferred, so that the head and content written in this turn of the event loop are sent first.
    setImmediate(() => this.destroy());
  }

  destroy(): void {
    resetStream(this.#stream, 'internal');
  }

  switchProtocols(head: ResponseHead): ClientTunnel {
    const { headers } = head;
    if (headers.getAll('sec-websocket-accept').join() !== acceptKey(this.#webSocketKey))
      throw new SluicewayError('http_upgrade_failed', 'The origin server accepted another WebSocket');
    headers.delete('sec-websocket-accept');
    this.#response.writeHead(200, toHttp2Headers(headers));
    return new Http2Tunnel(this.#stream);
  }

  release(): void {
    this.#leaveRest();
  }

  finish(): void {}

  /**
   * Tells the client, once the response is sent, that the rest of its request is not needed (RFC 9113 section 8.1). Most
   * clients stop by themselves. Some older ones lose the response if the reset comes together with it.
   */
  #leaveRest(): void {
    const stream = this.#stream;
    // If a request is not being read, Node resets the stream as soon as the response is written. On a busy connection the
    // reset overtakes the queued END_STREAM, and a complete response looks truncated.
    if (this.isRequestComplete) {
      stream.resume();
      return;
    }
    if (stream.readableFlowing === null) stream.pause();
    stream.once('finish', () => {
      const timer = setTimeout(() => {
        // On a busy connection END_STREAM may still be queued, and a reset would overtake it.
        if (!stream.closed && stream.state.localClose === 0) {
          timer.refresh();
          return;
        }
        stream.close(constants.NGHTTP2_NO_ERROR);
        // Node keeps a stream that was closed without an error until all received content has been read.
        stream.destroy();
      }, LEAVE_AFTER_MS);
      stream.once('close', () => clearTimeout(timer));
    });
  }
}

const ignore = (): void => {};
