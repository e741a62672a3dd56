import { SluicewayError } from '../errors.js';
import { type ContentRange, parseContentRange } from '../http/content-range.js';
import type { ReadonlyFields } from '../http/fields.js';
import type { TransportResponse } from './transport.js';

/**
 * The one range in bytes of which a 206 says that it is its content; null where it does not say. Several parts lie between
 * headings of their own, and a `Content-Range` must not stand beside them (RFC 9110 section 15.3.7.2).
 */
export function onlyRange(fields: ReadonlyFields): ContentRange | null {
  const values = fields.getAll('content-range');
  return values.length === 1 && !isMultipart(fields) ? parseContentRange(values[0]) : null;
}

const isMultipart = (fields: ReadonlyFields): boolean =>
  /^multipart\/byteranges\b/i.test(fields.get('content-type') ?? '');

/** Why the head of a part (206) contradicts itself about the length of its content; null where it does not. */
export function findRangeFault(method: string, response: TransportResponse): SluicewayError | null {
  const { headers, contentLength } = response;
  if (!isPart(method, response)) return null;
  if (new Set(headers.getAll('content-range')).size > 1)
    return new SluicewayError('http_protocol_error', 'A part (206) with several Content-Range fields');
  const length = parseContentRange(headers.get('content-range'))?.length ?? null;
  if (length === null || contentLength === null || contentLength === length) return null;
  const message = `A part (206) of ${length} bytes by its Content-Range, ${contentLength} by its Content-Length`;
  return new SluicewayError('http_protocol_error', message);
}

/**
 * Bytes that the `Content-Range` of a part (206) states, where nothing else tells the length of its content; null
 * otherwise.
 *
 * Content with a coding of which only its framing tells the end has no such length: servers that compress what they
 * send leave the `Content-Range` of what it was before.
 */
export function statedLength(method: string, response: TransportResponse): number | null {
  const { headers, contentLength } = response;
  if (contentLength !== null || !isPart(method, response)) return null;
  const length = parseContentRange(headers.get('content-range'))?.length ?? null;
  return isCoded(headers) && isEndMarked(response) ? null : length;
}

const isPart = (method: string, { status, headers, tunnel }: TransportResponse): boolean =>
  status === 206 && method !== 'HEAD' && tunnel === null && !isMultipart(headers);

const isCoded = (fields: ReadonlyFields): boolean =>
  fields.list('content-encoding').some((coding) => coding.toLowerCase() !== 'identity');

/** Whether the end of content of unknown length is more than the end of a connection. */
const isEndMarked = ({ httpVersion, headers }: TransportResponse): boolean =>
  httpVersion === '2.0' || headers.has('transfer-encoding');
