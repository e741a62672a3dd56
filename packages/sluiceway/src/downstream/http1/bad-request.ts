import { ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** The status for each error code of Node's parser. Others: 400. */
const STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers an invalid request in the same way as Node's server. */
export function answerBadRequest(socket: Socket, { code = '' }: NodeJS.ErrnoException): void {
  const status = STATUS[code] ?? 400;
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`, 'latin1');
}

/**
 * Does what Node's server does for a `clientError` without a listener: answers if no response has begun, and closes the
 * connection. A connection whose TLS handshake failed has no parser and gets no answer.
 */
export function refuseConnection(socket: Socket, error: NodeJS.ErrnoException): void {
  const hasBegun = currentResponse(socket)?.headersSent === true;
  if (socket.writable && !hasBegun && Reflect.has(socket, 'parser')) answerBadRequest(socket, error);
  socket.destroy(error);
}

/** The current response of a socket. Not a public property of Node. */
export function currentResponse(socket: Socket): ServerResponse | null {
  const response: unknown = Reflect.get(socket, '_httpMessage');
  return response instanceof ServerResponse ? response : null;
}
