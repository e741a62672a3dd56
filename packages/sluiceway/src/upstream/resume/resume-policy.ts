import { type ErrorCode, SluicewayError } from '../../errors.js';
import { formatRange, parseEmptyRange, parseUnsatisfiedRange } from '../../http/content-range.js';
import type { Fields, ReadonlyFields } from '../../http/fields.js';
import { parseRetryAfter } from '../../http/retry-after.js';
import { onlyRange } from '../partial-content.js';
import type { TransportResponse } from '../transport.js';
import { type AskedRest, codingOf, type ResumePoint } from './resume-point.js';
import { findOtherValidator, hasSameTag, isOfSame, isPortable, type RestContext } from './same-file.js';

/** Conditions of the client's: the response that has begun has met them, and only `If-Range` decides now. */
const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'];

/** Makes a request ask for that. */
export function askForRest(headers: Fields, part: ResumePoint, { from, isConditional }: AskedRest): void {
  for (const name of CONDITIONS) headers.delete(name);
  const isToEnd = part.end === null || part.end === part.total;
  headers.set('Range', formatRange(from, isToEnd ? null : (part.end ?? 0) - 1));
  if (isConditional && part.validator !== null) headers.set('If-Range', part.validator.value);
}

/** Where the content of a response lies that is the rest, or the next piece of it. */
export interface RestPlace {
  /** Position after the last byte that is wanted: what comes may end before it. */
  end: number;
  /** Bytes of the whole representation; null where nobody has said. */
  total: number | null;
  /** Bytes at the start of the content that have come before; all of its `length` where nothing is left. */
  skip: number;
  /** Bytes of the content. */
  length: number;
}

/** What a response to that is worth. */
export type RestVerdict =
  /** It is the rest, or the next piece of it, if its first bytes are those that were delivered. */
  | ({ kind: 'rest' } & RestPlace)
  /** There is no rest: all bytes had come when the content broke. */
  | { kind: 'nothing left' }
  /** It is a piece of so many bytes that have all come before. */
  | { kind: 'short'; length: number }
  /** The condition was answered, and says nothing: without one the answer may tell more. */
  | { kind: 'unconditional' }
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

/** Judges the head of the response to a request for the rest. */
export function checkRest(response: TransportResponse, part: ResumePoint, context: RestContext): RestVerdict {
  const { status, headers } = response;
  const { isConditional } = context;
  if (status === 206) return checkPartial(response, part, context);
  const reason = `the origin server answered ${status} to a request for the rest`;
  // WEBrick answers 304 to an `If-Range` that holds.
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

/** Whether all of a file of `total` bytes had been delivered. */
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

/** A server without ranges sends all of it again: what has come before is read and dropped, up to a limit. */
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
  // One that starts earlier than was asked for must be right about it: its length has to say the same.
  const mayStartEarlier = contentLength !== null && position - first <= MAX_SKIPPED_BYTES;
  if (first > from || (first < from && !mayStartEarlier))
    return different('the rest starts at another byte than was asked for');
  if (range.total !== null && range.total !== (part.total ?? range.total))
    return different('the rest is of a file of another length');
  const end = part.end ?? range.total;
  if (end === null || (range.total === null && proof === 'length'))
    return different('the rest is of a file of unknown length');
  if (last + 1 > end) return different('the rest ends at another byte than was asked for');
  if (contentLength !== null && contentLength !== length)
    return different('the rest is not as long as its Content-Range');
  // A server that has compared the validator need not repeat what it has said before (RFC 9110 section 15.3.7).
  const mayOmit = isConditional && proof === 'validator';
  const isProven = hasSameTag(headers, part) || from < position;
  const isOmitted = mayOmit && !headers.has('content-encoding') && isProven;
  if (codingOf(headers) !== part.coding && !isOmitted)
    return different('the rest has another content coding');
  const fault = findOtherValidator(headers, part, context, mayOmit);
  if (fault !== null) return different(fault);
  // A piece may come first.
  if (last + 1 < end && last < position) return { kind: 'short', length };
  if (last + 1 < position) return different('the rest ends before what has been delivered');
  return { kind: 'rest', end, total: range.total ?? part.total, skip: position - first, length };
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
