import type { Socket } from 'node:net';
import tls from 'node:tls';
import { toConfigurationError, toConnectError } from './connect-error.js';
import type { DialAttempt, DialListener, DialOptions } from './dial-attempt.js';
import { toTlsOptions } from './dial-tls.js';
import { feedOnread } from './onread.js';

/**
 * Performs the TLS handshake with the origin server on a connection that is open already. `early` has the bytes that have
 * arrived: they belong to the handshake.
 */
export function secureSocket(
  socket: Socket,
  early: Buffer,
  options: DialOptions,
  attempt: DialAttempt,
  listener: DialListener,
): void {
  if (attempt.isSettled) return;
  if (early.length > 0) socket.unshift(early);
  let secured: tls.TLSSocket;
  try {
    secured = tls.connect({ socket, ...toTlsOptions(options.destination.hostname, options.tls ?? {}) });
  } catch (error) {
    attempt.fail(toConfigurationError(error));
    return;
  }
  attempt.onGivenUp(() => void secured.destroy());
  // This listener stays for the life of the socket, as for a direct connection.
  secured.on('error', (error) => attempt.fail(toConnectError(error)));
  secured.once('secureConnect', () => {
    if (attempt.isSettled) return;
    if (options.onread) feedOnread(secured, options.onread);
    attempt.connected(secured);
  });
  if (listener.session) secured.on('session', (session: Buffer) => listener.session?.(session));
}
