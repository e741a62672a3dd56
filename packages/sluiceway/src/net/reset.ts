import type { Socket } from 'node:net';

/**
 * Reports whether an ended connection was in fact reset. If the last bytes and a reset arrive together, libuv reports
 * the end of the stream without an error. A connection that was reset has no peer any more. Neither has one that this
 * side ended before, so do not call this for such a connection. `getpeername` is not a public method of the handle. If
 * it is missing, the result is false.
 */
export function wasReset(socket: Socket): boolean {
  const { _handle: handle }: { _handle?: { getpeername?(into: object): number } | null } = socket as object;
  return handle?.getpeername !== undefined && handle.getpeername({}) !== 0;
}

/** The fields of Node's stream states that the functions below set. They are not public. */
interface StreamStates {
  _readableState?: { autoDestroy: boolean; errored: unknown };
  _writableState?: { autoDestroy: boolean };
}

/**
 * Keeps a failed write from destroying the socket. A server that refuses an upload answers and closes; its unread
 * content then causes a reset. Node would discard the answer although it has arrived. After this call, the listener of
 * `error` must destroy the socket. Does nothing if Node's internals differ.
 */
export function keepReadingAfterWriteError(socket: Socket): void {
  const { _readableState: readable, _writableState: writable }: StreamStates = socket as object;
  if (readable === undefined || writable === undefined) return;
  readable.autoDestroy = false;
  writable.autoDestroy = false;
}

/**
 * Call after an `error`. Returns true if reading continues to the end of the received data, which `end` reports as
 * usual.
 */
export function readsOn(socket: Socket, error: NodeJS.ErrnoException): boolean {
  const { _readableState: readable }: StreamStates = socket as object;
  if (socket.destroyed || readable === undefined || error.syscall !== 'write') return false;
  // An errored stream would not emit `end`.
  readable.errored = null;
  return true;
}
