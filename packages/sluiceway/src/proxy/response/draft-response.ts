import { removeByteDescription } from '../../http/byte-description.js';
import { removeHopByHopFromResponse } from '../../http/hop-by-hop.js';
import { announcedTrailers, retainTrailers } from '../../http/trailers.js';
import { offeredProtocols } from '../../http/upgrade.js';
import { appendVia } from '../../http/via.js';
import type { InterimResponse, TransportResponse } from '../../upstream/transport.js';
import type { DownstreamResponseDraft, UpstreamResponse } from '../messages/responses.js';
import type { Profile } from '../options/profiles.js';
import type { ContentStages, TrailerRule } from '../request/content-stages.js';
import { isContentless } from './respond.js';

/**
 * Drafts the head for the client: what may pass of the origin server's. Changes `received.fields`. The same holds for its
 * trailers.
 */
export function draftDownstreamResponse(
  stages: ContentStages,
  received: TransportResponse,
  profile: Profile,
  proxyName: string,
  takesTrailers: boolean,
): DownstreamResponseDraft {
  const { headers, status } = received;
  const announced = takesTrailers && headers.has('trailer') ? announcedTrailers(headers) : null;
  const offered = status === 426 && profile.upgrades ? offeredProtocols(headers) : '';
  const nominated = removeHopByHopFromResponse(headers);
  const allowed = profile.responseHeaders;
  if (allowed !== 'all') headers.retain((name) => mayPass(name, allowed));
  if (nominated !== null || allowed !== 'all') {
    const rule: TrailerRule = (trailers) =>
      void retainTrailers(trailers, nominated)?.retain((name) => mayPass(name, allowed));
    stages.trailerRules = [...stages.trailerRules, rule];
  }
  // Somebody else's server has shown that it honours ranges: a client that is cut off may go on through us.
  if (status === 206 && allowed !== 'all' && headers.has('content-range') && !headers.has('accept-ranges'))
    headers.set('Accept-Ranges', 'bytes');
  // RFC 9110 section 8.6: never in 204, and Node would send it.
  if (status === 204) headers.delete('content-length');
  for (const [name, value] of Object.entries(profile.setResponseHeaders)) headers.set(name, value);
  const trailers = announced?.filter((name) => mayPass(name, allowed));
  if (trailers !== undefined) headers.set('Trailer', trailers);
  if (offered !== '') headers.set('Upgrade', offered);
  if (profile.forwarded) appendVia(headers, received.httpVersion, proxyName);
  return { status, statusText: received.statusText, headers, content: undefined };
}

const mayPass = (name: string, allowed: Profile['responseHeaders']): boolean =>
  allowed === 'all' || allowed.has(name.toLowerCase());

/** An interim head without what is meant for our connection only. */
export function draftInterim(head: InterimResponse, allowed: Profile['responseHeaders']): InterimResponse {
  removeHopByHopFromResponse(head.headers);
  if (allowed !== 'all') head.headers.retain((name) => mayPass(name, allowed));
  // RFC 9110 section 8.6: never in 1xx. There are clients that wait for so much content.
  head.headers.delete('content-length');
  return head;
}

/** What hooks may read of the response while they change the draft. */
export function toUpstreamResponse(received: TransportResponse): UpstreamResponse {
  const { status, statusText, httpVersion, contentLength } = received;
  const headers = received.headers.clone();
  removeHopByHopFromResponse(headers);
  return { status, statusText, httpVersion, contentLength, headers };
}

/**
 * After a hook: the length is what will be sent, and replaced content takes its description along. `announced` is what the
 * origin server has said of it; default: what the draft says.
 */
export function normalizeFraming(
  draft: DownstreamResponseDraft,
  contentLength: number | null,
  method: string,
  announced: string | undefined = draft.headers.get('content-length'),
): void {
  const { headers } = draft;
  headers.delete('transfer-encoding');
  // Trailers follow content of the origin server's, where there is any.
  if (draft.content !== undefined || isContentless(method, draft.status)) headers.delete('trailer');
  if (draft.content !== undefined) {
    removeByteDescription(headers);
    headers.delete('content-encoding');
  } else if (!isContentless(method, draft.status)) {
    if (contentLength === null) headers.delete('content-length');
    else if (Number.isSafeInteger(contentLength)) headers.set('Content-Length', String(contentLength));
    else headers.set('Content-Length', announced ?? String(BigInt(contentLength)));
  }
}
