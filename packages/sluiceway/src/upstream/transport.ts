import type { SluicewayError } from '../errors.js';
import type { Fields } from '../http/fields.js';
import type { ClientConnection } from '../net/client-connection.js';
import type { Destination } from '../net/destination.js';
import type { ChunkSource } from '../stream/chunk-source.js';
import type { Tunnel } from '../stream/tunnel.js';

export interface RequestContent {
  source: ChunkSource;
  /** The length in bytes, or null if it is unknown (sent chunked over HTTP/1.1). */
  length: number | null;
  /** The exact `Content-Length` to send if `length` is above 2^53 - 1 and therefore inexact. */
  lengthText?: string;
}

/** Identifies the client that can reuse a connection bound by authentication. */
export interface RequestClient {
  /** The connection that the client's request came on. */
  readonly connection: ClientConnection;
  /** The client's address. From a trusted proxy, the one that it reports: it may send several clients' requests. */
  readonly address: string | null;
}

/** The request that a transport sends. The transport adds the framing fields: `headers` has none of them. */
export interface TransportRequest {
  destination: Destination;
  method: string;
  /** The request-target in origin-form, byte for byte (RFC 9112 section 3.2.1), each character one byte. */
  path: string;
  /** End-to-end fields with Host; no Connection, Content-Length or Transfer-Encoding. */
  headers: Fields;
  /** Null if the request has no content. */
  content: RequestContent | null;
  /** The protocol to ask for (`Upgrade: <name>`), or null for an ordinary request. */
  upgrade: string | null;
  /** Send `Expect: 100-continue` and hold the content back until a 100 arrives or a grace period passes. */
  expectContinue: boolean;
  /**
   * The client that connection-bound authentication (NTLM, Negotiate) binds a connection to. Null or absent: such a
   * connection carries only this request.
   */
  client?: RequestClient | null;
  /** Time to connect, if it is shorter than that of the transport. Absent: that of the transport. */
  connectTimeoutMs?: number;
  /** Most connections to the destination, if fewer than those of the transport. Absent: those of the transport. */
  maxConnections?: number;
  /** Called with each interim response (1xx, not 101) in order, before the promise of the response settles. */
  onInterim(head: InterimResponse): void;
  /** Called when the request, content included, has been handed to the operating system. */
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
   * The length of the content in bytes, or null if it is unknown. 0 if the response has no content. Inexact above
   * 2^53 - 1: `Content-Length` in `headers` is exact.
   */
  contentLength: number | null;
  /**
   * The content. Start or cancel it, or its connection stays occupied forever. `Exchange.abort` cancels it too.
   */
  content: ChunkSource;
  /** The two directions after a 101. `content` is empty then. */
  tunnel: Tunnel | null;
}

/** One running request. */
export interface Exchange {
  /** The final response head. Rejects with a `SluicewayError`. */
  readonly response: Promise<TransportResponse>;
  /**
   * Aborts the exchange at any time before its content has ended. Closes the connection at once. A pending `response`
   * rejects with `error`, and running content fails with it.
   */
  abort(error: SluicewayError): void;
  /**
   * Bytes of the request that the operating system has not taken yet. An origin server that reads slowly takes a chunk in
   * many small steps, and is not idle meanwhile. Null, or no such method: a chunk counts as taken once all of it is.
   */
  queuedBytes?(): number | null;
  /**
   * Address and port of the peer that the request was sent to, such as `192.0.2.1:443`. Available after the connection has
   * closed, too. Null, or no such method: there was no connection, or the address is not known.
   */
  remoteAddress?(): string | null;
  /** Whether it waits for a connection that is being opened. Absent: not known. */
  readonly isConnecting?: boolean;
  /**
   * Milliseconds that it took to open the connection, if it was opened for this exchange. Null or absent: an open
   * connection was used, there was none, or the time is not known.
   */
  readonly connectMs?: number | null;
}

/** Sends requests and returns responses. The default is the wire transport. Tests and users can supply another. */
export interface Transport {
  send(request: TransportRequest): Exchange;
  /** Closes idle connections and lets running exchanges finish. Resolves when the last one has ended. */
  close(): Promise<void>;
  /** Closes every connection now. */
  destroy(): void;
}
