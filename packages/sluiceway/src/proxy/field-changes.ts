import { FilteredTrailers } from '../stream/filtered-trailers.js';
import type { InterimResponse, RequestContent, TransportResponse } from '../upstream/transport.js';
import type { DownstreamRequest } from './downstream-request.js';
import type { UpstreamRequestDraft } from './draft-request.js';
import type { FieldSettings } from './field-options.js';
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
  return { source, length: content.length };
}

/** What the options change of the final response of an origin server (101 included), before hooks see it. */
export function changeResponse(
  draft: DownstreamResponseDraft,
  received: TransportResponse,
  { response }: FieldSettings,
): void {
  if (response === null) return;
  response.apply(draft.fields);
  received.content = new FilteredTrailers(received.content, (trailers) => response.stop(trailers));
}

/** Interim responses: what may not pass in the final one does not pass before it. */
export function changeInterim(head: InterimResponse, { response }: FieldSettings): InterimResponse {
  response?.stop(head.fields);
  return head;
}
