import { emptySource } from '../stream/chunk-source.js';
import { DISCARD_LIMITS, discard } from '../stream/discard.js';
import type { TransportRequest, TransportResponse } from './transport.js';

/**
 * Whether a HEAD is sent as GET, of whose response only the head is used: `never`, `always`, or if the origin server
 * refuses HEAD with 403, 405 or 501 (`fallback`). URLs that are signed for GET answer 403 to HEAD.
 */
export type HeadConversion = 'never' | 'fallback' | 'always';

const REFUSALS: ReadonlySet<number> = new Set([403, 405, 501]);

export const refusesHead = (status: number): boolean => REFUSALS.has(status);

/** The same request as GET, without a range: ranges do not apply to HEAD (RFC 9110 section 14.2). */
export function askWithGet(request: TransportRequest): TransportRequest {
  const headers = request.headers.clone();
  headers.delete('range').delete('if-range');
  return { ...request, method: 'GET', headers };
}

/** Turns a response to GET into one to HEAD. Reads short content, to keep the connection. */
export function withoutContent(response: TransportResponse): TransportResponse {
  const { content, contentLength } = response;
  if (contentLength !== null && contentLength <= DISCARD_LIMITS.maxBytes) discard(content, DISCARD_LIMITS);
  else content.cancel();
  return { ...response, contentLength: 0, content: emptySource };
}
