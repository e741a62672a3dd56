import { BlockList, isIP, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Answers whether a peer's word about the client is believed. */
export interface TrustedPeers {
  /** `address` as the socket names it; null is never trusted. */
  includes(address: string | null): boolean;
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
  const unix = ranges.includes(UNIX);
  if (ranges.length === 0) return { unix, includes: () => false };
  const list = new BlockList();
  for (const range of ranges) if (range !== UNIX) add(list, range);
  return {
    unix,
    includes(address) {
      if (address === null) return false;
      // An IPv6 zone is no part of the address.
      const bare = address.split('%', 1)[0] ?? address;
      const family = isIP(bare);
      return family !== 0 && list.check(bare, family === 6 ? 'ipv6' : 'ipv4');
    },
  };
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

function add(list: BlockList, range: string): void {
  const [address = '', prefix, ...rest] = range.split('/');
  const family = isIP(address);
  const bits = prefix === undefined ? null : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  const width = family === 4 ? 32 : 128;
  if (family === 0 || rest.length > 0 || (bits !== null && !(bits <= width))) {
    throw new TypeError(`${JSON.stringify(range)} is not an address or CIDR range`);
  }
  const type = family === 6 ? 'ipv6' : 'ipv4';
  if (bits === null) list.addAddress(address, type);
  else list.addSubnet(address, bits, type);
}
