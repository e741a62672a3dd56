import type { ClientExchange } from '../../downstream/exchange.js';
import { DigestTrailer } from '../../stream/digest-trailer.js';
import type { TransportResponse } from '../../upstream/transport.js';
import type { DownstreamResponseDraft } from '../messages/responses.js';

/**
 * Has the digest of a whole representation follow it, where none is in the head or announced, and where a trailer can be
 * sent without a change of the framing: a `Content-Length` is worth more to a client. Announces it in the head.
 */
export function addDigestTrailer(
  client: ClientExchange,
  { status, fields }: DownstreamResponseDraft,
  received: TransportResponse,
): void {
  const { contentLength } = received;
  if (client.method !== 'GET' || status !== 200 || contentLength === 0) return;
  if (!client.takesTrailers(contentLength) || fields.has('repr-digest')) return;
  if (fields.list('trailer').some((name) => name.toLowerCase() === 'repr-digest')) return;
  received.content = new DigestTrailer(received.content);
  fields.append('Trailer', 'Repr-Digest');
}
