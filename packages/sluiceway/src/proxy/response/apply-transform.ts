import { Duplex } from 'node:stream';
import { SluicewayError } from '../../errors.js';
import {
  announceWithoutDescription,
  removeByteDescription,
  restoreByteDescription,
  weakenByteDescription,
} from '../../http/byte-description.js';
import { hasCacheDirective } from '../../http/cache-control.js';
import type { Fields } from '../../http/fields.js';
import { findTouch } from '../../stream/untouched.js';
import type { TransportResponse } from '../../upstream/transport.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import { type ResponseMessages, runHook, type Transform } from '../messages/hooks.js';
import type { RequestState } from '../request/request-state.js';
import { Interception } from './interception.js';
import { isContentless } from './respond.js';

/** Whether the transform changes what this client gets. */
export async function changesContent(
  { changesContent: changes }: Transform,
  request: DownstreamRequest,
): Promise<boolean> {
  return typeof changes === 'boolean' ? changes : Boolean(await runHook(changes, { request }));
}

/** Asks for all of the content: a range of changed content is not the same range of the origin server's content. */
export function askForWhole(fields: Fields): void {
  fields.delete('range').delete('if-range');
}

/**
 * Sets the streams of a transform, and removes the fields that do not describe their output from the head. Does nothing
 * if the response is not transformed.
 */
export async function applyTransform(
  state: RequestState,
  transform: Transform,
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
        'A part (206) that was not asked for cannot be transformed',
      );
    if (response.status === 304) weakenByteDescription(headers);
  }
  if (isContentless('GET', response.status)) return;

  const removed = changes ? removeByteDescription(headers) : [];
  const streams = await runHook(async () => takeStreams(await transform.create(messages)), undefined);
  if (streams === undefined) {
    restoreByteDescription(headers, removed);
    return;
  }
  if (changes) announceWithoutDescription(headers);
  const isUnused = request.method === 'HEAD' || response.content !== undefined;
  if (isUnused || state.transfer.isAborted) discardStreams(streams);
  else state.stages.transform = { kind: 'streams', streams, changes };
}

/** Streams that a transfer has used. A stream shared by two transfers would mix their contents. */
const taken = new WeakSet<Duplex>();

function takeStreams(
  given: Duplex | readonly Duplex[] | null | undefined,
): readonly [Duplex, ...Duplex[]] | undefined {
  const streams: Duplex[] = [];
  for (const stream of given instanceof Duplex ? [given] : (given ?? [])) {
    const fault = findStreamFault(stream);
    if (fault !== null) {
      discardStreams(streams);
      throw new TypeError(`transform.create gave ${fault}`);
    }
    taken.add(stream);
    streams.push(stream);
  }
  const [first, ...others] = streams;
  return first && [first, ...others];
}

/** Why a stream cannot carry the content of a transfer; null if it can. */
function findStreamFault(stream: unknown): string | null {
  if (!(stream instanceof Duplex)) return 'something other than Duplex streams';
  if (taken.has(stream)) return 'a stream that was used before: each transfer needs new ones';
  // They count chunks, not bytes, so memory would not be bounded.
  if (stream.readableObjectMode || stream.writableObjectMode)
    return 'a stream in object mode, not one of bytes';
  const touch = findTouch(stream);
  if (touch !== null) return `a stream that ${touch}`;
  if (!stream.readable || !stream.writable) return 'a stream that has ended or is closed';
  return null;
}

function discardStreams(streams: readonly Duplex[]): void {
  for (const stream of streams) stream.on('error', ignore).destroy();
}

const ignore = (): void => {};
