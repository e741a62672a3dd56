import { SluicewayError } from '../errors.js';
import { isToken } from '../http/fields.js';
import type { TransportRequest } from './transport.js';

/** One line without spaces. The origin server would read other characters as part of the message. */
const REQUEST_TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/** Methods that need a `Content-Length` even without content (RFC 9110 section 8.6). */
const EXPECTS_CONTENT = new Set(['POST', 'PUT', 'PATCH']);

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/**
 * How long request content waits for `100 Continue`. An origin server that does not support the expectation never sends
 * it, and a client must not wait indefinitely (RFC 9110 section 10.1.1).
 */
export const CONTINUE_GRACE_MS = 1000;

/** From this status on, a response that arrives before the request is sent stops the request content. */
export const STOPS_CONTENT_FROM = 300;

/** Throws if the method or target is not valid on the wire. */
export function checkRequestLine({ method, path }: TransportRequest): void {
  if (!isToken(method)) throw new SluicewayError('http_request_error', 'Invalid method');
  if (!REQUEST_TARGET.test(path)) throw new SluicewayError('http_request_error', 'Invalid request target');
}

/** The `Content-Length` of a request; null if none is sent. */
export function requestContentLength({ method, content }: TransportRequest): string | null {
  if (content !== null)
    return content.length === null ? null : (content.lengthText ?? String(content.length));
  return EXPECTS_CONTENT.has(method) ? '0' : null;
}

/** Whether a request that the origin server may have received can be sent again, if no content has been used up. */
export const isIdempotent = (method: string): boolean => IDEMPOTENT.has(method);
