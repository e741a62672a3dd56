import type { ReadonlyFields } from '../../http/fields.js';
import { findValidator, type Validator } from '../../http/validators.js';
import { onlyRange } from '../partial-content.js';
import type { TransportRequest, TransportResponse } from '../transport.js';

/**
 * What proves that the rest is of the same file: a strong validator, the length alone if the caller allows it, or a
 * digest, which is verified before the last byte is delivered.
 */
export type Proof = 'validator' | 'length' | 'digest';

/** What the rest of some content must have in common with it, and the position of the content in the representation. */
export interface ResumePoint {
  /** Null if there is none that proves anything. */
  validator: Validator | null;
  /** The entity tag, weak or strong; undefined if there is none. */
  etag: string | undefined;
  /** The `Last-Modified`, whether it is a validator or not; undefined if there is none. */
  modified: string | undefined;
  /** Content codings in lower case; '' for none. */
  coding: string;
  /** Length of the whole representation in bytes; null if unknown. */
  total: number | null;
  /** Position of the first byte of the content. */
  start: number;
  /** Position after its last byte; null if unknown. */
  end: number | null;
}

/**
 * The part that a response delivers; null if it could not be resumed. `statedLength` is the length of its content if the
 * response has no `Content-Length`; null if unknown.
 */
export function toResumePoint(
  request: TransportRequest,
  response: TransportResponse,
  proof: Proof,
  statedLength: number | null = null,
): ResumePoint | null {
  const { headers, status, contentLength, tunnel } = response;
  // Ranges are defined for GET (RFC 9110 section 14.2).
  if (request.method !== 'GET' || request.content !== null || tunnel !== null || contentLength === 0)
    return null;
  const position = locate(response, statedLength);
  if (position === null || headers.list('accept-ranges').includes('none')) return null;
  const validator = findValidator(headers);
  if (validator === null && (proof === 'validator' || position.total === null)) return null;
  const coding = codingOf(headers);
  // Usually compressed on the fly. Ranges, here or in the rest, then count bytes of the uncompressed content.
  if (coding !== '' && contentLength === null) return null;
  const part = {
    validator,
    etag: headers.get('etag'),
    modified: headers.get('last-modified'),
    coding,
    ...position,
  };
  return status === 200 || status === 206 ? part : null;
}

function locate(
  { status, headers, contentLength }: TransportResponse,
  statedLength: number | null,
): Pick<ResumePoint, 'total' | 'start' | 'end'> | null {
  if (contentLength !== null && !Number.isSafeInteger(contentLength)) return null;
  const length = contentLength ?? statedLength;
  if (status !== 206) return { total: length, start: 0, end: length };
  // Null for several parts (multipart/byteranges), each of which has its own head.
  const range = onlyRange(headers);
  if (range === null || !range.isExact) return null;
  const { first, last, total } = range;
  if (contentLength !== null && contentLength !== last - first + 1) return null;
  return { total, start: first, end: last + 1 };
}

/** The content codings of a response, in lower case; '' for none. */
export const codingOf = (headers: ReadonlyFields): string =>
  headers.has('content-encoding')
    ? headers
        .list('content-encoding')
        .map((coding) => coding.toLowerCase())
        .filter((coding) => coding !== 'identity')
        .join(', ')
    : '';

/** How the rest of some content is requested. */
export interface AskedRest {
  /** Position of the first byte that has not been delivered. */
  position: number;
  /** Position of the first requested byte. Bytes before `position` are compared with the delivered ones. */
  from: number;
  /** The request has an `If-Range`. */
  isConditional: boolean;
}
