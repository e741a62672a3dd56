import { appendCdnLoop } from '../../http/cdn-loop.js';
import { isNamed } from '../../http/fields.js';
import { acceptsTrailers, isFramingField, removeHopByHop } from '../../http/hop-by-hop.js';
import { maxForwards } from '../../http/max-forwards.js';
import { announcedTrailers } from '../../http/trailers.js';
import { appendVia } from '../../http/via.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import { UpstreamRequestDraft } from '../messages/upstream-request.js';
import type { HeaderSettings } from '../options/header-options.js';
import type { Profile } from '../options/profiles.js';
import type { ValidRequest } from './validate-request.js';

const NOT_FORWARDED: HeaderSettings['forwarded'] = { port: false, prefix: false };

/** Drafts the upstream request: what may pass of the client's, without what is meant for our connection only. */
export function draftUpstreamRequest(
  { downstream, consumed }: Pick<ValidRequest, 'downstream' | 'consumed'>,
  profile: Profile,
  proxyName: string,
  forwarded: HeaderSettings['forwarded'] = NOT_FORWARDED,
): UpstreamRequestDraft {
  const fields = downstream.headers.clone();
  for (const name of consumed) fields.delete(name);
  const trailers = acceptsTrailers(downstream.headers);
  removeHopByHop(fields);
  const allowed = profile.requestHeaders;
  if (allowed === 'all') fields.retain((name) => !isOwnField(name));
  else fields.retain((name) => allowed.has(name.toLowerCase()));
  const { port, prefix } = forwarded;
  const extras = { port, prefix: prefix ? downstream.mountPath : null };
  const draft = new UpstreamRequestDraft(downstream, fields, extras);
  const forwards = maxForwards(downstream.method, fields);
  if (forwards !== null) fields.set('Max-Forwards', String(forwards - 1));
  if (profile.forwarded) {
    if (trailers) fields.append('TE', 'trailers');
    draft.setForwarded();
    appendVia(fields, downstream.httpVersion, proxyName);
    appendCdnLoop(fields, proxyName);
  }
  return draft;
}

/** Announces, with content that only its end delimits, the trailers that the client has announced. */
export function announceTrailers(draft: UpstreamRequestDraft, downstream: DownstreamRequest): void {
  if (downstream.headers.has('trailer')) draft.headers.set('Trailer', announcedTrailers(downstream.headers));
}

/**
 * Whether the client's content is sent on. Not where a hook has made a GET or HEAD of another method: content has no
 * meaning there, and servers that do not read it would take it for a request (RFC 9110 section 9.3.1).
 */
export function keepsContent(draft: UpstreamRequestDraft, downstream: DownstreamRequest): boolean {
  return draft.method === downstream.method || (draft.method !== 'GET' && draft.method !== 'HEAD');
}

/** After a hook: what frames the message or changes its protocol is ours, and is written when it is sent. */
export function normalizeRequest(draft: UpstreamRequestDraft): void {
  draft.headers.retain((name) => !isFramingField(name));
}

/**
 * Fields that are made anew for each request: the framing, and the expectation, which is ours to keep. `Host` is
 * too, but takes the place of the client's, which is the first one as a rule (RFC 9110 section 7.2).
 */
function isOwnField(name: string): boolean {
  return isNamed(name, 'content-length') || isNamed(name, 'expect');
}
