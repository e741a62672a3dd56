import { type ErrorCode, SluicewayError } from '../errors.js';
import { isNamed, type ReadonlyFields } from './fields.js';

/**
 * How the end of a message's content is determined (RFC 9112 section 6.3). `length` is in bytes. Beyond 2^53 - 1 it is
 * an approximation; `text` is exact and is what to forward.
 */
export type ContentFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number; readonly text?: string }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' };

const NONE: ContentFraming = Object.freeze({ kind: 'none' });
const CHUNKED: ContentFraming = Object.freeze({ kind: 'chunked' });
const CLOSE: ContentFraming = Object.freeze({ kind: 'close' });
const NO_BYTES: ContentFraming = Object.freeze({ kind: 'length', length: 0 });

const MAX_LENGTH = 2n ** 63n - 1n;

/** Results of `readFramingFields` that are not lengths. */
const UNFRAMED = -1;
const IS_CHUNKED = -2;

/** The error codes for bad framing in one direction. */
interface Faults {
  length: ErrorCode;
  coding: ErrorCode;
}

const RESPONSE_FAULTS: Faults = { length: 'http_protocol_error', coding: 'http_response_transfer_coding' };
const REQUEST_FAULTS: Faults = { length: 'http_request_error', coding: 'http_request_error' };

/**
 * Decides where the content of a response ends. Throws a `SluicewayError` for framing that two recipients could
 * interpret differently. This is stricter than RFC 9112 section 6.3: it refuses several Content-Length fields even with
 * equal values, Content-Length with Transfer-Encoding, and any coding other than a single `chunked`.
 */
export function decideResponseFraming(
  requestMethod: string,
  status: number,
  httpVersion: '1.0' | '1.1',
  fields: ReadonlyFields,
): ContentFraming {
  const contentless =
    requestMethod === 'HEAD' ||
    status === 204 ||
    status === 304 ||
    status < 200 ||
    (requestMethod === 'CONNECT' && status < 300);
  const framing = readFramingFields(httpVersion, fields, contentless, RESPONSE_FAULTS);
  if (contentless) return NONE;
  return framing === UNFRAMED ? CLOSE : toFraming(framing);
}

/**
 * Decides where the content of a request from Node's server ends. A request without framing fields has no content.
 * Throws `http_request_error` by the same rules, since Node accepts `Transfer-Encoding: gzip, chunked` and
 * Transfer-Encoding in HTTP/1.0.
 */
export function decideRequestFraming(httpVersion: '1.0' | '1.1', fields: ReadonlyFields): ContentFraming {
  const framing = readFramingFields(httpVersion, fields, false, REQUEST_FAULTS);
  if (framing === UNFRAMED) return NONE;
  const text = framing > Number.MAX_SAFE_INTEGER ? fields.get('content-length') : undefined;
  return text === undefined ? toFraming(framing) : { kind: 'length', length: framing, text };
}

/**
 * Refuses heads of HTTP/1 requests that Node's server wrongly accepts: a version other than 1.0 and 1.1 (505; Node
 * accepts `HTTP/0.9` and `HTTP/2.0`), no Host in HTTP/1.1, several Host fields, or a Host that is not `uri-host [":"
 * port]` (400, RFC 9112 section 3.2). Returns the version.
 */
export function checkRequestHead(httpVersion: string, fields: ReadonlyFields): '1.0' | '1.1' {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    throw new SluicewayError('http_request_error', `HTTP/${httpVersion} in an HTTP/1 request`, {
      status: 505,
    });
  }
  const raw = fields.raw;
  let host: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (!isNamed(raw[i] ?? '', 'host')) continue;
    if (host !== undefined)
      throw new SluicewayError('http_request_error', 'The request has more than one Host field');
    host = raw[i + 1];
  }
  if (host === undefined) {
    if (httpVersion === '1.1')
      throw new SluicewayError('http_request_error', 'The request has no Host field');
  } else if (!isHostValue(host)) {
    throw new SluicewayError('http_request_error', 'The request has an invalid Host field');
  }
  return httpVersion;
}

/**
 * Reports whether the text has only characters of `uri-host [":" port]` (RFC 3986 section 3.2.2). It may be empty.
 * Excludes `@`, `/`, `\`, `?`, `#` and spaces, which recipients interpret differently.
 */
export const isHostValue = (text: string): boolean => HOST_VALUE.test(text);

const HOST_VALUE = /^[!$%&'()*+,\-.0-9:;=A-Z[\]_a-z~]*$/;

/** Returns a length in bytes, UNFRAMED or IS_CHUNKED. Makes one pass and allocates nothing. */
function readFramingFields(
  httpVersion: '1.0' | '1.1',
  fields: ReadonlyFields,
  ignoreCodings: boolean,
  faults: Faults,
): number {
  const raw = fields.raw;
  let length = UNFRAMED;
  let coded = false;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    if (isNamed(name, 'content-length')) {
      if (length !== UNFRAMED) throw new SluicewayError(faults.length, 'More than one Content-Length field');
      length = parseContentLength(value, faults.length);
    } else if (!ignoreCodings && isNamed(name, 'transfer-encoding')) {
      if (coded) throw new SluicewayError(faults.coding, 'More than one Transfer-Encoding field');
      if (httpVersion === '1.0') throw new SluicewayError(faults.coding, 'Transfer-Encoding in HTTP/1.0');
      if (!isNamed(value, 'chunked'))
        throw new SluicewayError(faults.coding, 'A transfer coding other than chunked');
      coded = true;
    }
  }
  if (!coded) return length;
  if (length !== UNFRAMED) throw new SluicewayError(faults.length, 'Content-Length with Transfer-Encoding');
  return IS_CHUNKED;
}

/**
 * Parses 1*DIGIT up to 2^63 - 1, the limit of Go and nginx (RFC 9110 section 8.6). The comma of a list is refused.
 * Beyond 2^53 - 1 the number is an approximation: no real content is that long, and a transfer of such content never
 * completes.
 */
function parseContentLength(value: string, fault: ErrorCode): number {
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) throw new SluicewayError(fault, 'Content-Length is not a number');
    length = length * 10 + digit;
  }
  if (value === '') throw new SluicewayError(fault, 'Content-Length is empty');
  if (length <= Number.MAX_SAFE_INTEGER) return length;
  // The first condition avoids parsing a much longer number.
  if (length > 2 ** 65 || BigInt(value) > MAX_LENGTH)
    throw new SluicewayError(fault, 'Content-Length is too large');
  return Number(value);
}

function toFraming(framing: number): ContentFraming {
  if (framing === IS_CHUNKED) return CHUNKED;
  return framing === 0 ? NO_BYTES : { kind: 'length', length: framing };
}
