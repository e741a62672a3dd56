import type { ErrorCode, Outcome } from '../../errors.js';

/** What is known of a transfer once it has ended: one log line, one sample of every metric. */
export interface TransferRecord {
  /** When the request arrived, ISO 8601 in UTC. */
  time: string;
  id: string;
  /** Address of the peer as its socket shows it: the client, or a proxy before this one. Null if there is none. */
  clientAddress: string | null;
  /**
   * Address of the client as `trustedProxies`, or a framework that trusts them, have told it. Null if it is
   * `clientAddress`, or not known.
   */
  forwardedFor: string | null;
  /** The authority that the client asked for; null if there is none, or the request could not be read. */
  host: string | null;
  /** The client's version of HTTP: `1.0`, `1.1` or `2.0`. Null in `sluiceway/fetch`, whose hosts do not tell. */
  httpVersion: string | null;
  method: string;
  /** The path; a query is only hinted at (`?…`), since it may hold secrets. */
  path: string;
  /** Status that the client got; null where no head was sent. */
  status: number | null;
  outcome: Outcome;
  /** Content bytes handed to the client's connection: an upper bound where the transfer was cut. */
  bytesDown: number;
  /** Content bytes handed to the origin server's connection. */
  bytesUp: number;
  durationMs: number;
  /** From the request's arrival to the head of the origin server's final response; null if none came. */
  responseHeadMs: number | null;
  /** From the request's arrival to the head that the client got, which is the first it gets; null if none was sent. */
  firstByteMs: number | null;
  /** Scheme, host and port of the server that was asked last; null if none was. */
  upstream: string | null;
  /**
   * Address and port that it was reached at (`192.0.2.1:443`, `[2001:db8::1]:443`), which are those of the egress proxy
   * if there is one. Null if there was no connection, or the transport does not tell.
   */
  upstreamAddress: string | null;
  /** Version of HTTP of the response that was relayed; null if none came. */
  upstreamHttpVersion: string | null;
  /** Upstream requests made for a response head, redirects included. */
  attempts: number;
  /** Times that a broken content was continued. */
  resumes: number;
  /** Whether the operating system has moved bytes from one connection to the other: see the option `zeroCopy`. */
  zeroCopy: boolean;
  error: ErrorCode | null;
  /**
   * What went wrong in more words; null where `error` is. For the operator's log, and never for clients: it may name
   * internal addresses. URLs are cut behind their host, and queries and credentials are left out.
   */
  errorMessage: string | null;
  /** Who sent the request, as the option `access` has found; null for nobody. */
  identity: string | null;
}

/** A transfer under way, as observers see it. Its members are those of `TransferRecord`, so far. */
export interface LiveTransfer {
  readonly id: string;
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
  readonly responseHeadMs: number | null;
  readonly firstByteMs: number | null;
  readonly upstream: string | null;
  readonly upstreamAddress: string | null;
  readonly upstreamHttpVersion: string | null;
  readonly attempts: number;
  readonly resumes: number;
  /** As in the record. True as soon as it happens. */
  readonly zeroCopy: boolean;
  /** Why the transfer cannot complete, while its answer is on its way. */
  readonly errorMessage: string | null;
  readonly identity: string | null;
}

/** Watches transfers and can change nothing. What an observer throws is reported as a warning of the process. */
export interface Observer {
  onTransferStart?(transfer: LiveTransfer): void;
  /**
   * Shows each chunk of response content before it is handed to the client's connection, whoever made it. The bytes
   * are **borrowed**: they may be read during the call only, and must not be changed. A transfer in which this has
   * thrown shows no more.
   */
  onResponseContent?(transfer: LiveTransfer, bytes: Uint8Array): void;
  onTransferEnd?(record: TransferRecord): void;
}
