import { isIPv4, isIPv6 } from 'node:net';
import { plainAddress } from '../http/forwarded.js';

/** The versions of the PROXY protocol. */
export type ProxyProtocolVersion = 'v1' | 'v2';

/** Both ends of a client's connection. */
export interface ClientEnds {
  address: string;
  /** 0 if it is unknown. */
  port: number;
  localAddress: string;
  localPort: number;
}

const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Version 2, command PROXY. */
const V2_PROXY = 0x21;
const V2_UNSPEC = 0x00;
const V2_TCP4 = 0x11;
const V2_TCP6 = 0x21;

/**
 * Formats the header of the PROXY protocol that tells an origin server the client of a connection. Null stands for a client
 * whose address is unknown, such as one on a Unix socket.
 *
 * https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt
 */
export function formatProxyHeader(version: ProxyProtocolVersion, ends: ClientEnds | null): Buffer {
  const known = ends && toOneFamily(ends);
  return version === 'v1' ? formatV1(known) : formatV2(known);
}

interface FamilyEnds extends ClientEnds {
  isIPv4: boolean;
}

/** Both addresses have to be of one family. If they are not, an IPv4 address becomes an IPv4-mapped one, as in HAProxy. */
function toOneFamily({ address, localAddress, ...ports }: ClientEnds): FamilyEnds | null {
  const remote = plainAddress(address) ?? '';
  const local = plainAddress(localAddress) ?? '';
  if (isIPv4(remote) && isIPv4(local))
    return { ...ports, address: remote, localAddress: local, isIPv4: true };
  const [mapped, localMapped] = [toMapped(remote), toMapped(local)];
  if (!isIPv6(mapped) || !isIPv6(localMapped)) return null;
  return { ...ports, address: mapped, localAddress: localMapped, isIPv4: false };
}

const toMapped = (address: string): string => (isIPv4(address) ? `::ffff:${address}` : address);

function formatV1(ends: FamilyEnds | null): Buffer {
  if (ends === null) return Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
  const { address, localAddress, port, localPort } = ends;
  const family = ends.isIPv4 ? 'TCP4' : 'TCP6';
  return Buffer.from(`PROXY ${family} ${address} ${localAddress} ${port} ${localPort}\r\n`, 'latin1');
}

function formatV2(ends: FamilyEnds | null): Buffer {
  const fixed = Buffer.from([V2_PROXY, V2_UNSPEC, 0, 0]);
  if (ends === null) return Buffer.concat([V2_SIGNATURE, fixed]);
  const toBytes = ends.isIPv4 ? toIPv4Bytes : toIPv6Bytes;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(ends.port, 0);
  ports.writeUInt16BE(ends.localPort, 2);
  const block = Buffer.concat([toBytes(ends.address), toBytes(ends.localAddress), ports]);
  fixed[1] = ends.isIPv4 ? V2_TCP4 : V2_TCP6;
  fixed.writeUInt16BE(block.length, 2);
  return Buffer.concat([V2_SIGNATURE, fixed, block]);
}

const toIPv4Bytes = (address: string): Buffer => Buffer.from(address.split('.').map(Number));

/** The bytes of a valid IPv6 address. */
function toIPv6Bytes(address: string): Buffer {
  // The last 32 bits can be in the form of IPv4.
  const text = address.replace(/[\d.]{7,15}$/, (tail) =>
    tail.includes('.') ? toIPv4Bytes(tail).toString('hex').replace(/^.{4}/, '$&:') : tail,
  );
  const [head = [], tail = []] = text.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  const groups = [...head, ...zeros, ...tail];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
