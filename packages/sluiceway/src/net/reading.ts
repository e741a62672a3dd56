import type { Socket } from 'node:net';

/** What `net.Socket` uses of its handle to start and stop reading. Not public. */
interface ReadingHandle {
  reading?: boolean;
  readStart?(): unknown;
  readStop?(): unknown;
}

/**
 * Stops reading from a socket at once, also one that flows: `pause` would let Node fill its buffer first. A socket
 * with `onread` is started again by `resume`, any other by `startReading`. Returns whether it has stopped: false where Node's internals are others.
 */
export function stopReading(socket: Socket): boolean {
  const { _handle: handle }: { _handle?: ReadingHandle | null } = socket as object;
  if (handle?.readStop === undefined || handle.reading === undefined) return false;
  if (!handle.reading) return true;
  handle.reading = false;
  handle.readStop();
  return true;
}

/** Starts what was stopped past the stream, which takes its reading for under way. */
export function startReading(socket: Socket): void {
  const { _handle: handle }: { _handle?: ReadingHandle | null } = socket as object;
  if (handle?.readStart === undefined || handle.reading !== false) return;
  handle.reading = true;
  handle.readStart();
}
