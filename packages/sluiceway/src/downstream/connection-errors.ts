import type { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { toWarning } from '../errors.js';

/** A client's connection that failed before it became a transfer, or between two. */
export interface ConnectionError {
  /**
   * What failed: the TLS handshake (`tls`), the head or framing of an HTTP/1 request, or the time for it (`http1`), or an
   * HTTP/2 session (`http2`).
   */
  kind: 'tls' | 'http1' | 'http2';
  /** Node's code, such as `HPE_HEADER_OVERFLOW` or `ERR_SSL_NO_SHARED_CIPHER`; empty if there is none. */
  code: string;
  message: string;
  /** The peer's address; null if it is not known any more, or on a Unix socket. */
  clientAddress: string | null;
}

type ConnectionErrorListener = (error: ConnectionError) => void;

const listeners = new WeakMap<EventEmitter, ConnectionErrorListener>();

/** Calls the listener for failed connections of a server. An error that it throws becomes a process warning. */
export function onConnectionError(server: EventEmitter, listener: ConnectionErrorListener): void {
  listeners.set(server, (error) => {
    try {
      listener(error);
    } catch (thrown) {
      process.emitWarning(toWarning(thrown), 'SluicewayObserverWarning');
    }
  });
}

/** Reports an error of Node's `clientError` event. Clients that leave without a broken request are not reported. */
export function reportConnectionError(
  server: EventEmitter,
  error: NodeJS.ErrnoException,
  socket: Socket,
): void {
  const listener = listeners.get(server);
  if (listener === undefined) return;
  // A connection whose handshake has failed has no parser.
  const kind = socket instanceof TLSSocket && !Reflect.has(socket, 'parser') ? 'tls' : 'http1';
  if (kind === 'http1' && LEFT.has(error.code ?? '')) return;
  listener(describe(kind, error, addressOf(socket)));
}

/** Reports an error of an HTTP/2 session. `clientAddress`: the session has lost its socket by now. */
export function reportSessionError(
  server: EventEmitter,
  error: NodeJS.ErrnoException,
  clientAddress: string | null,
): void {
  if (LEFT.has(error.code ?? '')) return;
  listeners.get(server)?.(describe('http2', error, clientAddress));
}

/** The client closed the connection. */
const LEFT: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

function describe(
  kind: ConnectionError['kind'],
  error: NodeJS.ErrnoException & { reason?: unknown },
  clientAddress: string | null,
): ConnectionError {
  const { code = '', message, reason } = error;
  // OpenSSL's message names its own source files.
  return { kind, code, message: typeof reason === 'string' ? reason : message, clientAddress };
}

/** A server that reads PROXY protocol gives the address to the socket below that of TLS, which Node calls `_parent`. */
function addressOf(socket: Socket): string | null {
  const below: unknown = Reflect.get(socket, '_parent');
  return (below instanceof Socket ? below.remoteAddress : undefined) ?? socket.remoteAddress ?? null;
}
