import type { Socket } from 'node:net';
import type { DialOnread } from './dial-attempt.js';

/** Hands bytes over as a socket would that had read them; returns whether to go on reading. */
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
 * Does for a socket what its `onread` option would: Node ignores that one in silence for TLS over a socket that it is
 * given. Costs a copy. As over any TLS socket, reads that are under way come in spite of `false`.
 */
export function feedOnread(socket: Socket, onread: DialOnread): void {
  socket.on('data', (bytes: Buffer) => {
    if (!socket.destroyed && !deliver(bytes, onread)) socket.pause();
  });
}
