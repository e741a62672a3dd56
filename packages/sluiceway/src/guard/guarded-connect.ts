import type { Socket } from 'node:net';
import { type GuardedConnectOptions, GuardedDialer } from './guarded-dialer.js';

/** What undici 6, 7 and 8 ask a connector for. Said by its shape, so that undici's types are needed by nobody else. */
export interface ConnectRequest {
  hostname: string;
  protocol: string;
  /** `''` for that of the protocol. */
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
 * A connector for undici that connects to public addresses only: `new Agent({ connect: guardedConnect() })`. Literal
 * addresses are judged as those of names are, at the moment of dialling; certificates are verified by the name. Sockets
 * that somebody else has opened, as a `ProxyAgent` does, and Unix sockets are refused. Errors are `SluicewayError`s.
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
