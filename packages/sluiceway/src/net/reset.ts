import type { Socket } from 'node:net';

/**
 * Whether the end of a connection was a reset in truth: where the last bytes and a reset arrive together, libuv
 * reports the end of the stream and no error. A connection that was reset has no peer any more, nor has one that we
 * have ended before: this must not be asked of it. `getpeername` is not a public method of the handle; where it is
 * missing, an end is taken for one.
 */
export function wasReset(socket: Socket): boolean {
  const { _handle: handle }: { _handle?: { getpeername?(into: object): number } | null } = socket as object;
  return handle?.getpeername !== undefined && handle.getpeername({}) !== 0;
}

/** The parts of Node's stream states that the two functions below set; they are not public. */
interface StreamStates {
  _readableState?: { autoDestroy: boolean; errored: unknown };
  _writableState?: { autoDestroy: boolean };
}

/**
 * Keeps a failed write from destroying the socket. A server that refuses an upload answers and closes, and content
 * that it has not read makes a reset of that: Node would throw the answer away, although it has arrived. From now on
 * the socket has to be destroyed by whoever hears its `error`. Where Node's internals are others, nothing changes.
 */
export function keepReadingAfterWriteError(socket: Socket): void {
  const { _readableState: readable, _writableState: writable }: StreamStates = socket as object;
  if (readable === undefined || writable === undefined) return;
  readable.autoDestroy = false;
  writable.autoDestroy = false;
}

/** After an `error`: true where reading goes on to the end of what has arrived, which is told by `end` as usual. */
export function readsOn(socket: Socket, error: NodeJS.ErrnoException): boolean {
  const { _readableState: readable }: StreamStates = socket as object;
  if (socket.destroyed || readable === undefined || error.syscall !== 'write') return false;
  // An errored stream would not tell its end.
  readable.errored = null;
  return true;
}
