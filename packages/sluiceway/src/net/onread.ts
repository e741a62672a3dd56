import type { Socket } from 'node:net';
import type { DialOnread } from './dial-attempt.js';

/** Delivers bytes as a socket that read them would. Returns whether to continue reading. */
export function deliver(bytes: Buffer, onread: DialOnread): boolean {
  let goesOn = true;
  for (let at = 0; at < bytes.length; ) {
    const space = onread.buffer();
    const length = bytes.copy(space, 0, at);
    at += length;
    goesOn = onread.callback(length, space);
  }
  return goesOn;
}

/**
 * Implements the `onread` option for a socket. Node silently ignores the option for TLS over a given socket. This costs
 * a copy. As with any TLS socket, reads in progress are delivered even after `false`.
 */
export function feedOnread(socket: Socket, onread: DialOnread): void {
  socket.on('data', (bytes: Buffer) => {
    if (!socket.destroyed && !deliver(bytes, onread)) socket.pause();
  });
}
