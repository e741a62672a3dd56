import { type ErrorCode, SluicewayError } from '../../errors.js';
import { formatRange, parseEmptyRange, parseUnsatisfiedRange } from '../../http/content-range.js';
import type { Fields, ReadonlyFields } from '../../http/fields.js';
import { parseRetryAfter } from '../../http/retry-after.js';
import { onlyRange } from '../partial-content.js';
import type { TransportResponse } from '../transport.js';
import { type AskedRest, codingOf, type ResumePoint } from './resume-point.js';
import { findOtherValidator, hasSameTag, isOfSame, isPortable, type RestContext } from './same-file.js';

/** The client's conditions. The response that has begun has met them, and now only `If-Range` matters. */
const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'];

/** Sets the fields of a request for the rest. */
export function askForRest(headers: Fields, part: ResumePoint, { from, isConditional }: AskedRest): void {
  for (const name of CONDITIONS) headers.delete(name);
  const isToEnd = part.end === null || part.end === part.total;
  headers.set('Range', formatRange(from, isToEnd ? null : (part.end ?? 0) - 1));
  if (isConditional && part.validator !== null) headers.set('If-Range', part.validator.value);
}

/** The position of the content of a response that is the rest, or the next piece of it. */
export interface RestPlace {
  /** Position after the last needed byte. The content may end before it. */
  end: number;
  /** Length of the whole representation in bytes; null if unknown. */
  total: number | null;
  /** Bytes at the start of the content that were delivered before. Equals `length` if nothing is left. */
  skip: number;
  /** Length of the content in bytes. */
  length: number;
}

/** The result of checking a response to a request for the rest. */
export type RestVerdict =
  /** It is the rest, or the next piece of it, if its first bytes match the delivered ones. */
  | ({ kind: 'rest' } & RestPlace)
  /** There is no rest: all bytes had arrived when the content broke. */
  | { kind: 'nothing left' }
  /** It is a piece of `length` bytes, all of which were delivered before. */
  | { kind: 'short'; length: number }
  /** The answer to the condition proves nothing. A request without the condition may. */
  | { kind: 'unconditional' }
  /** Try later, after `afterMs` if the origin server has asked for a delay; otherwise it is 0. */
  | { kind: 'later'; afterMs: number; reason: string }
  /** The target is not available: for example, its signature may have expired. */
  | { kind: 'gone'; status: number; reason: string }
  /** It is not, or not provably, the rest of the same file. */
  | { kind: 'different'; reason: string };

const GONE: ReadonlySet<number> = new Set([401, 403, 404, 410]);
const BUSY: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Most delivered bytes that are read again. */
const MAX_SKIPPED_BYTES = 64 * 1024 * 1024;

/** Checks the head of the response to a request for the rest. */
export function checkRest(response: TransportResponse, part: ResumePoint, context: RestContext): RestVerdict {
  const { status, headers } = response;
  const { isConditional } = context;
  if (status === 206) return checkPartial(response, part, context);
  const reason = `the origin server answered ${status} to a request for the rest`;
  // WEBrick answers 304 to an `If-Range` that matches.
  if (status === 304 && isConditional) return { kind: 'unconditional' };
  if (status === 200) {
    const fault = findOtherValidator(headers, part, context, false);
    if (fault !== null || context.proof !== 'validator') return { kind: 'different', reason };
    return isConditional
      ? { kind: 'unconditional' }
      : (checkWhole(response, part, context) ?? { kind: 'different', reason });
  }
  if (status === 416) {
    const [value, ...more] = new Set(headers.getAll('content-range'));
    const total = more.length > 0 ? null : parseUnsatisfiedRange(value);
    return isAll(total, headers, part, context) ? { kind: 'nothing left' } : { kind: 'different', reason };
  }
  if (GONE.has(status)) return { kind: 'gone', status, reason };
  if (BUSY.has(status))
    return { kind: 'later', afterMs: parseRetryAfter(headers.get('retry-after')) ?? 0, reason };
  return { kind: 'different', reason };
}

