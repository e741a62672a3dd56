import { MessageChannel, type MessagePort } from 'node:worker_threads';

/** Below this the garbage collector is as cheap. */
const MIN_BYTES = 16 * 1024;

interface Transferable extends ArrayBuffer {
  /** ECMAScript 2024; Node 20 does not have it. */
  transfer?: (newLength: number) => ArrayBuffer;
}

let nowhere: MessagePort | null = null;

/**
 * Frees the memory of a chunk now, not when garbage is collected next: uploads then go through the same few warm
 * pages of memory over and over, instead of through tens of megabytes of fresh ones. Measured on Node 20 with a bare
 * relay and uploads of 1 GB: about 1.05 CPU seconds per GB, against 1.41 without this.
 *
 * The chunk is empty afterwards, so nobody else may hold it. One that shares its memory with others is left alone.
 */
export function releaseMemory(chunk: Uint8Array): void {
  const buffer = chunk.buffer as Transferable;
  if (chunk.byteLength < MIN_BYTES || chunk.byteLength !== buffer.byteLength) return;
  if (buffer.transfer !== undefined) {
    buffer.transfer(0);
    return;
  }
  // A message to a closed port takes its memory along and is dropped.
  nowhere ??= openNowhere();
  nowhere.postMessage(null, [buffer]);
}

function openNowhere(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.unref();
  return port1;
}
