import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/** How long a client may go on sending after the response: without a byte, and in all. nginx's defaults. */
const LINGER_IDLE_MS = 5_000;
const LINGER_TOTAL_MS = 30_000;

/**
 * Closes a connection whose request content was not read to its end. Closing it at once would answer the bytes
 * under way with a reset, and a reset makes the client's kernel throw away the response that it has not read
 * yet. So our side ends, and what still comes is read and dropped for a while (RFC 9112 section 9.6).
 *
 * A request has no socket any more when somebody has left an iteration over it, which destroys it; its connection
 * is closed by the response then.
 */
export function lingeringClose(request: IncomingMessage, socket: Socket | null): void {
  if (socket === null || socket.destroyed) return;
  if (request.complete) socket.end(() => void socket.destroy());
  else linger(request, socket);
}

/** As `lingeringClose`, for a connection whose input nobody will read as requests any more. */
export function lingerDiscarding(socket: Socket): void {
  if (socket.destroyed) return;
  // Those of Node's server, which would go on parsing it.
  socket.removeAllListeners('data');
  linger(socket, socket);
}

/** As `lingeringClose`, for a bare socket: nobody knows whether its client has more to send. */
export function lingeringCloseBare(socket: Socket): void {
  if (!socket.destroyed) linger(socket, socket);
}

function linger(rest: Readable, socket: Socket): void {
  const close = (): void => {
    socket.destroy();
  };
  const total = setTimeout(close, LINGER_TOTAL_MS);
  const idle = setTimeout(close, LINGER_IDLE_MS);
  rest.on('data', () => idle.refresh());
  rest.once('end', close);
  rest.on('error', () => {});
  socket.once('close', () => {
    clearTimeout(total);
    clearTimeout(idle);
  });
  socket.end();
  rest.resume();
}

/** Node closes a connection by `destroySoon` once its last response is written; that becomes a lingering close. */
export function lingerOnClose(request: IncomingMessage, socket: Socket): void {
  socket.destroySoon = () => lingeringClose(request, socket);
}
