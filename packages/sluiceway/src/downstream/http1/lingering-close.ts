import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { startReading } from '../../net/reading.js';
import { isCut } from './spliceable-content.js';

/** How long a client can continue sending after the response: without a byte, and in total. nginx's defaults. */
const LINGER_IDLE_MS = 5_000;
const LINGER_TOTAL_MS = 30_000;

/** Sockets whose lingering close has begun. */
const lingering = new WeakSet<Socket>();

/**
 * Closes a connection whose request content was not read to its end. Closing it at once would answer arriving bytes with
 * a reset, and a reset makes the client's kernel discard the unread part of the response. So our side ends, and what
 * still arrives is read and dropped for a while (RFC 9112 section 9.6).
 *
 * A request has no socket after code has left an iteration over it, which destroys it. The response then closes its
 * connection.
 */
function lingeringClose(request: IncomingMessage, socket: Socket | null): void {
  if (socket === null || socket.destroyed) return;
  if (request.complete) socket.end(() => void socket.destroy());
  else if (isCut(request)) lingerDiscarding(socket);
  else linger(request, socket);
}

/** Like `lingeringClose`, for a connection whose input is no longer read as requests. */
export function lingerDiscarding(socket: Socket): void {
  if (socket.destroyed || lingering.has(socket)) return;
  // Remove those of Node's server, which would continue parsing.
  socket.removeAllListeners('data');
  linger(socket, socket);
  // Reading was held without the knowledge of the stream, whose `resume` alone does not start it.
  startReading(socket);
}

/** Like `lingeringClose`, for a bare socket, whose client may or may not have more to send. */
export function lingeringCloseBare(socket: Socket): void {
  if (!socket.destroyed) linger(socket, socket);
}

function linger(rest: Readable, socket: Socket): void {
  if (lingering.has(socket)) return;
  lingering.add(socket);
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

/**
 * Node calls `destroySoon` once the last response is written. Replaces it with a lingering close, unless the connection
 * has replaced it already because its input is no longer read as requests.
 */
export function lingerOnClose(request: IncomingMessage, socket: Socket): void {
  if (Object.hasOwn(socket, 'destroySoon')) return;
  const destroySoon = (): void => lingeringClose(request, socket);
  socket.destroySoon = destroySoon;
}
