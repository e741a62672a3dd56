import type { SluicewayError } from '../errors.js';
import type { Fields } from '../http/fields.js';
import type { ClientConnection } from '../net/client-connection.js';
import type { Destination } from '../net/destination.js';
import type { ChunkSource } from '../stream/chunk-source.js';
import type { Tunnel } from '../stream/tunnel.js';

export interface RequestContent {
  source: ChunkSource;
  /** Bytes that will come, or null where only the end tells (sent chunked over HTTP/1.1). */
  length: number | null;
  /** The `Content-Length` to send where `length` is beyond 2^53 - 1 and so is only close to it. */
  lengthText?: string;
}

/** Who may use a connection again that authentication has bound to one client. */
export interface RequestClient {
  /** The connection that the client's request came on. */
  readonly connection: ClientConnection;
  /** The address of the client as a trusted proxy has told it, which may send requests of several on one connection. */
  readonly address: string | null;
}

/** What a transport is asked to send. Framing fields are the transport's own: `fields` carries none of them. */
export interface TransportRequest {
  destination: Destination;
  method: string;
  /** The request-target in origin-form, byte for byte (RFC 9112 section 3.2.1), each character one byte. */
  path: string;
  /** End-to-end fields with Host; no Connection, Content-Length or Transfer-Encoding. */
  headers: Fields;
  /** Null for no content at all. */
  content: RequestContent | null;
  /** The protocol to ask for (`Upgrade: <name>`), or null for an ordinary request. */
  upgrade: string | null;
  /** Send `Expect: 100-continue` and hold the content back until the origin server says 100 or a grace passes. */
  expectContinue: boolean;
  /**
   * The client that connection-bound authentication (NTLM, Negotiate) ties a connection to. Null, or not given: a
   * connection that is authenticated so carries this request only.
   */
  client?: RequestClient | null;
  /** Told each interim response (1xx, not 101) in order, before the promise of the response settles. */
  onInterim(head: InterimResponse): void;
  /** Told when the request, content included, has been handed to the operating system. */
  onRequestSent(): void;
}

export interface InterimResponse {
  status: number;
  statusText: string;
  headers: Fields;
}

export interface TransportResponse extends InterimResponse {
  httpVersion: '1.0' | '1.1' | '2.0';
  /**
   * Bytes to come, or null where only the end tells. 0 where the response has no content. Beyond 2^53 - 1 only close:
   * `Content-Length` in `fields` is exact.
   */
  contentLength: number | null;
  /**
   * The content. It must be started or cancelled, or its connection is held for ever. It is cancelled by
   * `Exchange.abort` too.
   */
  content: ChunkSource;
  /** The two directions after a 101; `content` is empty then. */
  tunnel: Tunnel | null;
}

/** One request under way. */
export interface Exchange {
  /** The final response head; rejects with a `SluicewayError`. */
  readonly response: Promise<TransportResponse>;
  /**
   * Gives the exchange up at any time before its content has ended: the connection is closed at once, a
   * pending `response` rejects with `error`, a running content fails with it.
   */
  abort(error: SluicewayError): void;
  /**
   * Bytes of the request that the operating system has not taken yet: an origin server that reads slowly takes a
   * chunk in many small steps, and is not idle meanwhile. Null, or no such method: a chunk counts as taken when all
   * of it is.
   */
  queuedBytes?(): number | null;
  /**
   * Address and port of the peer that the request was sent to, such as `192.0.2.1:443`, also after its connection has
   * closed. Null, or no such method: there was no connection, or that is not known.
   */
  remoteAddress?(): string | null;
}

/** Gets a response for a request. The built-in one is the wire transport; tests and users may supply another. */
export interface Transport {
  send(request: TransportRequest): Exchange;
  /** Lets running exchanges finish, keeps no idle connection. Resolves when the last one has ended. */
  close(): Promise<void>;
  /** Closes every connection now. */
  destroy(): void;
}
