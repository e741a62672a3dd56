import { Duplex } from 'node:stream';
import { findTouch } from '../../stream/untouched.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import { type ChangesContent, runHook } from '../messages/hooks.js';

/** Whether a transform changes the content of this request, or of its response. */
export async function changesContent(
  { changesContent: changes }: { changesContent: ChangesContent },
  request: DownstreamRequest,
): Promise<boolean> {
  return typeof changes === 'boolean' ? changes : Boolean(await runHook(changes, { request }));
}

/** Streams that a transfer has used. A stream shared by two transfers would mix their contents. */
const taken = new WeakSet<Duplex>();

/** What `create` of a transform gave, checked. Undefined: it gave none. `create` is its name. */
export function takeStreams(
  create: string,
  given: Duplex | readonly Duplex[] | null | undefined,
): readonly [Duplex, ...Duplex[]] | undefined {
  const streams: Duplex[] = [];
  for (const stream of given instanceof Duplex ? [given] : (given ?? [])) {
    const fault = findStreamFault(stream);
    if (fault !== null) {
      discardStreams(streams);
      throw new TypeError(`${create} gave ${fault}`);
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

/** Destroys streams that are not used, or not any more. */
export function discardStreams(streams: readonly Duplex[]): void {
  for (const stream of streams) stream.on('error', ignore).destroy();
}

const ignore = (): void => {};
