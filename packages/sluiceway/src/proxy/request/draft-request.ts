import { announceWithoutDescription } from '../../http/byte-description.js';
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

/** Drafts the upstream request from the client's, without hop-by-hop fields and those that the profile does not allow. */
export function draftUpstreamRequest(
  { downstream, consumed, grantedFields }: Pick<ValidRequest, 'downstream' | 'consumed' | 'grantedFields'>,
  profile: Profile,
  proxyName: string,
  forwarded: HeaderSettings['forwarded'] = NOT_FORWARDED,
): UpstreamRequestDraft {
  const fields = downstream.headers.clone();
  for (const name of consumed) fields.delete(name);
  grantedFields?.removeFrom(fields);
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

/**
 * Announces the trailers that the client has announced. Called for content of unknown length. If a transform changes the
 * content, those that describe exact bytes are left out.
 */
export function announceTrailers(
  draft: UpstreamRequestDraft,
  downstream: DownstreamRequest,
  isChanged: boolean,
): void {
  if (!downstream.headers.has('trailer')) return;
  draft.headers.set('Trailer', announcedTrailers(downstream.headers));
  if (isChanged) announceWithoutDescription(draft.headers);
}

/**
 * Whether the client's content is sent on. It is not if a hook has changed the method to GET or HEAD: content has no
 * meaning there, and servers that do not read it would parse it as a request (RFC 9110 section 9.3.1).
 */
export function keepsContent(draft: UpstreamRequestDraft, downstream: DownstreamRequest): boolean {
  return draft.method === downstream.method || (draft.method !== 'GET' && draft.method !== 'HEAD');
}

/** Removes framing and upgrade fields that a hook has set: the transport writes them when it sends the request. */
export function normalizeRequest(draft: UpstreamRequestDraft): void {
  draft.headers.retain((name) => !isFramingField(name));
}

/**
 * Fields that the proxy sets itself for each request: the framing and `Expect`. It also sets `Host`, but in the place
 * of the client's, which is usually the first field (RFC 9110 section 7.2).
 */
function isOwnField(name: string): boolean {
  return isNamed(name, 'content-length') || isNamed(name, 'expect');
}
