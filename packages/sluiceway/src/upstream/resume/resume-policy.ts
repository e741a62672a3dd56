import { type ErrorCode, SluicewayError } from '../../errors.js';
import {
  type ContentRange,
  formatRange,
  parseContentRange,
  parseUnsatisfiedRange,
} from '../../http/content-range.js';
import type { Fields, ReadonlyFields } from '../../http/fields.js';
import { parseRetryAfter } from '../../http/retry-after.js';
import { strongValidator, type Validator } from '../../http/validators.js';
import type { TransportRequest, TransportResponse } from '../transport.js';

/**
 * What proves that the rest comes from the same file: a strong validator; its length alone, where the caller says so;
 * or a digest, which is checked before the last byte is shown.
 */
export type Proof = 'validator' | 'length' | 'digest';

/** What must be the same about the rest of a content, and where in the representation the content lies. */
export interface Part {
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
export function toPart(request: TransportRequest, response: TransportResponse, proof: Proof): Part | null {
  const { fields, status, contentLength, tunnel } = response;
  // Ranges are defined for GET (RFC 9110 section 14.2).
  if (request.method !== 'GET' || request.content !== null || tunnel !== null || contentLength === 0)
    return null;
  const position = locate(response);
  if (position === null || fields.list('accept-ranges').includes('none')) return null;
  const validator = strongValidator(fields);
  if (validator === null && (proof === 'validator' || position.total === null)) return null;
  const coding = codingOf(fields);
  // Compressed on its way out, as a rule: ranges are then counted in what it was before, be it here or in the rest.
  if (coding !== '' && contentLength === null) return null;
  const part = { validator, etag: fields.get('etag'), coding, ...position };
  return status === 200 || status === 206 ? part : null;
}

function locate({
  status,
  fields,
  contentLength,
}: TransportResponse): Pick<Part, 'total' | 'start' | 'end'> | null {
  if (status !== 206) return { total: contentLength, start: 0, end: contentLength };
  // None where there are several parts, which lie between headings of their own (multipart/byteranges).
  const range = onlyRange(fields);
  if (range === null) return null;
  const { first, last, total } = range;
  if (contentLength !== null && contentLength !== last - first + 1) return null;
  return { total, start: first, end: last + 1 };
}

const onlyRange = (fields: ReadonlyFields): ContentRange | null => {
  const values = fields.getAll('content-range');
  // It must not stand beside several parts (RFC 9110 section 15.3.7.2), whose headings would be taken for content.
  if (values.length !== 1 || /^multipart\/byteranges\b/i.test(fields.get('content-type') ?? '')) return null;
  return parseContentRange(values[0]);
};

const codingOf = (fields: ReadonlyFields): string =>
  fields
    .list('content-encoding')
    .map((coding) => coding.toLowerCase())
    .filter((coding) => coding !== 'identity')
    .join(', ');

/** Conditions of the client's: the response that has begun has met them, and only `If-Range` decides now. */
const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'];

/** Makes a request ask for the part from `position` on. `validator` null asks on no condition. */
export function askForRest(fields: Fields, part: Part, position: number, validator: Validator | null): void {
  for (const name of CONDITIONS) fields.delete(name);
  const isToEnd = part.end === null || part.end === part.total;
  fields.set('Range', formatRange(position, isToEnd ? null : (part.end ?? 0) - 1));
  if (validator !== null) fields.set('If-Range', validator.value);
}

/** What a response to that is worth. */
export type Verdict =
  /** It is the rest, of which the position after the last byte is now known. */
  | { kind: 'rest'; end: number }
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

/** Judges the response to a request for the rest. */
export function judgeRest(response: TransportResponse, part: Part, position: number, proof: Proof): Verdict {
  const { status, fields } = response;
  if (status === 206) return judgePartial(response, part, position, proof);
  const reason = `the origin server answered ${status} to a request for the rest`;
  if (status === 416) {
    const total = parseUnsatisfiedRange(fields.get('content-range'));
    const isAll =
      total === position && isOfSame(fields, part) && (part.end === null || part.end === position);
    return isAll ? { kind: 'nothing left' } : { kind: 'different', reason };
  }
  if (GONE.has(status)) return { kind: 'gone', status, reason };
  if (BUSY.has(status))
    return { kind: 'later', afterMs: parseRetryAfter(fields.get('retry-after')) ?? 0, reason };
  return { kind: 'different', reason };
}

/** What an error says of the representation, where it says anything. */
const isOfSame = (fields: ReadonlyFields, { validator, etag }: Part): boolean =>
  (!fields.has('etag') || fields.get('etag') === etag) &&
  (validator === null || !fields.has(validator.field) || fields.get(validator.field) === validator.value);

function judgePartial(response: TransportResponse, part: Part, position: number, proof: Proof): Verdict {
  const { fields, contentLength } = response;
  const different = (reason: string): Verdict => ({ kind: 'different', reason });
  const range = onlyRange(fields);
  if (range === null) return different('the rest has no usable Content-Range');
  const { first, last, total } = range;
  if (first !== position) return different('the rest starts at another byte than was asked for');
  if (total === null || (part.total !== null && total !== part.total))
    return different('the rest is of a file of another length');
  if (last + 1 !== (part.end ?? total)) return different('the rest ends at another byte than was asked for');
  if (contentLength !== null && contentLength !== last + 1 - first)
    return different('the rest is not as long as its Content-Range');
  if (codingOf(fields) !== part.coding) return different('the rest has another content coding');
  const fault = findOtherValidator(fields, part, proof);
  return fault === null ? { kind: 'rest', end: last + 1 } : different(fault);
}

/** A digest decides by itself: mirrors have entity tags of their own. */
function findOtherValidator(fields: ReadonlyFields, { validator, etag }: Part, proof: Proof): string | null {
  if (proof === 'digest') return null;
  if (validator !== null) {
    const values = fields.getAll(validator.field);
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
