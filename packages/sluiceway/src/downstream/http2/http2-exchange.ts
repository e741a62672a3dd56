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
import { checkFieldCount, checkFinalStatus, requestContentError } from '../checks.js';
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
 * Between the end of a response and the reset of its stream, where the client has not ended its request. Clients that lose
 * the response where both come together (curl 7.88) may be late to read it, and a lost packet holds both up.
 */
const LEAVE_AFTER_MS = 1000;

/** Of all streams of a connection, before no more interim responses are added. Content does not count. */
const MAX_QUEUED_FRAMES = 1000;

/** RFC 9110 section 15: others are invalid. */
const MAX_STATUS = 599;

/** A request that Node's HTTP/2 server has read, and its response: one stream. */
export class Http2Exchange implements ClientExchange, SinkOptions {
  readonly request: Http2ServerRequest;
  readonly httpVersion = '2.0';
  readonly method: string;
  readonly url: string;
  readonly isTunnelOnly: boolean;
  readonly callsBack: boolean;
  readonly connection: ClientConnection | null;
  readonly clientAddress: string | null;
  readonly isEncrypted: boolean;
  readonly #response: Http2ServerResponse;
  /** `request.stream` is gone once the stream is closed. */
  readonly #stream: ServerHttp2Stream;
  /** Only for a WebSocket, towards an origin server that speaks HTTP/1.1. */
  readonly #webSocketKey: string;
  /** Whether the client has ended the content, once that is over. */
  readonly #hasContentEnded: () => boolean;
  #writer: Http2ContentWriter | null = null;

  constructor(request: Http2ServerRequest, response: Http2ServerResponse) {
    this.request = request;
    this.#response = response;
    this.#stream = request.stream;
    this.callsBack = response.write === Http2ServerResponse.prototype.write;
    this.method = request.method ?? '';
    this.url = request.url ?? '';
    this.isTunnelOnly = request.headers[':protocol'] !== undefined;
    this.#webSocketKey = this.isTunnelOnly ? createKey() : '';
    const { session } = this.#stream;
    this.#hasContentEnded = watchContentEnd(this.#stream, () => this.#stream.destroy());
    this.connection = session ?? null;
    this.clientAddress = session?.socket.remoteAddress ?? null;
    this.isEncrypted = session?.encrypted === true;
    // Node reports a broken stream on both; `close` tells what there is to know.
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

  /** A WebSocket over HTTP/2 (RFC 8441) is the same request as over HTTP/1.1, but for its method and its key. */
  #readExtendedConnect(head: Http2RequestHead, target: string | undefined): RequestHead {
    if (head.protocol !== 'websocket') {
      throw new SluicewayError('http_request_denied', `The protocol ${head.protocol} over HTTP/2`, {
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
      // A stream that is reset with NO_ERROR, or whose connection is gone, tells its end as well.
      isWhole: this.#hasContentEnded,
      trailers: () => readTrailers(this.request.rawTrailers, this.request.rawHeaders),
      toError: requestContentError,
    });
  }

  findContentTouch(): string | null {
    const stream = this.#stream;
    // Content of no bytes ends by itself, read or not.
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
    // Node has ended its side of a HEAD before there is a response to it.
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

  /** A client that does not read misses some, as over HTTP/1. */
  sendInterim(head: ResponseHead): void {
    if (this.isGone || this.isHeadSent) return;
    if ((this.#stream.session?.state.outboundQueueSize ?? 0) >= MAX_QUEUED_FRAMES) return;
    this.#stream.additionalHeaders({ ...toHttp2Headers(head.headers), ':status': head.status });
  }

  sendHead(head: ResponseHead, { isLast }: SendHeadOptions): void {
    checkFinalStatus(head);
    // Node has no other, and what it was given before it refuses would stand in the next head as well.
    if (head.status > MAX_STATUS)
      throw new SluicewayError('http_protocol_error', `HTTP/2 cannot carry the status ${head.status}`);
    // Content of it, which means nothing (RFC 9110 section 15.3.6), is not sent.
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

  /** Node sends the head at the end of this turn of the event loop, whatever follows. */
  flushHead(): void {}

  endWithoutContent(): void {
    this.#response.end();
    this.#leaveRest();
  }

  breakOff(): void {
    // The head and the content that was written in this turn of the event loop go out before.
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
   * What the client still sends is of no use, and it is told so once the response is out (RFC 9113 section 8.1). Most
   * clients stop by themselves; some older ones lose the response where the reset comes together with it.
   */
  #leaveRest(): void {
    const stream = this.#stream;
    // Node resets a stream whose request nobody has begun to read as soon as the response is written, and the reset
    // overtakes the END_STREAM that is still queued on a busy connection: a whole response looks cut.
    if (this.isRequestComplete) {
      stream.resume();
      return;
    }
    if (stream.readableFlowing === null) stream.pause();
    stream.once('finish', () => {
      const timer = setTimeout(() => {
        // The end waits where the connection is busy, and a reset would overtake it, and be all that the client gets.
        if (!stream.closed && stream.state.localClose === 0) {
          timer.refresh();
          return;
        }
        stream.close(constants.NGHTTP2_NO_ERROR);
        // Node keeps a stream that was closed without an error until somebody has read what had come on it.
        stream.destroy();
      }, LEAVE_AFTER_MS);
      stream.once('close', () => clearTimeout(timer));
    });
  }
}

const ignore = (): void => {};
