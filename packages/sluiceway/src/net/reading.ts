import type { Socket } from 'node:net';

/** The methods of its handle by which `net.Socket` starts and stops reading. Not public. */
interface ReadingHandle {
  reading?: boolean;
  readStart?(): unknown;
  readStop?(): unknown;
}

/**
 * Stops reading from a socket immediately, even if it is flowing. `pause` would let Node fill its buffer first. To
 * start again, call `resume` for a socket with `onread`, and `startReading` for any other. Returns whether it stopped:
 * false if Node's internals differ.
 */
export function stopReading(socket: Socket): boolean {
  const { _handle: handle }: { _handle?: ReadingHandle | null } = socket as object;
  if (handle?.readStop === undefined || handle.reading === undefined) return false;
  if (!handle.reading) return true;
  handle.reading = false;
  handle.readStop();
  return true;
}

/** Restarts reading that was stopped without the stream's knowledge. The stream believes that it is still reading. */
export function startReading(socket: Socket): void {
  const { _handle: handle }: { _handle?: ReadingHandle | null } = socket as object;
  if (handle?.readStart === undefined || handle.reading !== false) return;
  handle.reading = true;
  handle.readStart();
}
