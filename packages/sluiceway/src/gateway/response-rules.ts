import { SluicewayError } from '../errors.js';
import type { Answer, DownstreamResponseDraft } from '../proxy/messages/responses.js';
import type { TransportResponse } from '../upstream/transport.js';
import { checkContentType } from './content-types.js';
import { formatDisposition, readFileName } from './file-name.js';

/** What holds for the response to one request. */
export interface ResponseRules {
  /** The name that the link gives the file; null for the origin server's. */
  fileName: string | null;
  disposition: 'attachment' | 'inline';
  /** Replaces the origin server's; null for that. */
  contentType: string | null;
  /** Of the whole file; null for no limit. */
  maxBytes: number | null;
  /** Media types that may pass, `video/*` among them; null for all. */
  contentTypes: readonly string[] | null;
  /** Whether the content of errors passes: it may name buckets, hosts and keys. */
  relaysErrorContent: boolean;
  /** Whether others must not get it from a cache. */
  isForOneClient: boolean;
}

/**
 * Judges a response of an origin server whose errors are none of the client's business, and makes a download of it.
 * Statuses below 400 pass, but for redirects that nobody follows; 412 and 416 pass without their content. Throws a
 * `SluicewayError` for all else: 404, 410, 429 and 503 keep their status, any other becomes 502.
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
    // A cache would take them over into the response that it has.
    headers.delete('content-type').delete('content-disposition');
    return null;
  }
  if (status === 204) return null;
  checkSize(received, draft, rules.maxBytes);
  checkContentType(headers, rules.contentTypes);
  if (rules.contentType !== null && !isMultipart(draft)) headers.set('Content-Type', rules.contentType);
  const fileName = rules.fileName ?? readFileName(headers.get('content-disposition'));
  headers.set('Content-Disposition', formatDisposition(rules.disposition, fileName));
  return null;
}

/** RFC 9110 section 15.3. */
export const isSuccessful = (status: number): boolean => status >= 200 && status < 300;

/** Several ranges in one response: the media type says how to read them, and each part has one of its own. */
const isMultipart = ({ status, headers }: DownstreamResponseDraft): boolean =>
  status === 206 && /^multipart\//i.test(headers.get('content-type') ?? '');

/** The same but for shared caches, which must not keep it (RFC 9111 section 5.2.2.7). */
const toPrivate = (directives: readonly string[]): string =>
  [...directives.filter((each) => !/^(?:public|private|s-maxage)(?:=|$)/i.test(each)), 'private'].join(', ');

/** What a client that wants to know the length of the file gets, and no more. */
function rangeNotSatisfiable({ headers }: DownstreamResponseDraft): Answer {
  const range = headers.get('content-range');
  const isFine = range !== undefined && /^bytes \*\/\d+$/.test(range);
  return { status: 416, headers: isFine ? { 'Content-Range': range } : {} };
}

const KEPT_STATUSES: Readonly<Record<number, string>> = {
  404: 'The file is not there.',
  410: 'The file is not there any more.',
  429: 'The origin server has too much to do.',
  503: 'The origin server has too much to do.',
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

/** Seconds or an HTTP date (RFC 9110 section 10.2.3), and nothing that an origin server could tell otherwise. */
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
      'Nobody can tell how large the file is of which this is a part',
    );
  if (declared > maxBytes)
    throw new SluicewayError(
      'http_response_body_size',
      `The file has ${declared} bytes, ${maxBytes} are allowed`,
    );
}

/** Of the whole file; null where the response does not say. */
export function readTotalLength({ status, headers, contentLength }: TransportResponse): number | null {
  if (status !== 206) return contentLength;
  const total = RANGE.exec(headers.get('content-range') ?? '')?.[3];
  return total === undefined || total === '*' ? null : Number(total);
}

/** Whether a 206 has all of the file. */
export function isWholeRange({ headers }: TransportResponse): boolean {
  const [, first, last, total] = RANGE.exec(headers.get('content-range') ?? '') ?? [];
  return first === '0' && total !== undefined && Number(last) + 1 === Number(total);
}

const RANGE = /^bytes (\d{1,19})-(\d{1,19})\/(\d{1,19}|\*)$/i;

/** Of how many bytes a range is a part, at the least; null where it does not say, as for several ranges at once. */
function readTotal(contentRange: string | undefined): number | null {
  const [, last, total] = /^bytes \d+-(\d+)\/(\d+|\*)$/i.exec(contentRange ?? '') ?? [];
  if (last === undefined) return null;
  const least = Number(last) + 1;
  return total === '*' ? least : Math.max(least, Number(total));
}
