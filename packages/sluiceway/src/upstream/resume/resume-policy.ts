import { type ErrorCode, SluicewayError } from '../../errors.js';
import { formatRange, parseUnsatisfiedRange } from '../../http/content-range.js';
import type { Fields, ReadonlyFields } from '../../http/fields.js';
import { parseRetryAfter } from '../../http/retry-after.js';
import { strongValidator, type Validator } from '../../http/validators.js';
import { onlyRange } from '../partial-content.js';
import type { TransportRequest, TransportResponse } from '../transport.js';

/**
 * What proves that the rest comes from the same file: a strong validator; its length alone, where the caller says so;
 * or a digest, which is checked before the last byte is shown.
 */
export type Proof = 'validator' | 'length' | 'digest';

/** What must be the same about the rest of a content, and where in the representation the content lies. */
export interface ResumePoint {
  /** Null where there is no strong one. */
  validator: Validator | null;
  /** The entity tag, weak or strong; undefined for none. */
  etag: string | undefined;
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
  const validator = strongValidator(headers);
  if (validator === null && (proof === 'validator' || position.total === null)) return null;
  const coding = codingOf(headers);
  // Compressed on its way out, as a rule: ranges are then counted in what it was before, be it here or in the rest.
  if (coding !== '' && contentLength === null) return null;
  const part = { validator, etag: headers.get('etag'), coding, ...position };
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

const codingOf = (fields: ReadonlyFields): string =>
  fields
    .list('content-encoding')
    .map((coding) => coding.toLowerCase())
    .filter((coding) => coding !== 'identity')
    .join(', ');

/** Conditions of the client's: the response that has begun has met them, and only `If-Range` decides now. */
const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'];

/** Makes a request ask for the part from `position` on. `validator` null asks on no condition. */
export function askForRest(
  fields: Fields,
  part: ResumePoint,
  position: number,
  validator: Validator | null,
): void {
  for (const name of CONDITIONS) fields.delete(name);
  const isToEnd = part.end === null || part.end === part.total;
  fields.set('Range', formatRange(position, isToEnd ? null : (part.end ?? 0) - 1));
  if (validator !== null) fields.set('If-Range', validator.value);
}

/** Where the content of a response lies that is the rest, or the next piece of it. */
export interface RestPlace {
  /** Position after the last byte that is wanted: what comes may end before it. */
  end: number;
  /** Bytes of the whole representation; null where nobody has said. */
  total: number | null;
  /** Bytes at the start of the content that have come before. */
  skip: number;
  /** Bytes of the content. */
  length: number;
}

/** What a response to that is worth. */
export type RestVerdict =
  /** It is the rest, or the next piece of it. */
  | ({ kind: 'rest' } & RestPlace)
  /** There is no rest: all bytes had come when the content broke. */
  | { kind: 'nothing left' }
  /** Not now; `afterMs` is what the origin server asks for, or 0. */
  | { kind: 'later'; afterMs: number; reason: string }
  /** The target is not what it was: its signature may have expired. */
  | { kind: 'gone'; status: number; reason: string }
  /** It is not, or not provably, the rest of the same file. */
  | { kind: 'different'; reason: string };

const GONE: ReadonlySet<number> = new Set([401, 403, 404, 410]);
const BUSY: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** More bytes that have come before are not read again. */
const MAX_SKIPPED_BYTES = 64 * 1024 * 1024;

/** Judges the response to a request for the rest. `isConditional` says that the request had an `If-Range`. */
export function checkRest(
  response: TransportResponse,
  part: ResumePoint,
  position: number,
  proof: Proof,
  isConditional: boolean,
): RestVerdict {
  const { status, headers } = response;
  if (status === 206) return checkPartial(response, part, position, proof, isConditional);
  const reason = `the origin server answered ${status} to a request for the rest`;
  if (status === 200) return checkWhole(response, part, position) ?? { kind: 'different', reason };
  if (status === 416) {
    const [value, ...more] = new Set(headers.getAll('content-range'));
    const total = more.length > 0 ? null : parseUnsatisfiedRange(value);
    const isAll =
      total === position &&
      isOfSame(headers, part) &&
      (part.total ?? position) === position &&
      (part.end ?? position) === position;
    return isAll ? { kind: 'nothing left' } : { kind: 'different', reason };
  }
  if (GONE.has(status)) return { kind: 'gone', status, reason };
  if (BUSY.has(status))
    return { kind: 'later', afterMs: parseRetryAfter(headers.get('retry-after')) ?? 0, reason };
  return { kind: 'different', reason };
}

/** What an error says of the representation, where it says anything. */
const isOfSame = (fields: ReadonlyFields, { validator, etag }: ResumePoint): boolean =>
  (!fields.has('etag') || fields.get('etag') === etag) &&
  (validator === null || !fields.has(validator.field) || fields.get(validator.field) === validator.value);

/** Whether a response is of the same state of the representation by a strong entity tag. */
export const hasSameTag = (fields: ReadonlyFields, { validator }: ResumePoint): boolean =>
  validator?.field === 'ETag' && fields.getAll('etag').length === 1 && fields.get('etag') === validator.value;

/** A server without ranges sends all of it again: what has come before is read and dropped, up to a limit. */
function checkWhole(response: TransportResponse, part: ResumePoint, position: number): RestVerdict | null {
  const { headers, contentLength } = response;
  if (contentLength === null || !hasSameTag(headers, part) || codingOf(headers) !== part.coding) return null;
  if (contentLength !== (part.total ?? contentLength) || contentLength !== (part.end ?? contentLength))
    return null;
  if (position >= contentLength || position > MAX_SKIPPED_BYTES) return null;
  return { kind: 'rest', end: contentLength, total: contentLength, skip: position, length: contentLength };
}

function checkPartial(
  response: TransportResponse,
  part: ResumePoint,
  position: number,
  proof: Proof,
  isConditional: boolean,
): RestVerdict {
  const { headers, contentLength } = response;
  const different = (reason: string): RestVerdict => ({ kind: 'different', reason });
  const range = onlyRange(headers);
  if (range === null || !range.isExact) return different('the rest has no usable Content-Range');
  const { first, last, length } = range;
  // One that starts earlier must be right about it: its length has to say the same.
  const mayStartEarlier = contentLength !== null && position - first <= MAX_SKIPPED_BYTES;
  if (first > position || last < position || (first < position && !mayStartEarlier))
    return different('the rest starts at another byte than was asked for');
  if (range.total !== null && range.total !== (part.total ?? range.total))
    return different('the rest is of a file of another length');
  const end = part.end ?? range.total;
  if (end === null || (range.total === null && proof === 'length'))
    return different('the rest is of a file of unknown length');
  // A piece may come first, where it is known of how much.
  const mayEndEarlier = part.end !== null && last + 1 < end;
  if (last + 1 !== end && !mayEndEarlier)
    return different('the rest ends at another byte than was asked for');
  if (contentLength !== null && contentLength !== length)
    return different('the rest is not as long as its Content-Range');
  // A server that has compared the validator need not repeat what it has said before (RFC 9110 section 15.3.7).
  const mayOmit = isConditional && proof === 'validator';
  const isOmitted = mayOmit && !headers.has('content-encoding') && hasSameTag(headers, part);
  if (codingOf(headers) !== part.coding && !isOmitted)
    return different('the rest has another content coding');
  const fault = findOtherValidator(headers, part, proof, mayOmit);
  const total = range.total ?? part.total;
  return fault === null ? { kind: 'rest', end, total, skip: position - first, length } : different(fault);
}

/** A digest decides by itself: mirrors have entity tags of their own. */
function findOtherValidator(
  fields: ReadonlyFields,
  { validator, etag }: ResumePoint,
  proof: Proof,
  mayOmit: boolean,
): string | null {
  if (proof === 'digest') return null;
  if (validator !== null) {
    const values = fields.getAll(validator.field);
    // An entity tag is always repeated.
    if (values.length === 0 && mayOmit && validator.field === 'Last-Modified' && !fields.has('etag'))
      return null;
    return values.length === 1 && values[0] === validator.value
      ? null
      : `the rest has another ${validator.field}, or none`;
  }
  return fields.get('etag') === etag ? null : 'the rest has another ETag';
}

/** Failures of content that leave what came before as it was. Broken framing is none: what was the content then? */
const BREAKS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'http_response_incomplete',
  'connection_terminated',
  'connection_read_timeout',
  'tls_protocol_error',
]);

export const isBreak = (error: Error): error is SluicewayError =>
  error instanceof SluicewayError && BREAKS.has(error.code);

/** Whether another attempt may fare better: not after a refusal of ours, or of a certificate. */
export const mayPass = (error: SluicewayError): boolean =>
  (error.source === 'upstream' && error.code !== 'tls_certificate_error') ||
  error.code === 'connection_limit_reached';

const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 8000;

/** How long to wait before an attempt, after so many in vain: nothing at first, then twice as long each time, half of it by chance. */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  if (failures === 0) return 0;
  const ms = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failures - 1));
  return ms / 2 + (ms / 2) * random();
}

/** The break stays what the transfer fails with; why it could not be mended is for the log. */
export function lost(broken: SluicewayError, reason: string): SluicewayError {
  const { code, status, outcome, publicMessage } = broken;
  return new SluicewayError(code, `${broken.message}, and it was not continued: ${reason}`, {
    cause: broken,
    status,
    outcome,
    publicMessage,
  });
}
