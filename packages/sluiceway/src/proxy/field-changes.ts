import type { Fields } from '../http/fields.js';
import { rewriteLocation } from '../http/location.js';
import { type CookieRules, rewriteSetCookie } from '../http/set-cookie.js';
import { FilteredTrailers } from '../stream/filtered-trailers.js';
import type { InterimResponse, RequestContent, TransportResponse } from '../upstream/transport.js';
import type { DownstreamRequest } from './request/downstream-request.js';
import type { UpstreamRequestDraft } from './request/draft-request.js';
import type { FieldSettings } from './options/field-options.js';
import type { DownstreamResponseDraft } from './hooks.js';

/** What the options change of a request that has been drafted and aimed, before hooks see it. */
export function changeRequest(
  draft: UpstreamRequestDraft,
  { host }: DownstreamRequest,
  settings: FieldSettings,
): void {
  if (settings.host === 'client') {
    // HTTP/1.0 may do without, and an empty one names nobody: the upstream's own stays.
    if (host) draft.fields.set('Host', host);
  } else if (settings.host !== 'upstream') {
    draft.fields.set('Host', settings.host);
  }
  settings.request?.apply(draft.fields);
}

/** Request content whose trailers keep to the rules too. */
export function changeRequestContent(
  content: RequestContent | null,
  { request }: FieldSettings,
): RequestContent | null {
  if (content === null || request === null) return content;
  const source = new FilteredTrailers(content.source, (trailers) => request.stop(trailers));
  return { ...content, source };
}

/** What the options change of the final response of an origin server (101 included), before hooks see it. */
export function changeResponse(
  draft: DownstreamResponseDraft,
  received: TransportResponse,
  request: DownstreamRequest,
  upstream: UpstreamRequestDraft,
  settings: FieldSettings,
): void {
  const { response, cookies, rewritesLocation } = settings;
  if (cookies !== null) changeCookies(draft.fields, cookies, request.forwarded.proto === 'https');
  if (rewritesLocation) changeLocation(draft.fields, upstream, request.mountPath);
  if (response === null) return;
  response.apply(draft.fields);
  received.content = new FilteredTrailers(received.content, (trailers) => response.stop(trailers));
}

/** Interim responses: what may not pass in the final one does not pass before it. */
export function changeInterim(
  head: InterimResponse,
  upstream: UpstreamRequestDraft,
  mountPath: string,
  { response, cookies, rewritesLocation }: FieldSettings,
): InterimResponse {
  // Browsers take no cookies from them, so there is nothing to rewrite.
  if (cookies !== null) head.fields.delete('Set-Cookie');
  // A 104 names the upload as the final response does (draft-ietf-httpbis-resumable-upload).
  if (rewritesLocation) changeLocation(head.fields, upstream, mountPath);
  response?.stop(head.fields);
  return head;
}

function changeCookies(fields: Fields, cookies: 'remove' | CookieRules, clientIsSecure: boolean): void {
  if (cookies === 'remove') fields.delete('Set-Cookie');
  else fields.rewrite('Set-Cookie', (line) => rewriteSetCookie(line, cookies, clientIsSecure));
}

/** The origin server may name itself as we know it, or as we have called it in `Host`. */
function changeLocation(fields: Fields, upstream: UpstreamRequestDraft, mountPath: string): void {
  const base = upstream.joinedTo;
  if (base === null) return;
  const called = { ...base, host: upstream.fields.get('host') ?? base.host };
  const rewrite = (value: string): string =>
    rewriteLocation(value, base, mountPath) ?? rewriteLocation(value, called, mountPath) ?? value;
  fields.rewrite('Location', rewrite).rewrite('Content-Location', rewrite);
}
