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
