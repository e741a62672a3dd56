import { SluicewayError } from '../errors.js';
import { isToken } from '../http/fields.js';
import type { TransportRequest } from './transport.js';

/** One line, no spaces: whatever else is in a target would be read as part of the message by the origin server. */
const REQUEST_TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/** Methods for which an absent length would leave the origin server in doubt (RFC 9110 section 8.6). */
const EXPECTS_CONTENT = new Set(['POST', 'PUT', 'PATCH']);

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/**
 * How long request content waits for `100 Continue`. An origin server that does not know the expectation never
 * says it; a client sends after a while without it too (RFC 9110 section 10.1.1).
 */
export const CONTINUE_GRACE_MS = 1000;

/** From this status on, an answer that comes before the request is sent means: spare yourself the rest. */
export const STOPS_CONTENT_FROM = 300;

/** Throws for control data that would be read as something else on the wire. */
export function checkRequestLine({ method, path }: TransportRequest): void {
  if (!isToken(method)) throw new SluicewayError('http_request_error', 'Invalid method');
  if (!REQUEST_TARGET.test(path)) throw new SluicewayError('http_request_error', 'Invalid request target');
}

/** `Content-Length` of a request; null where there is none to be sent. */
export function requestContentLength({ method, content }: TransportRequest): string | null {
  if (content !== null)
    return content.length === null ? null : (content.lengthText ?? String(content.length));
  return EXPECTS_CONTENT.has(method) ? '0' : null;
}

/** Whether a request may be sent again that may have been received, of whose content nothing is used up. */
export const isIdempotent = (method: string): boolean => IDEMPOTENT.has(method);
