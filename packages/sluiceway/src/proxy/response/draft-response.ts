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
 * The length that the head for the client gets although the origin server sends none; null if none. Announced trailers
 * may hold the digest of the content, so its end must stay open until they have arrived.
 */
export const lengthToAdd = (
  { statedLength }: ContentStages,
  { headers }: TransportResponse,
): number | null => (headers.has('trailer') ? null : statedLength);

/**
 * Drafts the head for the client from the origin server's, without hop-by-hop fields and those that the profile does not
 * allow. Changes `received.headers`. Adds a rule that does the same for trailers.
 */
export function draftDownstreamResponse(
  stages: ContentStages,
  received: TransportResponse,
  profile: Profile,
  proxyName: string,
  takesTrailers: boolean,
): DownstreamResponseDraft {
  const { headers, status } = received;
  const length = lengthToAdd(stages, received);
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
  // The origin server has shown that it supports ranges: a client that is cut off can continue through us.
  if (status === 206 && allowed !== 'all' && headers.has('content-range') && !headers.has('accept-ranges'))
    headers.set('Accept-Ranges', 'bytes');
  // Clients, and proxies on the way to them, can tell a break of content with a length.
  if (length !== null) headers.set('Content-Length', String(length));
  // RFC 9110 section 8.6: never in a 204. Node would send it.
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

/** Drafts an interim head, without hop-by-hop fields and those that the profile does not allow. */
export function draftInterim(head: InterimResponse, allowed: Profile['responseHeaders']): InterimResponse {
  removeHopByHopFromResponse(head.headers);
  if (allowed !== 'all') head.headers.retain((name) => mayPass(name, allowed));
  // RFC 9110 section 8.6: never in a 1xx. Some clients would wait for that much content.
  head.headers.delete('content-length');
  return head;
}

/** The response as hooks can read it while they change the draft. */
export function toUpstreamResponse(received: TransportResponse): UpstreamResponse {
  const { status, statusText, httpVersion, contentLength } = received;
  const headers = received.headers.clone();
  removeHopByHopFromResponse(headers);
  return { status, statusText, httpVersion, contentLength, headers };
}

/**
 * After a hook: sets the length to what will be sent, and removes fields that describe replaced content. `announced` is
 * the origin server's `Content-Length`; default: the draft's.
 */
export function normalizeFraming(
  draft: DownstreamResponseDraft,
  contentLength: number | null,
  method: string,
  announced: string | undefined = draft.headers.get('content-length'),
): void {
  const { headers } = draft;
  headers.delete('transfer-encoding');
  // Only content of the origin server has trailers.
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
