import { FilteredTrailers } from '../../stream/filtered-trailers.js';
import type { RequestContent } from '../../upstream/transport.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';
import type { HeaderSettings } from '../options/header-options.js';

/** What the options change of a request that has been drafted and aimed, before hooks see it. */
export function changeRequest(
  draft: UpstreamRequestDraft,
  { host }: DownstreamRequest,
  settings: HeaderSettings,
): void {
  if (settings.host === 'client') {
    // HTTP/1.0 may do without, and an empty one names nobody: the upstream's own stays.
    if (host) draft.headers.set('Host', host);
  } else if (settings.host !== 'upstream') {
    draft.headers.set('Host', settings.host);
  }
  settings.request?.apply(draft.headers);
}

/** Request content whose trailers keep to the rules too. */
export function changeRequestContent(
  content: RequestContent | null,
  { request }: HeaderSettings,
): RequestContent | null {
  if (content === null || request === null) return content;
  const source = new FilteredTrailers(content.source, (trailers) => request.stop(trailers));
  return { ...content, source };
}
