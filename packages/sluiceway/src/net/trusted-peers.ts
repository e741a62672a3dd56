import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type AddressRanges, createAddressRanges } from './address-ranges.js';

/** Answers whether a peer's statements about the client are trusted. */
export interface TrustedPeers extends AddressRanges {
  /** Whether peers on Unix sockets are trusted. */
  readonly unix: boolean;
}

/** Stands for all peers on Unix sockets, which have no address. */
const UNIX = 'unix';

/**
 * Creates the list from addresses and CIDR ranges (`10.0.0.0/8`, `::1`), and the word `unix` for peers on Unix sockets.
 * Throws a `TypeError` for anything else. With an empty list, no peer is trusted.
 */
export function createTrustedPeers(ranges: readonly string[]): TrustedPeers {
  const { includes } = createAddressRanges(ranges.filter((range) => range !== UNIX));
  return { unix: ranges.includes(UNIX), includes };
}

/**
 * Reports whether a peer is connected by a Unix socket. A missing address does not prove it: a disconnected peer has
 * none either, and must not become trusted by disconnecting. A TCP socket knows its local address while it is open. TLS
 * sockets never count: Node can put TLS on any stream, and they have no addresses if that stream is not a socket.
 */
export function isUnixPeer(socket: object): boolean {
  if (!(socket instanceof Socket) || socket.destroyed || socket instanceof TLSSocket) return false;
  return socket.remoteAddress === undefined && socket.localAddress === undefined;
}
