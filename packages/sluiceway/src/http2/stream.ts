import type { Http2Stream } from 'node:http2';
import { addAbortSignal, PassThrough } from 'node:stream';

/** The error that Node destroys a stream with for an `AbortSignal`. Node sends CANCEL only for that class. */
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
 * Resets a stream (RST_STREAM) at once, without sending what is still queued. Does not use `stream.close(code)`: that
 * sends END_STREAM first, so that truncated content looks complete.
 */
export function resetStream(stream: Http2Stream, code: ResetCode): void {
  if (stream.destroyed) return;
  broken.add(stream);
  stream.on('error', () => {});
  if (code === 'no error') stream.destroy();
  else stream.destroy(code === 'cancel' ? cancelError() : new Error('The stream was broken off'));
}

/**
 * Returns a function that reports, after the stream's `end` event, whether the peer has ended the content (END_STREAM).
 * Node also emits `end` if the peer has reset the stream with NO_ERROR or CANCEL, or has closed the connection.
 *
 * Copies content that arrives while the stream is paused: an unread frame would keep all of the 64 KiB that Node read it
 * with, most of which belongs to other streams. Merges tiny frames.
 *
 * Call it in the event that brings the stream, before any content is read. Calls `onReset` if the peer resets the
 * stream, with any code, while output is still queued: after NO_ERROR, Node waits forever for that output to be sent,
 * and emits no event.
 */
export function watchContentEnd(stream: Http2Stream, onReset: () => void = () => {}): () => boolean {
  if (!stream.endAfterHeaders) gatherWhilePaused(stream);
  // If one packet holds several frames, the end may have come before the event.
  let isComplete = !stream.closed && stream.state.remoteClose === 1;
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    // If the peer has not ended it, Node closes the stream before this.
    if (chunk === null && !stream.closed) isComplete = true;
    else if (chunk === null && !stream.writableFinished) process.nextTick(onReset);
    const lies = chunk instanceof Uint8Array && stream.isPaused();
    return push(lies ? Buffer.from(chunk) : chunk, encoding);
  };
  return () => isComplete;
}

/** Unread chunks that are kept as they come. */
const MAX_PILED = 64;
/** Chunks of this size and larger are not merged. */
const SMALL_CHUNK_BYTES = 2048;
const BLOCK_BYTES = 16 * 1024;

/**
 * Merges tiny frames while a stream is paused. A window counts bytes, but each unread frame, even of one byte, is an
 * object of some hundred bytes: a window of 1 MiB can take 350 MB. Does not work for a stream that is read without
 * `resume`.
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
