import type { Socket } from 'node:net';

/** What `net.Socket` uses of its handle to start and stop reading. Not public. */
interface ReadingHandle {
  reading?: boolean;
  readStop?(): unknown;
}

/**
 * Stops reading from a socket at once, also one that flows: `pause` would let Node fill its buffer first. `resume` and
 * `read` start it again. Returns whether it has stopped: false where Node's internals are others.
 */
export function stopReading(socket: Socket): boolean {
  const { _handle: handle }: { _handle?: ReadingHandle | null } = socket as object;
  if (handle?.readStop === undefined || handle.reading === undefined) return false;
  if (!handle.reading) return true;
  handle.reading = false;
  handle.readStop();
  return true;
}
