// long file: the closed lists of outcomes and error codes, with the error type that they describe.

/** The party that caused a failure. A client that disconnects is `downstream`; a bug of the proxy is `internal`. */
export type ErrorSource = 'downstream' | 'upstream' | 'policy' | 'internal';

/**
 * How a transfer ended. The set is closed, and each transfer has exactly one outcome.
 *
 * - `completed` the whole response was handed to the client's connection (also a tunnel that ended)
 * - `answered` a hook answered instead of an origin server
 * - `rejected` the client's request was invalid or not authorized
 * - `client_aborted` / `client_stalled` the client disconnected / stopped reading or sending
 * - `upstream_refused` no response head: connection refused, name not resolved, or closed before the head
 * - `upstream_timeout` no connection or no response head in time
 * - `upstream_truncated` / `upstream_stalled` the content ended early / stopped arriving
 * - `upstream_invalid` the origin server violated HTTP
 * - `blocked` a policy refused the destination
 * - `limited` a configured limit ended it
 * - `shutdown` the proxy was stopped during the transfer, or its operator aborted the transfer
 * - `internal` the proxy or a hook failed
 */
export type Outcome =
  | 'completed'
  | 'answered'
  | 'rejected'
  | 'client_aborted'
  | 'client_stalled'
  | 'upstream_refused'
  | 'upstream_timeout'
  | 'upstream_truncated'
  | 'upstream_stalled'
  | 'upstream_invalid'
  | 'blocked'
  | 'limited'
  | 'shutdown'
  | 'internal';

interface ErrorKind {
  source: ErrorSource;
  /** Status of the answer if the head is not sent yet. 499 is never sent and does not appear in records. */
  status: number;
  outcome: Outcome;
  /** Safe for any client: contains no address, path or library name. */
  publicMessage: string;
}

const kind = (source: ErrorSource, status: number, outcome: Outcome, publicMessage: string): ErrorKind => ({
  source,
  status,
  outcome,
  publicMessage,
});

/**
 * The codes of all failures. They are proxy error types of RFC 9209 section 2.3 where one fits; those of the last group
 * are Sluiceway's own.
 */
export type ErrorCode =
  | 'dns_timeout'
  | 'dns_error'
  | 'destination_unavailable'
  | 'destination_ip_prohibited'
  | 'destination_ip_unroutable'
  | 'connection_refused'
  | 'connection_terminated'
  | 'connection_timeout'
  | 'connection_read_timeout'
  | 'connection_write_timeout'
  | 'connection_limit_reached'
  | 'tls_protocol_error'
  | 'tls_certificate_error'
  | 'http_request_error'
  | 'http_request_denied'
  | 'http_response_incomplete'
  | 'http_response_header_section_size'
  | 'http_response_trailer_section_size'
  | 'http_response_transfer_coding'
  | 'http_response_timeout'
  | 'http_upgrade_failed'
  | 'http_protocol_error'
  | 'proxy_internal_error'
  | 'proxy_configuration_error'
  | 'proxy_loop_detected'
  | 'client_aborted'
  | 'client_stalled'
  | 'content_too_large'
  | 'http_response_body_size'
  | 'http_response_digest_mismatch'
  | 'digest_unavailable'
  | 'http_response_status'
  | 'response_denied'
  | 'transfer_limit_reached'
  | 'request_limit_reached'
  | 'byte_limit_reached'
  | 'limit_key_blocked'
  | 'limit_unavailable'
  | 'too_many_redirects'
  | 'total_timeout'
  | 'shutdown'
  | 'aborted_by_operator'
  | 'link_invalid'
  | 'link_expired'
  | 'link_client'
  | 'link_used'
  | 'link_revoked';

