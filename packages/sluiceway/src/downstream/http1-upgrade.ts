import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { lingeringCloseBare } from './lingering-close.js';

/**
 * Waits for the responses to requests that the client has pipelined before: Node hands the socket over while they
 * are under way. False where the client is gone. Which response a socket has is not public; where it cannot be
 * seen, giving the socket another one throws.
 */
export async function takeTurn(socket: Socket): Promise<boolean> {
  // Node has taken its own listener away.
  socket.on('error', () => {});
  for (;;) {
    const earlier: unknown = Reflect.get(socket, '_httpMessage');
    if (socket.destroyed || !(earlier instanceof ServerResponse)) return !socket.destroyed;
    await new Promise<void>((resolve) => {
      earlier.once('close', resolve);
      socket.once('close', resolve);
    });
  }
}

/**
 * Gives the bare socket of an `upgrade` event a response, for as long as it is not a tunnel. `head` is what the
 * client has sent right after its request. The connection closes with the response.
 */
export function assignResponse(request: IncomingMessage, socket: Socket, head: Buffer): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => {
    response.detachSocket(socket);
    // As Node's server does it: the socket may outlive its response for a while.
    response.emit('close');
    lingeringCloseBare(socket);
  });
  if (head.length > 0) socket.unshift(head);
  // Starts reading, so that a reset is noticed while the origin server has the word.
  socket.read(0);
  return response;
}
