import type { Socket } from 'node:net';

/** Address and port of a socket's peer, as in the authority of a URL; null if the connection is gone. */
export function formatPeer({ remoteAddress, remotePort }: Socket): string | null {
  if (remoteAddress === undefined || remotePort === undefined) return null;
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
