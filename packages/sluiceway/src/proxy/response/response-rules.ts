import type { Fields } from '../../http/fields.js';
import { rewriteLocation } from '../../http/location.js';
import { type CookieRules, rewriteSetCookie } from '../../http/set-cookie.js';
import type { InterimResponse } from '../../upstream/transport.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { DownstreamResponseDraft } from '../messages/responses.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';
import type { HeaderSettings } from '../options/header-options.js';
import type { ContentStages } from '../request/content-stages.js';

/** Applies the options to the final response of an origin server (101 included), before hooks see it. */
export function changeResponse(
  draft: DownstreamResponseDraft,
  stages: ContentStages,
  request: DownstreamRequest,
  upstream: UpstreamRequestDraft,
  settings: HeaderSettings,
): void {
  const { response, cookies, rewritesLocation } = settings;
  if (cookies !== null) changeCookies(draft.headers, cookies, request.forwarded.proto === 'https');
  if (rewritesLocation) changeLocation(draft.headers, upstream, request.mountPath);
  if (response === null) return;
  response.apply(draft.headers);
  stages.trailerRules = [...stages.trailerRules, (trailers) => response.stop(trailers)];
}

/** Applies the options to an interim response: fields that are removed from final responses are removed here too. */
export function changeInterim(
  head: InterimResponse,
  upstream: UpstreamRequestDraft,
  mountPath: string,
  { response, cookies, rewritesLocation }: HeaderSettings,
): InterimResponse {
  // Browsers ignore cookies in interim responses, so there is nothing to rewrite.
  if (cookies !== null) head.headers.delete('Set-Cookie');
  // A 104 names the upload as the final response does (draft-ietf-httpbis-resumable-upload).
  if (rewritesLocation) changeLocation(head.headers, upstream, mountPath);
  response?.stop(head.headers);
  return head;
}

function changeCookies(fields: Fields, cookies: 'remove' | CookieRules, clientIsSecure: boolean): void {
  if (cookies === 'remove') fields.delete('Set-Cookie');
  else fields.rewrite('Set-Cookie', (line) => rewriteSetCookie(line, cookies, clientIsSecure));
}

/** Rewrites URLs of the origin server, which may use the host of the upstream's URL or the one that we sent in `Host`. */
function changeLocation(fields: Fields, upstream: UpstreamRequestDraft, mountPath: string): void {
  const base = upstream.joinedTo;
  if (base === null) return;
  const called = { ...base, host: upstream.headers.get('host') ?? base.host };
  const rewrite = (value: string): string =>
    rewriteLocation(value, base, mountPath) ?? rewriteLocation(value, called, mountPath) ?? value;
  fields.rewrite('Location', rewrite).rewrite('Content-Location', rewrite);
}
