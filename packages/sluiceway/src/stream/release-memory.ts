import { MessageChannel, type MessagePort } from 'node:worker_threads';

/** Below this size, the garbage collector is as cheap. */
const MIN_BYTES = 16 * 1024;

interface Transferable extends ArrayBuffer {
  /** ECMAScript 2024. Not available in Node 20. */
  transfer?: (newLength: number) => ArrayBuffer;
}

let nowhere: MessagePort | null = null;

/**
 * Frees the memory of a chunk now, and not at the next garbage collection. Uploads then reuse a few pages of memory that
 * are in the cache, instead of tens of megabytes of fresh ones, which takes less CPU time.
 *
 * The chunk is empty afterwards, so no other code must use it. Does nothing for a chunk that shares its memory.
 */
export function releaseMemory(chunk: Uint8Array): void {
  const buffer = chunk.buffer as Transferable;
  if (chunk.byteLength < MIN_BYTES || chunk.byteLength !== buffer.byteLength) return;
  if (buffer.transfer !== undefined) {
    buffer.transfer(0);
    return;
  }
  // A message to a closed port takes over the memory and is dropped.
  nowhere ??= openNowhere();
  nowhere.postMessage(null, [buffer]);
}

function openNowhere(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.unref();
  return port1;
}
