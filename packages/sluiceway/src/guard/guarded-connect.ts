import type { Socket } from 'node:net';
import { type GuardedConnectOptions, GuardedDialer } from './guarded-dialer.js';

/**
 * The arguments of a connector in undici 6, 7 and 8. Declared structurally, so that users of other clients do not need
 * undici's types.
 */
export interface ConnectRequest {
  hostname: string;
  protocol: string;
  /** `''` for the protocol's default. */
  port: string;
  servername?: string | null;
  socketPath?: string | null;
  httpSocket?: object;
}

export type GuardedConnector = (
  request: ConnectRequest,
  callback: (...result: [error: null, socket: Socket] | [error: Error, socket: null]) => void,
) => void;

/**
 * A connector for undici that connects only to public addresses: `new Agent({ connect: guardedConnect() })`. It checks
 * addresses at the moment it connects, literal ones like those of names, and verifies certificates by the host name. It
 * refuses Unix sockets and sockets that another component has opened, as `ProxyAgent` does. Errors are
 * `SluicewayError`s.
 */
export function guardedConnect(options: GuardedConnectOptions = {}): GuardedConnector {
  const dialer = new GuardedDialer('guardedConnect', options);
  return ({ hostname, protocol, port, servername, socketPath, httpSocket }, callback) => {
    const isSecure = protocol === 'https:';
    const wanted = {
      protocol: isSecure ? ('https:' as const) : ('http:' as const),
      hostname,
      port: port === '' ? (isSecure ? 443 : 80) : Number(port),
      servername: servername ?? undefined,
      socket: socketPath ?? httpSocket,
    };
    dialer.connect(wanted, callback);
  };
}
