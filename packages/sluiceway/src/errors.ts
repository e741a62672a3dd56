/** Which party a failure is charged to. A client that leaves is `downstream`; our own bug is `internal`. */
export type ErrorSource = 'downstream' | 'upstream' | 'policy' | 'internal';

/**
 * How a transfer ended: a closed set, exactly one per transfer.
 *
 * - `completed` the whole response was handed to the client's connection (a tunnel ends completed)
 * - `answered` a hook answered instead of an origin server
 * - `rejected` the client's request was at fault or not authorised
 * - `client_aborted` / `client_stalled` the client left / stopped reading or sending
 * - `upstream_refused` no response head: refused, not resolved, closed before the head
 * - `upstream_timeout` no connection or no response head in time
 * - `upstream_truncated` / `upstream_stalled` the content ended early / stopped coming
 * - `upstream_invalid` the origin server broke HTTP
 * - `blocked` a policy refused the destination
 * - `limited` a configured limit ended it
 * - `shutdown` the proxy was stopped while it ran
 * - `internal` a failure of ours, or of a hook
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
  /** Status of the answer while the head is unsent; 499 is never sent and stands in no record. */
  status: number;
  outcome: Outcome;
  /** Safe for any client: names no address, path or library. */
  publicMessage: string;
}

const kind = (source: ErrorSource, status: number, outcome: Outcome, publicMessage: string): ErrorKind => ({
  source,
  status,
  outcome,
  publicMessage,
});

/**
 * Every failure that the proxy can name. Codes are RFC 9209 section 2.3 proxy error types where one fits;
 * the last group is our own.
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
  | 'http_response_status'
  | 'response_denied'
  | 'transfer_limit_reached'
  | 'too_many_redirects'
  | 'total_timeout'
  | 'shutdown'
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
  http_response_status: kind('upstream', 502, 'upstream_invalid', 'The origin server did not send the file.'),
  response_denied: kind('policy', 403, 'blocked', 'The file is not allowed.'),
  transfer_limit_reached: kind('policy', 429, 'limited', 'Too many downloads at a time.'),
  content_too_large: kind('downstream', 413, 'rejected', 'The request content is too large.'),
  too_many_redirects: kind(
    'upstream',
    502,
    'upstream_invalid',
    'The origin server redirected too often or badly.',
  ),
  total_timeout: kind('policy', 504, 'limited', 'The transfer took longer than allowed.'),
  shutdown: kind('internal', 503, 'shutdown', 'The proxy is shutting down.'),
  link_invalid: kind('policy', 403, 'rejected', 'The link is not valid.'),
  link_expired: kind('policy', 410, 'rejected', 'The link has expired.'),
  link_client: kind('policy', 403, 'rejected', 'The link is for another client.'),
  link_used: kind('policy', 403, 'rejected', 'The link has been used by another client.'),
  link_revoked: kind('policy', 410, 'rejected', 'The link has been revoked.'),
};

export interface SluicewayErrorOptions {
  cause?: unknown;
  /** Replaces the status that the code stands for. */
  status?: number;
  /** Replaces the text for the client. It must name nothing internal. */
  publicMessage?: string;
  outcome?: Outcome;
  /** Fields of the default answer: `Allow` beside 405, `WWW-Authenticate` beside 401, `Retry-After`. */
  headers?: Readonly<Record<string, string | readonly string[]>>;
  /** True only where nothing of the request can have reached the origin server. Default false. */
  retryable?: boolean;
}

/** The one error type: what went wrong, whose fault it is, and what a client may know of it. */
export class SluicewayError extends Error {
  override readonly name = 'SluicewayError';
  readonly code: ErrorCode;
  readonly source: ErrorSource;
  readonly status: number;
  readonly outcome: Outcome;
  readonly publicMessage: string;
  readonly retryable: boolean;
  /** Of the default answer, beside what every failure has. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;

  /**
   * `message` is for logs (`errorMessage` of the record) and developers, and may name addresses; clients only ever see
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
  }
}

/** Wraps whatever was thrown (a hook may throw anything) without losing it. */
export function toSluicewayError(thrown: unknown, code: ErrorCode = 'proxy_internal_error'): SluicewayError {
  if (isInstance(thrown, SluicewayError)) return thrown;
  return new SluicewayError(code, describeThrown(thrown), { cause: thrown });
}

/** What was thrown, as text. Never throws itself: not everything can be made a string of. */
export function describeThrown(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return `a value of the type ${typeof thrown}`;
  }
}

/** Whether there is something that a log can show: it throws for a revoked `Proxy`, which would end the process. */
function isReadable(cause: unknown): boolean {
  try {
    return cause !== undefined && (Object(cause) !== cause || Reflect.ownKeys(cause as object).length >= 0);
  } catch {
    return false;
  }
}

/** As `instanceof`, for anything that was thrown. Never throws itself, as that does for a revoked `Proxy`. */
export function isInstance<T>(thrown: unknown, type: abstract new (...values: never[]) => T): thrown is T {
  try {
    return thrown instanceof type;
  } catch {
    return false;
  }
}

/** What was thrown as `process.emitWarning` takes it: an error with its stack, where its members can be read. */
export function toWarning(thrown: unknown): Error | string {
  try {
    if (thrown instanceof Error && [thrown.name, thrown.message, thrown.stack].every(isPlain)) return thrown;
  } catch {
    // Then as text.
  }
  return describeThrown(thrown);
}

const isPlain = (member: unknown): boolean => member === undefined || typeof member === 'string';
