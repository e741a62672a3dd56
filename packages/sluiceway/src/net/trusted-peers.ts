import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type AddressRanges, createAddressRanges } from './address-ranges.js';

/** Answers whether a peer's word about the client is believed. */
export interface TrustedPeers extends AddressRanges {
  /** Whether whoever connects by a Unix socket is trusted. */
  readonly unix: boolean;
}

/** Stands for all peers on Unix sockets, which have no address. */
const UNIX = 'unix';

/**
 * Builds the list from addresses and CIDR ranges (`10.0.0.0/8`, `::1`), and the word `unix` for peers on Unix
 * sockets. Throws a `TypeError` for what is neither. An empty list trusts nobody.
 */
export function createTrustedPeers(ranges: readonly string[]): TrustedPeers {
  const { includes } = createAddressRanges(ranges.filter((range) => range !== UNIX));
  return { unix: ranges.includes(UNIX), includes };
}

/**
 * Whether a peer has come by a Unix socket. That it has no address does not tell: neither has one that has been
 * disconnected, and nobody shall be trusted for having left. A TCP socket knows its own end for as long as it is open.
 * TLS is never taken for it: Node puts it on any stream, and it has no addresses on one that is no socket.
 */
export function isUnixPeer(socket: object): boolean {
  if (!(socket instanceof Socket) || socket.destroyed || socket instanceof TLSSocket) return false;
  return socket.remoteAddress === undefined && socket.localAddress === undefined;
}
