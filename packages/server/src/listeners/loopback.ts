import { BlockList, isIP } from 'node:net';
import { isInherited, type ListenAddress } from './address.js';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** Reports whether only this machine can connect: a loopback address, `localhost` (RFC 6761 section 6.3) or a Unix socket. */
export function isLocal(address: ListenAddress): boolean {
  if ('path' in address) return true;
  // Only the other process knows.
  if (isInherited(address)) return false;
  const { host } = address;
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
