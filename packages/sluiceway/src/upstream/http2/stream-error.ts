import { type ErrorCode, SluicewayError } from '../../errors.js';

/** The codes of RFC 9113 section 7, by number: the name, and the error for a request without a response head. */
const CODES: readonly (readonly [name: string, beforeHead: ErrorCode])[] = [
  ['NO_ERROR', 'connection_terminated'],
  ['PROTOCOL_ERROR', 'http_protocol_error'],
  ['INTERNAL_ERROR', 'connection_terminated'],
  ['FLOW_CONTROL_ERROR', 'http_protocol_error'],
  ['SETTINGS_TIMEOUT', 'connection_terminated'],
  ['STREAM_CLOSED', 'http_protocol_error'],
  ['FRAME_SIZE_ERROR', 'http_protocol_error'],
  ['REFUSED_STREAM', 'connection_terminated'],
  ['CANCEL', 'connection_terminated'],
  ['COMPRESSION_ERROR', 'http_protocol_error'],
  ['CONNECT_ERROR', 'connection_terminated'],
  // Our side sends it for a field section beyond the limits. Origin servers use it for a whole connection.
  ['ENHANCE_YOUR_CALM', 'http_response_header_section_size'],
  ['INADEQUATE_SECURITY', 'tls_protocol_error'],
  ['HTTP_1_1_REQUIRED', 'http_protocol_error'],
];

const REFUSED_STREAM = 7;
const HTTP_1_1_REQUIRED = 13;

/**
 * How often a request is retried that a GOAWAY reports as unprocessed (RFC 9113 section 6.8). Servers limit the requests
 * of one connection: of many requests, some fail on the next connection as well.
 */
export const MAX_UNPROCESSED = 5;

/** Whether the code states that the origin server has not processed the request (RFC 9113 section 8.7). */
export const isUnprocessed = (code: number): boolean => code === REFUSED_STREAM || code === HTTP_1_1_REQUIRED;

/** Why a request has to be sent over HTTP/1.1: the cause of the error that it fails with. */
export class Http1Wanted extends Error {
  override readonly name = 'Http1Wanted';
}

export const nameOfCode = (code: number): string => CODES[code]?.[0] ?? `code ${code}`;

/** The error of a stream that was reset with `code`. `received` is null before the head. */
export function toStreamError(code: number, received: number | null, cause: Error | null): SluicewayError {
  const options = {
    cause: code === HTTP_1_1_REQUIRED ? new Http1Wanted('HTTP_1_1_REQUIRED') : (cause ?? undefined),
  };
  const name = nameOfCode(code);
  if (received !== null) {
    const message = `The stream was reset (${name}) after ${received} content bytes`;
    return new SluicewayError('http_response_incomplete', message, options);
  }
  const errorCode = CODES[code]?.[1] ?? 'http_protocol_error';
  const message = `The stream was reset (${name}) before a response head`;
  return new SluicewayError(errorCode, message, { ...options, retryable: isUnprocessed(code) });
}

/** Content that has been used up cannot be sent again. */
export const notRetryable = (error: SluicewayError): SluicewayError =>
  error.retryable ? new SluicewayError(error.code, error.message, { cause: error.cause }) : error;
