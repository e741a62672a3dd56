import type { Socket } from 'node:net';
import { plainAddress } from '../../http/forwarded.js';
import type { ClientConnection } from '../../net/client-connection.js';
import { formatProxyHeader, type ProxyProtocolVersion } from '../../net/proxy-header.js';
import type { RequestClient } from '../transport.js';

/**
 * The header of the PROXY protocol for a connection that serves one client. Behind a trusted proxy, the client is the one
 * that it reports, whose port is not known.
 */
export function proxyHeaderOf(version: ProxyProtocolVersion, client: RequestClient | null): Buffer {
  const socket = client === null ? null : socketOf(client.connection);
  const address = client?.address ?? null;
  if (socket === null || address === null) return formatProxyHeader(version, null);
  const { remoteAddress, remotePort = 0, localAddress, localPort = 0 } = socket;
  if (localAddress === undefined) return formatProxyHeader(version, null);
  const isPeer = remoteAddress !== undefined && plainAddress(remoteAddress) === plainAddress(address);
  return formatProxyHeader(version, { address, port: isPeer ? remotePort : 0, localAddress, localPort });
}

type Ends = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>;

/** The socket of an HTTP/1 connection, or of an HTTP/2 session; null if it has none any more. */
function socketOf(connection: ClientConnection): Ends | null {
  if (connection.destroyed) return null;
  const { socket = connection }: { socket?: unknown } = connection as { socket?: unknown };
  return socket as Ends;
}
