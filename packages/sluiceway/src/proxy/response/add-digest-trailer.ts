import type { DownstreamResponseDraft } from '../messages/responses.js';
import type { RequestState } from '../request/request-state.js';

/**
 * Has the digest of a whole representation follow it, where none is in the head or announced, and where a trailer can be
 * sent without a change of the framing: a `Content-Length` is worth more to a client. Announces it in the head.
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
