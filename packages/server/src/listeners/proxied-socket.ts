import type { Socket } from 'node:net';
import type { ProxiedConnection } from './proxy-protocol.js';

const proxied = new WeakMap<Socket, ProxiedConnection>();

/**
 * Gives a socket the addresses of the connection that a proxy in front has accepted. Everything that reads the addresses of
 * the socket sees them: access rules, limits, logs and forwarding fields.
 */
export function setProxiedConnection(socket: Socket, connection: ProxiedConnection): void {
  const { family, ...addresses } = connection;
  proxied.set(socket, connection);
  for (const [name, value] of Object.entries({ ...addresses, remoteFamily: family, localFamily: family }))
    Object.defineProperty(socket, name, { value, configurable: true, enumerable: true });
}

/** Gives a TLS socket the addresses of the socket below it, if a proxy has named them. */
export function copyProxiedConnection(from: Socket, to: Socket): void {
  const connection = proxied.get(from);
  if (connection !== undefined && from !== to) setProxiedConnection(to, connection);
}