const kinds: Readonly<Record<ErrorCode, ErrorKind>> = {
  dns_timeout: kind('upstream', 504, 'upstream_timeout', 'The origin server could not be looked up in time.'),
  dns_error: kind('upstream', 502, 'upstream_refused', 'The origin server could not be looked up.'),
  destination_unavailable: kind('upstream', 503, 'upstream_refused', 'The origin server is not available.'),
  destination_ip_prohibited: kind('policy', 403, 'blocked', 'The destination is not allowed.'),
  destination_ip_unroutable: kind(
    'upstream',
    502,
    'upstream_refused',
    'The origin server could not be reached.',
  ),
  connection_refused: kind('upstream', 502, 'upstream_refused', 'The origin server refused the connection.'),
  connection_terminated: kind(
    'upstream',
    502,
    'upstream_refused',
    'The origin server closed the connection.',
  ),
  connection_timeout: kind(
    'upstream',
    504,
    'upstream_timeout',
    'The origin server did not accept a connection in time.',
  ),
  connection_read_timeout: kind('upstream', 504, 'upstream_stalled', 'The origin server stopped sending.'),
  connection_write_timeout: kind('upstream', 504, 'upstream_stalled', 'The origin server stopped reading.'),
  connection_limit_reached: kind('policy', 503, 'limited', 'Too many connections to the origin server.'),
  tls_protocol_error: kind(
    'upstream',
    502,
    'upstream_refused',
    'The secure connection to the origin server failed.',
  ),
  tls_certificate_error: kind(
    'upstream',
    502,
    'upstream_refused',
    'The certificate of the origin server is not trusted.',
  ),
  http_request_error: kind('downstream', 400, 'rejected', 'The request is not valid.'),
  http_request_denied: kind('policy', 403, 'rejected', 'The request is not allowed.'),
  http_response_incomplete: kind(
    'upstream',
    502,
    'upstream_truncated',
    'The response of the origin server was cut short.',
  ),
  http_response_header_section_size: kind(
    'upstream',
    502,
    'upstream_invalid',
    'The response head of the origin server is too large.',
  ),
  http_response_trailer_section_size: kind(
    'upstream',
    502,
    'upstream_invalid',
    'The response trailers of the origin server are too large.',
  ),
  http_response_transfer_coding: kind(
    'upstream',
    502,
    'upstream_invalid',
    'The origin server sent invalid transfer coding.',
  ),
  http_response_timeout: kind(
    'upstream',
    504,
    'upstream_timeout',
    'The origin server did not answer in time.',
  ),
  http_upgrade_failed: kind(
    'upstream',
    502,
    'upstream_invalid',
    'The origin server broke the protocol upgrade.',
  ),
  http_protocol_error: kind(
    'upstream',
    502,
    'upstream_invalid',
    'The origin server sent an invalid response.',
  ),
  proxy_internal_error: kind('internal', 500, 'internal', 'The proxy failed.'),
  proxy_configuration_error: kind('internal', 500, 'internal', 'The proxy is not configured correctly.'),
  proxy_loop_detected: kind('downstream', 508, 'rejected', 'The request has been through this proxy before.'),
  client_aborted: kind('downstream', 499, 'client_aborted', 'The client closed the connection.'),
  client_stalled: kind('downstream', 408, 'client_stalled', 'The client stopped sending or reading.'),
  http_response_body_size: kind('policy', 502, 'limited', 'The file is larger than allowed.'),
  http_response_digest_mismatch: kind(
    'upstream',
    502,
    'upstream_invalid',
    'The content of the origin server is not what it should be.',
  ),
  digest_unavailable: kind('upstream', 502, 'upstream_invalid', 'The file cannot be verified.'),
  http_response_status: kind('upstream', 502, 'upstream_invalid', 'The origin server did not send the file.'),
  response_denied: kind('policy', 403, 'blocked', 'The file is not allowed.'),
  transfer_limit_reached: kind('policy', 429, 'limited', 'Too many downloads at a time.'),
  request_limit_reached: kind('policy', 429, 'limited', 'Too many requests.'),
  byte_limit_reached: kind('policy', 429, 'limited', 'The transfer quota is used up.'),
  limit_key_blocked: kind('policy', 403, 'limited', 'The request is blocked.'),
  limit_unavailable: kind('internal', 503, 'limited', 'The server is overloaded.'),
  content_too_large: kind('downstream', 413, 'rejected', 'The request content is too large.'),
  too_many_redirects: kind(
    'upstream',
    502,
    'upstream_invalid',
    'The origin server redirected too often or badly.',
  ),
  total_timeout: kind('policy', 504, 'limited', 'The transfer took longer than allowed.'),
  shutdown: kind('internal', 503, 'shutdown', 'The proxy is shutting down.'),
  aborted_by_operator: kind('policy', 503, 'shutdown', 'An operator ended the transfer.'),
  link_invalid: kind('policy', 403, 'rejected', 'The link is not valid.'),
  link_expired: kind('policy', 410, 'rejected', 'The link has expired.'),
  link_client: kind('policy', 403, 'rejected', 'The link is for another client.'),
  link_used: kind('policy', 403, 'rejected', 'The link has been used by another client.'),
  link_revoked: kind('policy', 410, 'rejected', 'The link has been revoked.'),
};

