import type { ErrorCode, Outcome } from '../../errors.js';

/** Describes a transfer that has ended: one log line, one sample of every metric. */
export interface TransferRecord {
  /** When the request arrived, ISO 8601 in UTC. */
  time: string;
  /** Unique among the processes and restarts of a machine. */
  id: string;
  /**
   * The id that a trusted proxy sent with the request, or that the client and the origin server got. `id` without the
   * option `requestId`.
   */
  requestId: string;
  /** Address of the peer as its socket shows it: the client, or a proxy before this one. Null if there is none. */
  clientAddress: string | null;
  /**
   * Address of the client as reported by `trustedProxies`, or by a framework that trusts proxies. Null if it is the same
   * as `clientAddress`, or unknown.
   */
  forwardedFor: string | null;
  /** The authority that the client asked for; null if there is none, or the request could not be read. */
  host: string | null;
  /** The client's HTTP version: `1.0`, `1.1` or `2.0`. Null in `sluiceway/fetch`, whose hosts do not provide it. */
  httpVersion: string | null;
  method: string;
  /** The path. A query appears as `?…`, since it may hold secrets. */
  path: string;
  /** Status that the client got; null if no head was sent. */
  status: number | null;
  outcome: Outcome;
  /** Content bytes handed to the client's connection. If the transfer was cut, the client may have got less. */
  bytesDown: number;
  /** Content bytes handed to the origin server's connection. */
  bytesUp: number;
  durationMs: number;
  /** From the request's arrival to the head of the origin server's final response; null if none came. */
  responseHeadMs: number | null;
  /** From the request's arrival to the response head for the client; null if none was sent. */
  firstByteMs: number | null;
  /** Scheme, host and port of the server that the last upstream request went to; null if there was none. */
  upstream: string | null;
  /**
   * Address and port of its connection (`192.0.2.1:443`, `[2001:db8::1]:443`). With an egress proxy, these are the egress
   * proxy's. Null if there was no connection, or the transport does not provide them.
   */
  upstreamAddress: string | null;
  /** HTTP version of the upstream response; null if none came. */
  upstreamHttpVersion: string | null;
  /**
   * How long the connection to that server took to open, with name resolution and TLS. Null if an open one was used, or
   * the transport does not provide it.
   */
  connectMs: number | null;
  /** Upstream requests made to get a response head, redirects included. */
  attempts: number;
  /** How often broken content was continued. */
  resumes: number;
  /** Content bytes handed to the client's connection after the first break: the client would not have got them. */
  bytesResumed: number;
  /** How often the whole file was requested because a part (206) did not meet the client's `If-Range`. */
  ifRangeRetries: number;
  /** Whether the operating system moved bytes between the connections. See the option `zeroCopy`. */
  zeroCopy: boolean;
  error: ErrorCode | null;
  /**
   * The error's message; null if `error` is null. For the operator's log, not for clients: it may name internal
   * addresses. URLs end after their host and port, and queries and credentials are removed.
   */
  errorMessage: string | null;
  /** Who sent the request, as the option `access` has found; null if unknown. */
  identity: string | null;
  /** `User-Agent`; null if there is none. */
  userAgent: string | null;
  /** `Referer` without credentials, query and fragment; null if there is none. */
  referer: string | null;
}

/** A running transfer, as observers see it. Its members are those of `TransferRecord`, with their current values. */
export interface LiveTransfer {
  readonly id: string;
  /** Can change once the request has been read. */
  readonly requestId: string;
  readonly clientAddress: string | null;
  /** Null until the request has been read. */
  readonly forwardedFor: string | null;
  /** Null until the request has been read. */
  readonly host: string | null;
  readonly httpVersion: string | null;
  readonly method: string;
  readonly path: string;
  readonly status: number | null;
  readonly bytesDown: number;
  readonly bytesUp: number;
  /** Bytes of request content that the client has announced; null if it has announced none. */
  readonly requestLength: number | null;
  /** Bytes of response content that the client has been told to expect; null if unknown, and before the head is sent. */
  readonly responseLength: number | null;
  readonly responseHeadMs: number | null;
  readonly firstByteMs: number | null;
  readonly upstream: string | null;
  readonly upstreamAddress: string | null;
  readonly upstreamHttpVersion: string | null;
  readonly connectMs: number | null;
  readonly attempts: number;
  readonly resumes: number;
  readonly bytesResumed: number;
  readonly ifRangeRetries: number;
  /** Becomes true as soon as the operating system moves bytes. */
  readonly zeroCopy: boolean;
  /** Why the transfer cannot complete. Set while the error response is being sent. */
  readonly errorMessage: string | null;
  readonly identity: string | null;
  /** Null until the request has been read. */
  readonly userAgent: string | null;
  /** Null until the request has been read. */
  readonly referer: string | null;
}

/** Watches transfers, and cannot change them. An error that an observer throws becomes a process warning. */
export interface Observer {
  onTransferStart?(transfer: LiveTransfer): void;
  /**
   * Called with each chunk of response content before it is handed to the client's connection, including content of
   * the proxy's own answers. The bytes are **borrowed**: read them during the call only, and do not change them. After
   * this has thrown, it is not called again for the same transfer.
   */
  onResponseContent?(transfer: LiveTransfer, bytes: Uint8Array): void;
  onTransferEnd?(record: TransferRecord): void;
}
