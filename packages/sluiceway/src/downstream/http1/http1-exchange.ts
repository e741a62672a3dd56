import { type IncomingMessage, OutgoingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { SluicewayError } from '../../errors.js';
import { Fields, type ReadonlyFields } from '../../http/fields.js';
import { checkRequestHead, decideRequestFraming } from '../../http/framing.js';
import { acceptsTrailers } from '../../http/hop-by-hop.js';
import { readRequestTarget } from '../../http/target.js';
import { wantedProtocol } from '../../http/upgrade.js';
import { isUnixPeer } from '../../net/trusted-peers.js';
import { queuedBytes } from '../../net/write-queue.js';
import type { ChunkSource } from '../../stream/chunk-source.js';
import type { Splice, SpliceOffer } from '../../stream/splice.js';
import { findTouch } from '../../stream/untouched.js';
import { checkFieldCount, checkFinalStatus, destroyedEarly, readOriginalUrl } from '../checks.js';
import type {
  BreakOff,
  ClientExchange,
  ClientTunnel,
  ContentSink,
  RequestHead,
  ResponseHead,
  SendHeadOptions,
} from '../exchange.js';
import { ResponseSink, type SinkOptions } from '../response-sink.js';
import { SocketTunnel } from '../socket-tunnel.js';
import { breakOffResponse } from './break-off.js';
import { Http1Connection } from './http1-connection.js';
import { formatSwitchingProtocols, offerUpgrade, writeHead, writeInterim } from './http1-heads.js';
import { Http1Sink } from './http1-sink.js';
import type { Upgrade } from './http1-upgrade.js';
import { lingerOnClose } from './lingering-close.js';
import { toRequestSource } from './request-source.js';
import { warnOfRequestTimeout } from './request-timeout-warning.js';
import type { SizedContent } from './sized-content.js';
import { spliceResponse } from './splice-response.js';
import { isCut, isCutWhole } from './spliceable-content.js';

const EMPTY = Buffer.alloc(0);

/**
 * Connections that carried an invalid request: what follows may be part of it. They are closed after its answer, and
 * pipelined requests behind it are not served.
 */
const faulty = new WeakSet<Socket>();

/** A request that Node's HTTP/1 server has read, and its response. */
export class Http1Exchange implements ClientExchange, SinkOptions {
  readonly request: IncomingMessage;
  readonly method: string;
  readonly originalUrl: string;
  readonly #response: ServerResponse;
  readonly #upgrade: Upgrade | null;
  /** The request content. Node does not read it itself if the request asks for another protocol. */
  readonly #content: IncomingMessage | SizedContent;
  /** Null for an `upgrade`, which takes the connection. */
  readonly #connection: Http1Connection | null;
  readonly callsBack: boolean;
  readonly isTunnelOnly = false;
  #hasLength = false;
  #headSentAt = 0;

  /** `upgrade`: set if the request came with an `upgrade` event. */
  constructor(request: IncomingMessage, response: ServerResponse, upgrade: Upgrade | null) {
    this.request = request;
    this.method = request.method ?? '';
    this.originalUrl = readOriginalUrl(request);
    this.#response = response;
    this.#upgrade = upgrade;
    this.#content = upgrade?.content ?? request;
    this.#connection = upgrade === null ? Http1Connection.of(request) : null;
    this.#connection?.add(request, response);
    this.callsBack = response.write === OutgoingMessage.prototype.write;
    // A response can emit `error` itself (a write after its socket has closed). The `close` event is enough here.
    response.on('error', () => {});
  }

  get url(): string {
    return this.request.url ?? '';
  }

  get httpVersion(): string {
    return this.request.httpVersion;
  }

  get clientAddress(): string | null {
    return this.connection?.remoteAddress ?? null;
  }

  get isOnUnixSocket(): boolean {
    return isUnixPeer(this.request.socket);
  }

  get isEncrypted(): boolean {
    const { socket } = this.request;
    return 'encrypted' in socket && socket.encrypted === true;
  }

  /** Null after code has left an iteration over the request: Node removes the socket then. Its types do not say so. */
  get connection(): Socket | null {
    const { socket }: { socket: Socket | null } = this.request;
    return socket;
  }

  readHead(target?: string): RequestHead {
    const socket = this.connection;
    if (socket === null) throw destroyedEarly(this.request);
    try {
      return this.#readHead(target ?? this.url);
    } catch (error) {
      faulty.add(socket);
      throw error;
    }
  }

  #readHead(target: string): RequestHead {
    const { request } = this;
    if (this.#connection?.isInvalid(request) === true)
      throw new SluicewayError('http_request_error', 'The content of the request is invalid');
    const headers = Fields.fromParser(request.rawHeaders);
    checkFieldCount(headers);
    const httpVersion = checkRequestHead(request.httpVersion, headers);
    const method = request.method ?? 'GET';
    // The target of a CONNECT is valid here. The method is refused later.
    const parsed = readRequestTarget(method, target === '' ? '/' : target);
    const framing = decideRequestFraming(httpVersion, headers);
    return { method, target: parsed, headers, framing };
  }

  wantedProtocol(fields: ReadonlyFields): string | null {
    return this.#upgrade === null ? null : wantedProtocol(this.request.httpVersion, fields);
  }

  openContent(spliceableLength: number | null = null): ChunkSource {
    const { request } = this;
    const content = this.#content;
    if (content.destroyed) throw destroyedEarly(content);
    warnOfRequestTimeout(request);
    return toRequestSource(request, content, spliceableLength);
  }

  findContentTouch(): string | null {
    return findTouch(this.#content);
  }

  /** Node sets `complete` after its `request` event, even for a request without content. */
  get isRequestComplete(): boolean {
    const { request } = this;
    if (this.#content !== request) return this.#content.complete;
    // Checked last, because Node builds `headers` on first use.
    if (request.complete || isCutWhole(request)) return true;
    const { 'transfer-encoding': coding, 'content-length': length } = request.headers;
    return coding === undefined && Number(length ?? 0) === 0;
  }

  get isPipelined(): boolean {
    return this.#response.socket === null;
  }

  onTurn(listener: () => void): void {
    this.#response.once('socket', listener);
  }

  onClose(listener: () => void): void {
    if (this.#response.destroyed) {
      listener();
      return;
    }
    this.#response.once('close', listener);
    // A response that is queued behind an earlier one has no socket, and emits no event when the socket closes.
    if (this.isPipelined) {
      const socket = this.connection;
      this.request.once('close', () => {
        if (socket?.destroyed === true) listener();
      });
    }
  }

  get isHeadSent(): boolean {
    return this.#response.headersSent;
  }

  /** Checks the socket too, since the response is destroyed slightly later. */
  get isGone(): boolean {
    return this.#response.destroyed || this.#response.socket?.destroyed === true;
  }

  get isDelivered(): boolean {
    return this.#response.writableFinished;
  }

  queuedBytes(): number | null {
    return queuedBytes(this.#response.socket);
  }

  /**
   * Only if the content is chunked and the client accepts trailers (RFC 9110 section 6.5.1): recipients that do not expect
   * a trailer section may fail, as Varnish does.
   */
  takesTrailers(contentLength: number | null): boolean {
    const { httpVersion, rawHeaders } = this.request;
    return contentLength === null && httpVersion !== '1.0' && acceptsTrailers(Fields.fromParser(rawHeaders));
  }

  sendContinue(): void {
    this.#response.writeContinue();
  }

  /** HTTP/1.0 has no interim responses (RFC 9110 section 15.2). */
  sendInterim(head: ResponseHead): void {
    const { socket } = this.#response;
    if (socket === null || this.isHeadSent || this.request.httpVersion === '1.0') return;
    writeInterim(socket, head);
  }

  sendHead(head: ResponseHead, { leavesContentUnread, isLast }: SendHeadOptions): void {
    const response = this.#response;
    const { socket } = response;
    checkFinalStatus(head);
    // Do not wait for content that is still arriving when the response ends (RFC 9112 section 9.6).
    const isEarly = leavesContentUnread || !this.isRequestComplete || isCut(this.request);
    if (isEarly && socket !== null && this.#upgrade === null) lingerOnClose(this.request, socket);
    const closes =
      isEarly ||
      isLast ||
      (socket !== null && faulty.has(socket)) ||
      this.#connection?.isClosedBy(response) === true;
    if (closes) head.headers.set('Connection', 'close');
    if (head.status === 426)
      offerUpgrade(head.headers, this.request.httpVersion, closes || !response.shouldKeepAlive);
    writeHead(response, head);
    this.#hasLength = head.headers.has('content-length');
    this.#headSentAt = performance.now();
  }

  contentSink(trailers: () => Fields | null, onEnd: () => void, onFail: (error: Error) => void): ContentSink {
    return this.callsBack
      ? new Http1Sink(this.#response, this, trailers, onEnd, onFail)
      : new ResponseSink(this.#response, this, trailers, onEnd, onFail);
  }

  sendTrailers(trailers: Fields): void {
    if (this.#response.chunkedEncoding && this.takesTrailers(null))
      this.#response.addTrailers([...trailers] as [string, string][]);
  }

  /** Uses an empty write, because `flushHeaders` would encode bytes above 0x7F as UTF-8. */
  flushHead(): void {
    this.#response.write(EMPTY);
  }

  splice(offer: SpliceOffer): Splice | null {
    return spliceResponse(this.#response, offer);
  }

  endWithoutContent(): void {
    this.contentSink(() => null, ignore, ignore).end();
  }

  breakOff(how: BreakOff, atOnce = false): void {
    const response = this.#response;
    // A head written in this turn of the event loop is not sent yet. Let it go first: it tells more than an empty reply.
    const broken = { how, atOnce, hasLength: this.#hasLength, since: this.#headSentAt };
    if (response.socket?.writableCorked) setImmediate(breakOffResponse, response, broken);
    else breakOffResponse(response, broken);
  }

  destroy(): void {
    this.#response.destroy();
  }

  switchProtocols(head: ResponseHead, protocol: string): ClientTunnel {
    const upgrade = this.#upgrade;
    if (upgrade === null)
      throw new SluicewayError('http_upgrade_failed', 'The client did not ask for another protocol');
    const text = formatSwitchingProtocols(head, protocol);
    const { socket, stream } = upgrade;
    this.#response.detachSocket(socket);
    socket.write(text, 'latin1');
    return new SocketTunnel(socket, stream, protocol.toLowerCase() === 'websocket');
  }

  release(): void {
    const { request, connection: socket } = this;
    if (socket === null || (this.isRequestComplete && !faulty.has(socket))) return;
    // The response is not begun, so its head will announce the close.
    this.#response.shouldKeepAlive = false;
    // The request is not read any further, and error handlers such as `finalhandler` wait for its end.
    if (this.#connection?.isInvalid(request) === true) request.push(null);
    else if (!this.isRequestComplete) lingerOnClose(request, socket);
  }

  finish(): void {
    const socket = this.connection;
    if (this.#upgrade !== null || this.request.complete || !this.isDelivered || socket === null) return;
    lingerOnClose(this.request, socket);
    socket.destroySoon();
  }
}

const ignore = (): void => {};
