import { SluicewayError } from '../errors.js';
import { type ContentRange, parseContentRange } from '../http/content-range.js';
import type { ReadonlyFields } from '../http/fields.js';
import type { TransportResponse } from './transport.js';

/**
 * The byte range that the content of a 206 covers, by its head; null if there is none. Multipart content has a range in
 * each part, and must not have a `Content-Range` in the head (RFC 9110 section 15.3.7.2).
 */
export function onlyRange(fields: ReadonlyFields): ContentRange | null {
  const values = fields.getAll('content-range');
  return values.length === 1 && !isMultipart(fields) ? parseContentRange(values[0]) : null;
}

const isMultipart = (fields: ReadonlyFields): boolean =>
  /^multipart\/byteranges\b/i.test(fields.get('content-type') ?? '');

/** The error if the head of a part (206) contradicts itself about the length of its content; null if it does not. */
export function findRangeFault(method: string, response: TransportResponse): SluicewayError | null {
  const { headers, contentLength } = response;
  if (!isPart(method, response)) return null;
  if (new Set(headers.getAll('content-range')).size > 1)
    return new SluicewayError('http_protocol_error', 'A part (206) has several Content-Range fields');
  const length = parseContentRange(headers.get('content-range'))?.length ?? null;
  if (length === null || contentLength === null || contentLength === length) return null;
  const message = `A part (206) has ${length} bytes by its Content-Range, but ${contentLength} by its Content-Length`;
  return new SluicewayError('http_protocol_error', message);
}

/**
 * The length in bytes that the `Content-Range` of a part (206) states, if nothing else gives the length of its content;
 * null otherwise.
 *
 * Also null for content with a coding and a framing that marks its end: servers that compress content on the fly leave
 * the `Content-Range` of the uncompressed content.
 */
export function statedLength(method: string, response: TransportResponse): number | null {
  const { headers, contentLength } = response;
  if (contentLength !== null || !isPart(method, response)) return null;
  const length = parseContentRange(headers.get('content-range'))?.length ?? null;
  return isCoded(headers) && isEndMarked(response) ? null : length;
}

const isPart = (method: string, { status, headers, tunnel }: TransportResponse): boolean =>
  status === 206 && method !== 'HEAD' && tunnel === null && !isMultipart(headers);

export const isCoded = (fields: ReadonlyFields): boolean =>
  fields.list('content-encoding').some((coding) => coding.toLowerCase() !== 'identity');

/** Whether the framing marks the end of content of unknown length, and not only the close of the connection. */
export const isEndMarked = ({ httpVersion, headers }: TransportResponse): boolean =>
  httpVersion === '2.0' || headers.has('transfer-encoding');
