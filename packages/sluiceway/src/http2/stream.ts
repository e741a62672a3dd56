import type { Http2Stream } from 'node:http2';
import { addAbortSignal, PassThrough } from 'node:stream';

/** What Node itself destroys a stream with for an `AbortSignal`: only an instance of that class is sent as CANCEL. */
let cancelled: Error | null = null;

function cancelError(): Error {
  if (cancelled !== null) return cancelled;
  const aborted = new PassThrough();
  aborted.on('error', () => {});
  addAbortSignal(AbortSignal.abort(), aborted);
  cancelled = aborted.errored ?? new Error('The stream was cancelled');
  return cancelled;
}

/** NO_ERROR, CANCEL or INTERNAL_ERROR of RFC 9113 section 7. */
type ResetCode = 'no error' | 'cancel' | 'internal';

const broken = new WeakSet<Http2Stream>();

/** Whether `resetStream` has broken the stream off. */
export const wasResetHere = (stream: Http2Stream): boolean => broken.has(stream);

/**
 * Breaks a stream off in both directions, by RST_STREAM, at once and without what is still queued. Not so
 * `stream.close(code)`: it ends content that is under way with END_STREAM first, so that what was cut short looks
 * complete.
 */
export function resetStream(stream: Http2Stream, code: ResetCode): void {
  if (stream.destroyed) return;
  broken.add(stream);
  stream.on('error', () => {});
  if (code === 'no error') stream.destroy();
  else stream.destroy(code === 'cancel' ? cancelError() : new Error('The stream was broken off'));
}

/**
 * Tells, once the stream's `end` has been emitted, whether the peer has ended the content (END_STREAM). Node emits
 * `end` as well where the peer has reset the stream with NO_ERROR or CANCEL, or has closed the connection.
 *
 * What comes while the stream is paused is copied on the way: a frame that lies there would keep all of the 64 KiB that
 * Node has read it with, most of which belongs to other streams. Tiny frames are kept in few pieces.
 *
 * To be called before anything of the content is read, in the event that brings the stream. `onReset` is called where
 * the peer resets the stream, with whatever code, while something of ours is queued: after NO_ERROR Node waits for that
 * to be sent, which will never be, and tells nobody.
 */
export function watchContentEnd(stream: Http2Stream, onReset: () => void = () => {}): () => boolean {
  if (!stream.endAfterHeaders) gatherWhilePaused(stream);
  // Where a packet holds several frames, the end may have come before the event.
  let isComplete = !stream.closed && stream.state.remoteClose === 1;
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    // Where it is not the peer who ends it, Node closes the stream before.
    if (chunk === null && !stream.closed) isComplete = true;
    else if (chunk === null && !stream.writableFinished) process.nextTick(onReset);
    const lies = chunk instanceof Uint8Array && stream.isPaused();
    return push(lies ? Buffer.from(chunk) : chunk, encoding);
  };
  return () => isComplete;
}

/** So many chunks may pile up as they come. */
const MAX_PILED = 64;
/** What is larger is not worth a copy. */
const SMALL_CHUNK_BYTES = 2048;
const BLOCK_BYTES = 16 * 1024;

/**
 * A window is counted in bytes, and each frame, be it of one byte, would lie there as an object of some hundred: a
 * window of 1 MiB held 350 MB. Not for a stream that is read without `resume`.
 */
function gatherWhilePaused(stream: Http2Stream): void {
  const push = stream.push.bind(stream);
  let unread = 0;
  let block: Buffer | null = null;
  let used = 0;
  const flush = (): void => {
    const gathered = block?.subarray(0, used);
    block = null;
    used = 0;
    if (gathered !== undefined) push(gathered);
  };
  stream.on('resume', () => {
    unread = 0;
    flush();
  });
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    const isSmall = chunk instanceof Uint8Array && chunk.length < SMALL_CHUNK_BYTES;
    if (!isSmall || stream.readableFlowing === true || (unread += 1) <= MAX_PILED) {
      flush();
      return push(chunk, encoding);
    }
    if (used + chunk.length > BLOCK_BYTES) flush();
    block ??= Buffer.allocUnsafeSlow(BLOCK_BYTES);
    block.set(chunk, used);
    used += chunk.length;
    return false;
  };
}
