import { type ErrorCode, SluicewayError } from '../../errors.js';
import { toConnectError } from '../../net/connect-error.js';

/** How far a request got before it failed. */
export type Phase = 'waiting' | 'sent' | 'answered';

/** Codes of undici that mean the same in every phase. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  UND_ERR_CONNECT_TIMEOUT: 'connection_timeout',
  UND_ERR_HEADERS_TIMEOUT: 'http_response_timeout',
  UND_ERR_BODY_TIMEOUT: 'connection_read_timeout',
  UND_ERR_HEADERS_OVERFLOW: 'http_response_header_section_size',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'http_response_incomplete',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'http_request_error',
  UND_ERR_PRX_TLS: 'tls_protocol_error',
  UND_ERR_DESTROYED: 'shutdown',
  UND_ERR_CLOSED: 'shutdown',
  UND_ERR_INVALID_ARG: 'proxy_configuration_error',
  UND_ERR_NOT_SUPPORTED: 'proxy_configuration_error',
};

/** Translates an error of a dispatcher. It is retryable only if the request has not been sent. */
export function translateError(error: unknown, phase: Phase): SluicewayError {
  if (error instanceof SluicewayError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  const options = { cause: error, retryable: phase === 'waiting' };
  const isParserError = error instanceof Error && error.name === 'HTTPParserError';
  if (isParserError) return new SluicewayError(...parserError(message, phase, error));
  // An invalid length causes a mismatch before any content.
  const isBadLength = code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' && phase !== 'answered';
  const known = isBadLength ? 'http_protocol_error' : CODES[code];
  if (known !== undefined) return new SluicewayError(known, message, options);
  if (phase === 'answered') return new SluicewayError('http_response_incomplete', message, options);
  // The socket was closed, or the origin server broke HTTP in a way for which undici has no code.
  if (code === 'UND_ERR_SOCKET') return new SluicewayError('connection_terminated', message, options);
  const connect = toConnectError(error);
  return new SluicewayError(connect.code, connect.message, options);
}

/** Translates an error of undici's parser, for which undici 7 has no codes. */
function parserError(
  message: string,
  phase: Phase,
  cause: unknown,
): ConstructorParameters<typeof SluicewayError> {
  if (phase !== 'answered') return ['http_protocol_error', message, { cause }];
  if (message.includes('EOF')) return ['http_response_incomplete', message, { cause }];
  return ['http_response_transfer_coding', message, { cause, outcome: 'upstream_invalid' }];
}