export interface SluicewayErrorOptions {
  cause?: unknown;
  /** Replaces the status of the code. */
  status?: number;
  /** Replaces the public message. It must not contain anything internal. */
  publicMessage?: string;
  outcome?: Outcome;
  /** Fields of the default answer, such as `Allow` with 405, `WWW-Authenticate` with 401, or `Retry-After`. */
  headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Content of the default answer. Its media type is in `headers`. Default: a problem report with the public message. */
  content?: string | Uint8Array;
  /** True only if nothing of the request can have reached the origin server. Default false. */
  retryable?: boolean;
}

/** The error type of Sluiceway: what failed, which party caused it, and what a client may see. */
export class SluicewayError extends Error {
  override readonly name = 'SluicewayError';
  readonly code: ErrorCode;
  readonly source: ErrorSource;
  readonly status: number;
  readonly outcome: Outcome;
  readonly publicMessage: string;
  readonly retryable: boolean;
  /** Fields of the default answer, in addition to those of every failure. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Content of the default answer. Null: a problem report with the public message. */
  readonly content: string | Uint8Array | null;

  /**
   * `message` is for logs (`errorMessage` of the record) and developers, and can contain addresses. Clients see only
   * `publicMessage`.
   */
  constructor(code: ErrorCode, message: string, options: SluicewayErrorOptions = {}) {
    super(message, isReadable(options.cause) ? { cause: options.cause } : undefined);
    const defaults = kinds[code];
    this.code = code;
    this.source = defaults.source;
    this.status = options.status ?? defaults.status;
    this.outcome = options.outcome ?? defaults.outcome;
    this.publicMessage = options.publicMessage ?? defaults.publicMessage;
    this.retryable = options.retryable ?? false;
    this.headers = options.headers ?? {};
    this.content = options.content ?? null;
  }
}

/** Wraps a thrown value, which can be of any type. */
export function toSluicewayError(thrown: unknown, code: ErrorCode = 'proxy_internal_error'): SluicewayError {
  if (isInstance(thrown, SluicewayError)) return thrown;
  return new SluicewayError(code, describeThrown(thrown), { cause: thrown });
}

/** Describes a thrown value as text. Never throws, also for values without a string form. */
export function describeThrown(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return `a value of the type ${typeof thrown}`;
  }
}

/** Reports whether a log can show the value. Reading a revoked `Proxy` throws, which would end the process. */
function isReadable(cause: unknown): boolean {
  try {
    return cause !== undefined && (Object(cause) !== cause || Reflect.ownKeys(cause as object).length >= 0);
  } catch {
    return false;
  }
}

/** Like `instanceof`, for any thrown value. Never throws, also for a revoked `Proxy`. */
export function isInstance<T>(thrown: unknown, type: abstract new (...values: never[]) => T): thrown is T {
  try {
    return thrown instanceof type;
  } catch {
    return false;
  }
}

/** Converts a thrown value for `process.emitWarning`: an error with its stack, if its members can be read. */
export function toWarning(thrown: unknown): Error | string {
  try {
    if (thrown instanceof Error && [thrown.name, thrown.message, thrown.stack].every(isPlain)) return thrown;
  } catch {
    // Falls through to the description as text.
  }
  return describeThrown(thrown);
}

const isPlain = (member: unknown): boolean => member === undefined || typeof member === 'string';
