import type { DownstreamResponseDraft } from '../messages/responses.js';
import type { RequestState } from '../request/request-state.js';

/**
 * Sends the digest of a whole representation as a trailer and announces it in the head, unless the head already has or
 * announces one. Applies only if the framing already allows trailers: a `Content-Length` is more useful to a client.
 */
export function addDigestTrailer(
  { client, stages }: RequestState,
  { status, headers }: DownstreamResponseDraft,
  contentLength: number | null,
): void {
  if (client.method !== 'GET' || status !== 200 || contentLength === 0) return;
  if (!client.takesTrailers(contentLength) || headers.has('repr-digest')) return;
  if (headers.list('trailer').some((name) => name.toLowerCase() === 'repr-digest')) return;
  stages.sendsDigest = true;
  headers.append('Trailer', 'Repr-Digest');
}
