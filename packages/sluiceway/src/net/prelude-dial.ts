import type { Socket } from 'node:net';
import { SluicewayError } from '../errors.js';
import { DialAttempt, type DialListener, type Dialling, type DialOptions } from './dial-attempt.js';
import { dialDirectly } from './direct-dial.js';
import { secureSocket } from './secure-socket.js';

const NOTHING = Buffer.alloc(0);

/** Connects directly, and sends `prelude` before anything else: before the TLS handshake, too. */
export function dialWithPrelude(prelude: Buffer, options: DialOptions, listener: DialListener): Dialling {
  const { destination } = options;
  if (destination.protocol === 'http:') {
    const connected = (socket: Socket): void => {
      socket.write(prelude);
      listener.connected(socket);
    };
    return dialDirectly(options, { ...listener, connected });
  }
  const attempt = new DialAttempt(options, listener);
  // TLS takes the socket over, and does not keep its `onread`.
  const { onread: _onread, ...plain } = options;
  const dialling = dialDirectly(
    { ...plain, destination: { ...destination, protocol: 'http:' } },
    {
      connected: (socket) => {
        attempt.onGivenUp(() => void socket.destroy());
        socket.once('close', () => {
          const message = `${destination.hostname}:${destination.port} closed the connection during the TLS handshake`;
          attempt.fail(new SluicewayError('connection_terminated', message, { retryable: true }));
        });
        socket.write(prelude);
        secureSocket(socket, NOTHING, options, attempt, listener);
      },
      failed: attempt.fail,
    },
  );
  attempt.onGivenUp(() => dialling.cancel());
  return attempt;
}
