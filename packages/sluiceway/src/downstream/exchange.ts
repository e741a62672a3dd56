import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Fields, ReadonlyFields } from '../http/fields.js';
import type { ContentFraming } from '../http/framing.js';
import type { RequestTarget } from '../http/target.js';
import type { ClientConnection } from '../net/client-connection.js';
import type { ListenerAddress } from '../net/own-listeners.js';
import type { ChunkSink, ChunkSource } from '../stream/chunk-source.js';
import type { Tunnel } from '../stream/tunnel.js';

/**
 * How a response with `Content-Length` is broken off over HTTP/1.1: by a reset (RST), by the end of our side (FIN), or
 * by the one that the client needs (`auto`).
 */
export type BreakOff = 'auto' | 'reset' | 'close';

/** A client's request from Node's HTTP/1 or HTTP/2 server. */
export type ClientRequest = IncomingMessage | Http2ServerRequest;
/** The response to it. */
export type ClientResponse = ServerResponse | Http2ServerResponse;

/** The validated head of a request. */
export interface RequestHead {
  method: string;
  target: RequestTarget;
  /** With at most one Host. */
  headers: Fields;
  framing: ContentFraming;
}

/** A head that is about to be sent. */
export interface ResponseHead {
  status: number;
  /** Not sent over HTTP/2, which has no reason phrase. */
  statusText: string;
  headers: Fields;
}

/** What the connection needs to know about a response that begins. */
export interface SendHeadOptions {
  /** Request content is still arriving, and the proxy will not read it. */
  leavesContentUnread: boolean;
  /** The connection takes no further requests. */
  isLast: boolean;
}

/** Takes response content. The head is sent together with the first content. */
export interface ContentSink extends ChunkSink {
  /** Sends the head now if it was not sent with content. */
  flushHead(): void;
}

/** The client's side of a connection that carries bytes both ways. */
export interface ClientTunnel extends Tunnel {
  /** The status that the client got. */
  readonly status: number;
  /** Calls the listener when the connection has closed. */
  onClose(listener: () => void): void;
}

/**
 * The client's side of one transfer, over any HTTP version: its request, and the response to it. The counterpart of the
 * `Exchange` with an origin server.
 */
export interface ClientExchange {
  /** Node's message, for hooks and for properties that frameworks add. */
  readonly request: ClientRequest;
  /** As the client wrote them, valid or not. For the record. */
  readonly method: string;
  readonly originalUrl: string;
  /** The request-target, without the mount path that a framework has removed. */
  readonly url: string;
  readonly httpVersion: string;
  /** The connection of the request, which may carry others of the same client; null if it is not known. */
  readonly connection: ClientConnection | null;
  /** The peer's address; null if the socket has none. */
  readonly clientAddress: string | null;
  /** The client is connected through a Unix socket, and so has no address. */
  readonly isOnUnixSocket: boolean;
  readonly isEncrypted: boolean;
  /** The address at which this process received the request, if `connection` does not show it. */
  readonly listener?: ListenerAddress | null;

  /** Reads and validates the request. `target` replaces the client's own. Throws `http_request_error`. */
  readHead(target?: string): RequestHead;
  /** The protocol that the client asks its connection (or, in HTTP/2, its stream) to change to, or null. */
  wantedProtocol(fields: ReadonlyFields): string | null;
  /** The request can only be answered by a tunnel or a failure (extended CONNECT): a 2xx would open a tunnel. */
  readonly isTunnelOnly: boolean;
  /**
   * Returns the request content, with the trailers that are allowed. Call it once. Throws if the content is gone.
   * `spliceableLength` is the length of content that can be spliced. Null, the default: no content is spliced.
   */
  openContent(spliceableLength?: number | null): ChunkSource;
  /** What other code has done to the request content, so that it may not be complete; null if nothing. */
  findContentTouch(): string | null;
  /** All request content has arrived. */
  readonly isRequestComplete: boolean;

  /** A response to an earlier request of the connection is not sent yet (HTTP/1.1 pipelining). */
  readonly isPipelined: boolean;
  /** Calls the listener when all earlier responses are sent. */
  onTurn(listener: () => void): void;
  /** Calls the listener once, when the response is over or its connection has closed, or at once if that is so. */
  onClose(listener: () => void): void;

  readonly isHeadSent: boolean;
  /** Nothing more can be sent. */
  readonly isGone: boolean;
  /** The whole response has been handed over. */
  readonly isDelivered: boolean;
  /** Bytes that the operating system has not taken yet; null if unknown. */
  queuedBytes(): number | null;

  /** Whether trailers can follow content of that length in bytes (null: unknown). */
  takesTrailers(contentLength: number | null): boolean;
  sendContinue(): void;
  /** Sends an interim response (1xx) at once, if the client's HTTP version has them. */
  sendInterim(head: ResponseHead): void;
  /** Commits to the head. Throws a `TypeError` if the status is not final. */
  sendHead(head: ResponseHead, options: SendHeadOptions): void;
  /** Returns the sink for the content. Call it after `sendHead`. */
  contentSink(trailers: () => Fields | null, onEnd: () => void, onFail: (error: Error) => void): ContentSink;
  /** Ends a response that has no content. */
  endWithoutContent(): void;
  /**
   * Breaks the response off, so that the client can tell that it is incomplete. Content written before still reaches the
   * client, unless `atOnce` is set. Both parameters affect HTTP/1 only.
   */
  breakOff(how: BreakOff, atOnce?: boolean): void;
  /** Closes everything, even if the client cannot tell that the response is incomplete. */
  destroy(): void;
  /** Opens the tunnel that the origin server has accepted. Throws a `TypeError` for a head that cannot be sent. */
  switchProtocols(head: ResponseHead, protocol: string): ClientTunnel;
  /** Leaves the answer to other code. The rest of the request content is not read. */
  release(): void;
  /** Called when the transfer is over. Does what the connection still needs, such as reading unread request content. */
  finish(): void;
}
