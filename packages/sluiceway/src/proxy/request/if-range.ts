import type { ReadonlyFields } from '../../http/fields.js';
import { parseHttpDate } from '../../http/http-date.js';
import type { Sent } from '../../upstream/send.js';
import type { TransportRequest } from '../../upstream/transport.js';

/**
 * Reports whether a part (206) is of another state of the file than the client requested with `If-Range`. The whole
 * file would be the right answer (RFC 9110 section 13.1.5). Many origin servers ignore the condition, and the client
 * would combine two files. A part that does not repeat the validator is not a contradiction.
 */
export function contradictsIfRange({ request, response }: Sent): boolean {
  if (response.status !== 206 || request.method !== 'GET' || !request.headers.has('range')) return false;
  const condition = request.headers.get('if-range')?.trim();
  if (condition === undefined) return false;
  return parseHttpDate(condition) === null
    ? isOther(response.headers, 'etag', (tag) => tag === condition)
    : isOther(response.headers, 'last-modified', (date) => isSameTime(date, condition));
}

const isOther = (headers: ReadonlyFields, name: string, isSame: (value: string) => boolean): boolean =>
  headers.getAll(name).some((value) => !isSame(value));

const isSameTime = (one: string, other: string): boolean =>
  one === other || parseHttpDate(one) === parseHttpDate(other);

/** Returns the same request for the whole file. */
export function askForAll(request: TransportRequest): TransportRequest {
  const headers = request.headers.clone();
  headers.delete('range');
  headers.delete('if-range');
  return { ...request, headers };
}
