import type { ReadonlyFields } from '../../http/fields.js';
import { findValidator, type Validator } from '../../http/validators.js';
import { onlyRange } from '../partial-content.js';
import type { TransportRequest, TransportResponse } from '../transport.js';

/**
 * What proves that the rest comes from the same file: a strong validator; its length alone, where the caller says so;
 * or a digest, which is checked before the last byte is shown.
 */
export type Proof = 'validator' | 'length' | 'digest';

/** What must be the same about the rest of a content, and where in the representation the content lies. */
export interface ResumePoint {
  /** Null where there is none that proves anything. */
  validator: Validator | null;
  /** The entity tag, weak or strong; undefined for none. */
  etag: string | undefined;
  /** The `Last-Modified`, whether it is a validator or not; undefined for none. */
  modified: string | undefined;
  /** Content codings in lower case; '' for none. */
  coding: string;
  /** Bytes of the whole representation; null where they are not known. */
  total: number | null;
  /** Position of the first byte of the content. */
  start: number;
  /** Position after its last byte; null where only the end tells. */
  end: number | null;
}

/** The part that a response is about to deliver; null where a break in it could never be mended. */
export function toResumePoint(
  request: TransportRequest,
  response: TransportResponse,
  proof: Proof,
): ResumePoint | null {
  const { headers, status, contentLength, tunnel } = response;
  // Ranges are defined for GET (RFC 9110 section 14.2).
  if (request.method !== 'GET' || request.content !== null || tunnel !== null || contentLength === 0)
    return null;
  const position = locate(response);
  if (position === null || headers.list('accept-ranges').includes('none')) return null;
  const validator = findValidator(headers);
  if (validator === null && (proof === 'validator' || position.total === null)) return null;
  const coding = codingOf(headers);
  // Compressed on its way out, as a rule: ranges are then counted in what it was before, be it here or in the rest.
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

function locate({
  status,
  headers,
  contentLength,
}: TransportResponse): Pick<ResumePoint, 'total' | 'start' | 'end'> | null {
  if (contentLength !== null && !Number.isSafeInteger(contentLength)) return null;
  if (status !== 206) return { total: contentLength, start: 0, end: contentLength };
  // None where there are several parts, which lie between headings of their own (multipart/byteranges).
  const range = onlyRange(headers);
  if (range === null || !range.isExact) return null;
  const { first, last, total } = range;
  if (contentLength !== null && contentLength !== last - first + 1) return null;
  return { total, start: first, end: last + 1 };
}

/** The content codings of a response, in lower case; '' for none. */
export const codingOf = (headers: ReadonlyFields): string =>
  headers
    .list('content-encoding')
    .map((coding) => coding.toLowerCase())
    .filter((coding) => coding !== 'identity')
    .join(', ');

/** How the rest of a content is asked for. */
export interface AskedRest {
  /** Position of the first byte that has not been delivered. */
  position: number;
  /** Position of the first byte that is asked for. Those before `position` are compared with what was delivered. */
  from: number;
  /** The request has an `If-Range`. */
  isConditional: boolean;
}
