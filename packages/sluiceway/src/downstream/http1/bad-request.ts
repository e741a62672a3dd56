import { ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** By the code of the parser of Node's server. */
const STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers what is no request, as Node's server does it. */
export function answerBadRequest(socket: Socket, { code = '' }: NodeJS.ErrnoException): void {
  const status = STATUS[code] ?? 400;
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`, 'latin1');
}

/**
 * What Node's server does for a `clientError` without a listener: answers where no response has begun, and closes the
 * connection. That of a TLS handshake that failed has no parser, and gets no answer.
 */
export function refuseConnection(socket: Socket, error: NodeJS.ErrnoException): void {
  const hasBegun = currentResponse(socket)?.headersSent === true;
  if (socket.writable && !hasBegun && Reflect.has(socket, 'parser')) answerBadRequest(socket, error);
  socket.destroy(error);
}

/** The response that a socket has. Not public. */
export function currentResponse(socket: Socket): ServerResponse | null {
  const response: unknown = Reflect.get(socket, '_httpMessage');
  return response instanceof ServerResponse ? response : null;
}
