import { SluicewayError } from '../../errors.js';
import {
  announceWithoutDescription,
  removeByteDescription,
  restoreByteDescription,
  weakenByteDescription,
} from '../../http/byte-description.js';
import { hasCacheDirective } from '../../http/cache-control.js';
import type { Fields } from '../../http/fields.js';
import type { TransportResponse } from '../../upstream/transport.js';
import { type ResponseMessages, type ResponseTransform, runHook } from '../messages/hooks.js';
import type { RequestState } from '../request/request-state.js';
import { discardStreams, takeStreams } from '../request/transform-streams.js';
import { Interception } from './interception.js';
import { isContentless } from './respond.js';

/** Asks for all of the content: a range of changed content is not the same range of the origin server's content. */
export function askForWhole(fields: Fields): void {
  fields.delete('range').delete('if-range');
}

/**
 * Requests the whole content: a range of changed content differs from the same range of the origin server's content.
 */
export async function applyTransform(
  state: RequestState,
  transform: ResponseTransform,
  changes: boolean,
  messages: ResponseMessages,
  received: TransportResponse,
): Promise<void> {
  const { upstreamResponse, response, request } = messages;
  const { headers } = response;
  if (transform instanceof Interception) return transform.apply(state, messages, received);
  if (received.tunnel !== null || response.content !== undefined) return;
  if (changes) {
    // RFC 9110 section 7.7. A directive in the request is ignored: otherwise a client could turn the transform off.
    if (hasCacheDirective(upstreamResponse.headers, 'no-transform')) return;
    if (received.status === 206)
      throw new SluicewayError(
        'http_protocol_error',
        'A part (206) that was not requested cannot be transformed',
      );
    if (response.status === 304) weakenByteDescription(headers);
  }
  if (isContentless('GET', response.status)) return;

  const removed = changes ? removeByteDescription(headers) : [];
  const streams = await runHook(
    async () => takeStreams('transform.response.create', await transform.create(messages)),
    undefined,
  );
  if (streams === undefined) {
    restoreByteDescription(headers, removed);
    return;
  }
  if (changes) announceWithoutDescription(headers);
  const isUnused = request.method === 'HEAD' || response.content !== undefined;
  if (isUnused || state.transfer.isAborted) discardStreams(streams);
  else state.stages.transform = { kind: 'streams', streams, changes };
}
