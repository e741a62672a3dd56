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
 * How a response with `Content-Length` is broken off over HTTP/1.1: by a reset (RST), by the end of our side (FIN), or by
 * whichever the client needs.
 */
export type BreakOff = 'auto' | 'reset' | 'close';

/** A client's request as Node's servers give it, for HTTP/1 or HTTP/2. */
export type ClientRequest = IncomingMessage | Http2ServerRequest;
/** The response to it. */
export type ClientResponse = ServerResponse | Http2ServerResponse;

/** The head of a request, judged. */
export interface RequestHead {
  method: string;
  target: RequestTarget;
  /** With exactly one Host, where the version or the client has one. */
  headers: Fields;
  framing: ContentFraming;
}

/** A head that is about to be sent. */
export interface ResponseHead {
  status: number;
  /** HTTP/2 has none and leaves it out. */
  statusText: string;
  headers: Fields;
}

/** What the connection has to know about a response that begins. */
export interface SendHeadOptions {
  /** Content of the request is still under way, and nobody will read it. */
  leavesContentUnread: boolean;
  /** The connection shall take no further requests. */
  isLast: boolean;
}

/** Takes response content; the head goes out with the first of it. */
export interface ContentSink extends ChunkSink {
  /** Sends the head now where no content went with it. */
  flushHead(): void;
}

/** The client's side of a connection that carries bytes both ways. */
export interface ClientTunnel extends Tunnel {
  /** The status that the client got for it. */
  readonly status: number;
  /** Calls the listener when the connection is gone, whoever closed it. */
  onClose(listener: () => void): void;
}

/**
 * The client's side of one transfer, over whichever version of HTTP: its request, and the response to it. The
 * counterpart of the `Exchange` with an origin server.
 */
export interface ClientExchange {
  /** Node's message, for hooks and for what frameworks hang on it. */
  readonly request: ClientRequest;
  /** As the client wrote them, whether valid or not: for the record. */
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  /** What carries the request, and perhaps others of the same client; null where that is not known. */
  readonly connection: ClientConnection | null;
  /** The peer's address; null where the socket has none. */
  readonly clientAddress: string | null;
  /** The client has come by a Unix socket, and so has no address. */
  readonly isOnUnixSocket: boolean;
  readonly isEncrypted: boolean;
  /** Where the request has reached this process, where `connection` does not show it. */
  readonly listener?: ListenerAddress | null;

  /** Reads and judges the request. `target` takes the place of the client's own. Throws `http_request_error`. */
  readHead(target?: string): RequestHead;
  /** The protocol that the client asks its connection (or, in HTTP/2, its stream) to change to, or null. */
  wantedProtocol(fields: ReadonlyFields): string | null;
  /** The request can only be answered by a tunnel or a failure (extended CONNECT): 2xx would open one. */
  readonly isTunnelOnly: boolean;
  /**
   * Request content as it comes, with the trailers that may pass. To be called once. Throws where it is gone.
   * `spliceableLength` is the length of content that may be offered for a splice; null, the default: none may.
   */
  openContent(spliceableLength?: number | null): ChunkSource;
  /** What somebody else has done to the request content, so that it cannot be had whole; null where nobody has. */
  findContentTouch(): string | null;
  /** All request content has arrived. */
  readonly isRequestComplete: boolean;

  /** A response to an earlier request of the connection is not out yet (HTTP/1.1 pipelining). */
  readonly isPipelined: boolean;
  /** Calls the listener when those are out. */
  onTurn(listener: () => void): void;
  /** Calls the listener once: when the response is over, or its connection is gone; at once if it is. */
  onClose(listener: () => void): void;

  readonly isHeadSent: boolean;
  /** Nothing more can be sent. */
  readonly isGone: boolean;
  /** The response has been handed over whole. */
  readonly isDelivered: boolean;
  /** Bytes that the operating system has not taken yet; null where nothing tells. */
  queuedBytes(): number | null;

  /** Whether trailers can follow content of that length (null: unknown). */
  takesTrailers(contentLength: number | null): boolean;
  sendContinue(): void;
  /** Sends an interim response (1xx) at once, where the version has any. */
  sendInterim(head: ResponseHead): void;
  /** Commits to the head. Throws a `TypeError` for what is no final response. */
  sendHead(head: ResponseHead, options: SendHeadOptions): void;
  /** For the content after `sendHead`. */
  contentSink(trailers: () => Fields | null, onEnd: () => void, onFail: (error: Error) => void): ContentSink;
  /** Ends a response that has no content. */
  endWithoutContent(): void;
  /**
   * Breaks the response off so that the client can tell that it is not whole. What was written before still reaches it, but
   * for `atOnce`. Both matter to HTTP/1 only.
   */
  breakOff(how: BreakOff, atOnce?: boolean): void;
  /** Gives up everything, whether the client can tell or not. */
  destroy(): void;
  /** Opens the tunnel to which the origin server has agreed. Throws a `TypeError` for a head that cannot be sent. */
  switchProtocols(head: ResponseHead, protocol: string): ClientTunnel;
  /** Somebody else will answer, although nobody reads what is still to come of the request content. */
  release(): void;
  /** The transfer is over: does what the connection still needs, such as to take request content that nobody read. */
  finish(): void;
}
