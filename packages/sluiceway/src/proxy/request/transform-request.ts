import { SluicewayError } from '../../errors.js';
import { describesBytes } from '../../http/byte-description.js';
import type { Fields } from '../../http/fields.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import { type RequestTransform, runHook } from '../messages/hooks.js';
import type { UpstreamRequestDraft } from '../messages/upstream-request.js';
import { keepsContent, normalizeRequest } from './draft-request.js';
import type { RequestState } from './request-state.js';
import { changesContent, takeStreams } from './transform-streams.js';

/**
 * Declares the streams of a transform for the content of a request, and makes the head say no more than holds for what comes
 * out of them. Declares nothing if there is no content, or a hook has replaced it.
 */
export async function transformRequest(
  state: RequestState,
  transform: RequestTransform,
  request: DownstreamRequest,
  upstreamRequest: UpstreamRequestDraft,
): Promise<void> {
  const { headers, content } = upstreamRequest;
  if (!state.validated?.upload || content !== undefined || !keepsContent(upstreamRequest, request)) return;
  const changes = await changesContent(transform, request);
  const digests = changes ? removeDigests(headers) : [];
  const create = async () =>
    takeStreams('transform.request.create', await transform.create({ request, upstreamRequest }));
  const streams = await runHook(create, undefined);
  normalizeRequest(upstreamRequest);
  if (streams === undefined) {
    for (const [name, value] of digests) if (!headers.has(name)) headers.append(name, value);
    return;
  }
  state.transform = { streams, changes };
  // Without the field the whole would be replaced by the part (RFC 9110 section 14.5).
  if (changes && headers.has('content-range'))
    throw new SluicewayError('http_request_error', 'A part (Content-Range) cannot be transformed');
}

const DIGESTS: ReadonlySet<string> = new Set(['content-digest', 'content-md5', 'digest', 'repr-digest']);

function removeDigests(headers: Fields): [name: string, value: string][] {
  const removed: [string, string][] = [];
  headers.retain((name, value) => {
    if (!DIGESTS.has(name.toLowerCase())) return true;
    removed.push([name, value]);
    return false;
  });
  return removed;
}

/** Removes the trailer fields that describe exact bytes. */
export const withoutDescription = (trailers: Fields): void =>
  void trailers.retain((name) => !describesBytes(name));
