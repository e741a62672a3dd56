import type { Socket } from 'node:net';

/** Formats address and port of a socket's peer as the authority of a URL. Returns null if the connection is closed. */
export function formatPeer({ remoteAddress, remotePort }: Socket): string | null {
  if (remoteAddress === undefined || remotePort === undefined) return null;
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
