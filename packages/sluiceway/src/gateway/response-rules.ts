import { SluicewayError } from '../errors.js';
import { parseContentRange, parseEmptyRange } from '../http/content-range.js';
import type { ReadonlyFields } from '../http/fields.js';
import type { Answer, DownstreamResponseDraft } from '../proxy/messages/responses.js';
import type { TransportResponse } from '../upstream/transport.js';
import { checkContentType } from './content-types.js';
import { formatDisposition, readFileName } from './file-name.js';

/** Rules for the response to one request. */
export interface ResponseRules {
  /** The file name from the link. Null: the origin server's. */
  fileName: string | null;
  disposition: 'attachment' | 'inline';
  /** Replaces the origin server's media type. Null: no replacement. */
  contentType: string | null;
  /** Maximum bytes of the whole file. Null for no limit. */
  maxBytes: number | null;
  /** Allowed media types, such as `video/*`. Null for all. */
  contentTypes: readonly string[] | null;
  /** Whether the content of errors is relayed. It can name buckets, hosts and keys. */
  relaysErrorContent: boolean;
  /** Whether shared caches must not store the response. */
  isForOneClient: boolean;
}

/**
 * Checks an origin server's response and turns it into a download. Statuses below 400 pass, except redirects that are
 * not followed. 412 and 416 pass without their content. Throws a `SluicewayError` for all others: 404, 410, 429 and 503
 * keep their status, any other becomes 502.
 */
export function applyResponseRules(
  received: TransportResponse,
  draft: DownstreamResponseDraft,
  rules: ResponseRules,
): Answer | null {
  const { status } = received;
  const { headers } = draft;
  if (status === 416) return rangeNotSatisfiable(draft);
  if (status >= 400 && rules.relaysErrorContent) return null;
  if (status === 412) return { status };
  if (!isSuccessful(status) && status !== 304) throw refuseStatus(received);
  if (rules.isForOneClient) headers.set('Cache-Control', toPrivate(headers.list('cache-control')));
  if (status === 304) {
    // On a 304, a cache would copy these into its stored response.
    headers.delete('content-type').delete('content-disposition');
    return null;
  }
  if (status === 204) return null;
  // RFC 9110 section 15.3.7: without it, nothing says which bytes of the file these are.
  if (status === 206 && !isMultipart(draft) && !hasRange(headers))
    throw new SluicewayError('http_protocol_error', 'A part (206) has no usable Content-Range');
  checkSize(received, draft, rules.maxBytes);
  checkContentType(headers, rules.contentTypes);
  if (rules.contentType !== null && !isMultipart(draft)) headers.set('Content-Type', rules.contentType);
  const fileName = rules.fileName ?? readFileName(headers.get('content-disposition'));
  headers.set('Content-Disposition', formatDisposition(rules.disposition, fileName));
  return null;
}

/** RFC 9110 section 15.3. */
export const isSuccessful = (status: number): boolean => status >= 200 && status < 300;

/**
 * Reports whether the response has several ranges. Its media type is then multipart, and each part has its own type.
 */
const isMultipart = ({ status, headers }: DownstreamResponseDraft): boolean =>
  status === 206 && /^multipart\//i.test(headers.get('content-type') ?? '');

function hasRange(headers: ReadonlyFields): boolean {
  const value = headers.get('content-range');
  return parseContentRange(value) !== null || parseEmptyRange(value) !== null;
}

/** Replaces directives for shared caches with `private` (RFC 9111 section 5.2.2.7). */
const toPrivate = (directives: readonly string[]): string =>
  [...directives.filter((each) => !/^(?:public|private|s-maxage)(?:=|$)/i.test(each)), 'private'].join(', ');

/** The 416 has only the field that gives the length of the file. */
function rangeNotSatisfiable({ headers }: DownstreamResponseDraft): Answer {
  const range = headers.get('content-range');
  const isFine = range !== undefined && /^bytes \*\/\d+$/.test(range);
  return { status: 416, headers: isFine ? { 'Content-Range': range } : {} };
}

const KEPT_STATUSES: Readonly<Record<number, string>> = {
  404: 'The file does not exist.',
  410: 'The file no longer exists.',
  429: 'The origin server is overloaded.',
  503: 'The origin server is overloaded.',
};

function refuseStatus({ status, headers }: TransportResponse): SluicewayError {
  const publicMessage = KEPT_STATUSES[status];
  const retryAfter = headers.get('retry-after');
  const isBusy = status === 429 || status === 503;
  return new SluicewayError('http_response_status', `The origin server answered ${status}`, {
    ...(publicMessage !== undefined && { status, publicMessage }),
    ...(isBusy &&
      retryAfter !== undefined &&
      RETRY_AFTER.test(retryAfter) && { headers: { 'Retry-After': retryAfter } }),
  });
}

/**
 * Seconds or an HTTP date (RFC 9110 section 10.2.3). The strict form keeps the origin server from passing other text.
 */
const RETRY_AFTER = /^(?:\d{1,9}|[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT)$/;

function checkSize(
  received: TransportResponse,
  { headers }: DownstreamResponseDraft,
  maxBytes: number | null,
): void {
  if (maxBytes === null) return;
  const declared =
    received.status === 206
      ? readTotal(headers.get('content-range'))
      : Number(headers.get('content-length') ?? 0);
  if (declared === null)
    throw new SluicewayError(
      'http_response_body_size',
      'The length of the file is unknown: the response has a part of it',
    );
  if (declared > maxBytes)
    throw new SluicewayError(
      'http_response_body_size',
      `The file has ${declared} bytes; the limit is ${maxBytes}`,
    );
}

/** Length of the whole file. Null if the response does not give it. */
export function readTotalLength({ status, headers, contentLength }: TransportResponse): number | null {
  if (status !== 206) return contentLength;
  const total = RANGE.exec(headers.get('content-range') ?? '')?.[3];
  return total === undefined || total === '*' ? null : Number(total);
}

/** Reports whether a 206 contains the whole file. */
export function isWholeRange({ headers }: TransportResponse): boolean {
  const [, first, last, total] = RANGE.exec(headers.get('content-range') ?? '') ?? [];
  return first === '0' && total !== undefined && Number(last) + 1 === Number(total);
}

const RANGE = /^bytes (\d{1,19})-(\d{1,19})\/(\d{1,19}|\*)$/i;

/**
 * Returns the smallest possible length of the file that the range is from. Returns null if the field does not give it,
 * as with several ranges.
 */
function readTotal(contentRange: string | undefined): number | null {
  const [, last, total] = /^bytes \d+-(\d+)\/(\d+|\*)$/i.exec(contentRange ?? '') ?? [];
  if (last === undefined) return null;
  const least = Number(last) + 1;
  return total === '*' ? least : Math.max(least, Number(total));
}
