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