/** Whether all of a file of `total` bytes was delivered. */
function isAll(
  total: number | null,
  headers: ReadonlyFields,
  part: ResumePoint,
  { position, proof, isSamePlace }: RestContext,
): boolean {
  if (total !== position || (part.total ?? total) !== total || (part.end ?? total) !== total) return false;
  const meansTheSame =
    isSamePlace || proof !== 'validator' || part.validator === null || isPortable(part.validator);
  return meansTheSame && isOfSame(headers, part);
}

/** A server without ranges sends the whole file again. Delivered bytes are read and dropped, up to a limit. */
function checkWhole(
  response: TransportResponse,
  part: ResumePoint,
  { position }: RestContext,
): RestVerdict | null {
  const { headers, contentLength } = response;
  if (contentLength === null || codingOf(headers) !== part.coding) return null;
  if (contentLength !== (part.total ?? contentLength) || contentLength !== (part.end ?? contentLength))
    return null;
  if (position >= contentLength || position > MAX_SKIPPED_BYTES) return null;
  return { kind: 'rest', end: contentLength, total: contentLength, skip: position, length: contentLength };
}

function checkPartial(response: TransportResponse, part: ResumePoint, context: RestContext): RestVerdict {
  const { headers, contentLength } = response;
  const { position, from, proof, isConditional } = context;
  const different = (reason: string): RestVerdict => ({ kind: 'different', reason });
  const range = onlyRange(headers);
  if (range === null || !range.isExact) {
    const total = parseEmptyRange(headers.get('content-range'));
    return isAll(total, headers, part, context)
      ? { kind: 'nothing left' }
      : different('the rest has no usable Content-Range');
  }
  const { first, last, length } = range;
  // If a range starts earlier than requested, its length has to confirm it.
  const mayStartEarlier = contentLength !== null && position - first <= MAX_SKIPPED_BYTES;
  if (first > from || (first < from && !mayStartEarlier))
    return different('the rest does not start at the requested byte');
  if (range.total !== null && range.total !== (part.total ?? range.total))
    return different('the rest is of a file of a different length');
  const end = part.end ?? range.total;
  if (end === null || (range.total === null && proof === 'length'))
    return different('the rest is of a file of unknown length');
  if (last + 1 > end) return different('the rest does not end at the requested byte');
  if (contentLength !== null && contentLength !== length)
    return different('the length of the rest differs from its Content-Range');
  // A server that has compared the validator can omit fields that it has sent before (RFC 9110 section 15.3.7).
  const mayOmit = isConditional && proof === 'validator';
  const isProven = hasSameTag(headers, part) || from < position;
  const isOmitted = mayOmit && !headers.has('content-encoding') && isProven;
  if (codingOf(headers) !== part.coding && !isOmitted)
    return different('the rest has a different content coding');
  const fault = findOtherValidator(headers, part, context, mayOmit);
  if (fault !== null) return different(fault);
  // The server may send only a piece.
  if (last + 1 < end && last < position) return { kind: 'short', length };
  if (last + 1 < position) return different('the rest ends before the first missing byte');
  return { kind: 'rest', end, total: range.total ?? part.total, skip: position - first, length };
}

/** Failures that leave the content before them valid. Broken framing is not one: it leaves unclear what was content. */
const BREAKS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'http_response_incomplete',
  'connection_terminated',
  'connection_read_timeout',
  'tls_protocol_error',
]);

export const isBreak = (error: Error): error is SluicewayError =>
  error instanceof SluicewayError && BREAKS.has(error.code);

/** Whether another attempt may succeed. Not if we have refused the request, or a certificate is not valid. */
export const mayPass = (error: SluicewayError): boolean =>
  (error.source === 'upstream' && error.code !== 'tls_certificate_error') ||
  error.code === 'connection_limit_reached';

const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 8000;

/** How long to wait after `failures` failed attempts: not at all at first, then exponentially longer, half of it random. */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  if (failures === 0) return 0;
  const ms = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failures - 1));
  return ms / 2 + (ms / 2) * random();
}

/** The error of a transfer that could not be resumed: that of the break, with the reason in its message for the log. */
export function lost(broken: SluicewayError, reason: string): SluicewayError {
  const { code, status, outcome, publicMessage } = broken;
  return new SluicewayError(code, `${broken.message}, and it was not continued: ${reason}`, {
    cause: broken,
    status,
    outcome,
    publicMessage,
  });
}
