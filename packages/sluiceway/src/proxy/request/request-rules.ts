import { FilteredTrailers } from '../../stream/filtered-trailers.js';
import type { RequestContent } from '../../upstream/transport.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';
import type { HeaderSettings } from '../options/header-options.js';

/** Applies the options to a drafted request whose target is set, before hooks see it. */
export function changeRequest(
  draft: UpstreamRequestDraft,
  { host }: DownstreamRequest,
  settings: HeaderSettings,
): void {
  if (settings.host === 'client') {
    // HTTP/1.0 allows requests without a host, and an empty one names no server: keep the upstream's.
    if (host) draft.headers.set('Host', host);
  } else if (settings.host !== 'upstream') {
    draft.headers.set('Host', settings.host);
  }
  settings.request?.apply(draft.headers);
}

/** Applies the rules to the trailers of request content too. */
export function changeRequestContent(
  content: RequestContent | null,
  { request }: HeaderSettings,
): RequestContent | null {
  if (content === null || request === null) return content;
  const source = new FilteredTrailers(content.source, (trailers) => request.stop(trailers));
  return { ...content, source };
}
