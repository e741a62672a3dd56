import { SocketAddress } from 'node:net';
import { crc32c } from './crc32c.js';

/** The two ends of a connection as a proxy in front of this server saw it. */
export interface ProxiedConnection {
  family: 'IPv4' | 'IPv6';
  /** The client. */
  remoteAddress: string;
  remotePort: number;
  /** The address that the client connected to. */
  localAddress: string;
  localPort: number;
}

/** A header of the PROXY protocol. */
export interface ProxyHeader {
  /** In bytes. What follows belongs to the protocol of the client. */
  length: number;
  /**
   * Null if the header names no TCP connection: v1 `UNKNOWN`; v2 `LOCAL`, such as health checks of the proxy itself; and
   * the families `UNSPEC`, Unix sockets and datagrams. The addresses of the socket apply then.
   */
  connection: ProxiedConnection | null;
}

/** A header that is not valid. The message starts with a verb. */
export class ProxyHeaderError extends Error {
  override readonly name = 'ProxyHeaderError';
}

/** The longest line of version 1, with CR LF (PROXY protocol section 2.1). */
const MAX_V1_BYTES = 107;

/** The longest header of version 2 that is accepted, as in nginx. Longer ones can only have extensions. */
const MAX_V2_BYTES = 4096;

const V1_STARTS = ['PROXY TCP4 ', 'PROXY TCP6 ', 'PROXY UNKNOWN'] as const;
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED_BYTES = 16;

/**
 * Reads the header at the beginning of a connection. Returns `incomplete` if more bytes can complete it, and `absent` if
 * the bytes are those of another protocol. Throws a `ProxyHeaderError` for a header that is not valid.
 *
 * https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | 'incomplete' | 'absent' {
  const start = bytes.toString('latin1', 0, V1_STARTS[2].length);
  if (V1_STARTS.some((each) => each.startsWith(start) || start.startsWith(each))) return readV1(bytes);
  const compared = Math.min(bytes.length, V2_SIGNATURE.length);
  if (bytes.compare(V2_SIGNATURE, 0, compared, 0, compared) === 0) return readV2(bytes);
  return 'absent';
}

function readV1(bytes: Buffer): ProxyHeader | 'incomplete' {
  const text = bytes.toString('latin1', 0, MAX_V1_BYTES);
  const end = text.indexOf('\n');
  if (end === -1) {
    if (bytes.length < MAX_V1_BYTES) return 'incomplete';
    throw new ProxyHeaderError(`is longer than ${MAX_V1_BYTES} bytes`);
  }
  const line = text.slice(0, end);
  if (!line.endsWith('\r')) throw new ProxyHeaderError('does not end with CR LF');
  const length = end + 1;
  // A receiver ignores everything after UNKNOWN (section 2.1).
  if (/^PROXY UNKNOWN[ \r]/.test(line)) return { length, connection: null };
  const match = /^PROXY TCP([46]) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+)\r$/.exec(line);
  if (match === null) throw new ProxyHeaderError('does not have two addresses and two ports');
  const [, digit, source = '', destination = '', sourcePort = '', destinationPort = ''] = match;
  const family = digit === '4' ? 'IPv4' : 'IPv6';
  return {
    length,
    connection: {
      family,
      remoteAddress: parseAddress(source, family),
      remotePort: parsePort(sourcePort),
      localAddress: parseAddress(destination, family),
      localPort: parsePort(destinationPort),
    },
  };
}

function parseAddress(text: string, family: 'IPv4' | 'IPv6'): string {
  try {
    if (/^[\d.]+$|^[\da-f:.]+$/i.test(text)) return normalize(text, family);
  } catch {
    // Reported below, without Node's text.
  }
  throw new ProxyHeaderError(`has an address that is not an ${family} address`);
}

/** In the form of Node's sockets. Throws for text that is not an address of the family. */
const normalize = (address: string, family: 'IPv4' | 'IPv6'): string =>
  new SocketAddress({ address, family: family === 'IPv4' ? 'ipv4' : 'ipv6' }).address;

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text) || port > 65_535)
    throw new ProxyHeaderError('has a port that is not a number from 0 to 65535');
  return port;
}

/** Bytes of the addresses by family and transport (section 2.2): the upper and the lower half of the byte. */
const V2_ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [0x00, 0],
  [0x11, 12],
  [0x12, 12],
  [0x21, 36],
  [0x22, 36],
  [0x31, 216],
  [0x32, 216],
]);

const V2_TCP4 = 0x11;
const V2_TCP6 = 0x21;

function readV2(bytes: Buffer): ProxyHeader | 'incomplete' {
  if (bytes.length > 12 && (bytes[12] ?? 0) >> 4 !== 2) throw new ProxyHeaderError('has an unknown version');
  if (bytes.length < V2_FIXED_BYTES) return 'incomplete';
  const command = bytes.readUInt8(12) & 0xf;
  const family = bytes.readUInt8(13);
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (length > MAX_V2_BYTES) throw new ProxyHeaderError(`is longer than ${MAX_V2_BYTES} bytes`);
  if (command > 1) throw new ProxyHeaderError('has an unknown command');
  const addressBytes = V2_ADDRESS_BYTES.get(family);
  // The family of LOCAL does not count.
  if (command === 1 && addressBytes === undefined)
    throw new ProxyHeaderError('has an unknown address family');
  if (bytes.length < length) return 'incomplete';
  if (command === 0) return { length, connection: null };
  const begin = V2_FIXED_BYTES + (addressBytes ?? 0);
  if (begin > length) throw new ProxyHeaderError('is shorter than its addresses');
  checkExtensions(bytes.subarray(0, length), begin);
  return { length, connection: readV2Connection(bytes.subarray(V2_FIXED_BYTES, begin), family) };
}

function readV2Connection(block: Buffer, family: number): ProxiedConnection | null {
  if (family === V2_TCP4) {
    return {
      family: 'IPv4',
      remoteAddress: [...block.subarray(0, 4)].join('.'),
      remotePort: block.readUInt16BE(8),
      localAddress: [...block.subarray(4, 8)].join('.'),
      localPort: block.readUInt16BE(10),
    };
  }
  if (family !== V2_TCP6) return null;
  return {
    family: 'IPv6',
    remoteAddress: toIPv6(block.subarray(0, 16)),
    remotePort: block.readUInt16BE(32),
    localAddress: toIPv6(block.subarray(16, 32)),
    localPort: block.readUInt16BE(34),
  };
}

const toIPv6 = (bytes: Buffer): string =>
  normalize(bytes.toString('hex').replaceAll(/.{4}(?=.)/g, '$&:'), 'IPv6');

const CRC32C = 0x03;

/** Checks that the extensions (TLVs) fill the rest of the header, and verifies a checksum. Ignores the others. */
function checkExtensions(header: Buffer, begin: number): void {
  let at = begin;
  while (at < header.length) {
    const value = at + 3;
    const end = value > header.length ? value : value + header.readUInt16BE(at + 1);
    if (end > header.length) throw new ProxyHeaderError('has an extension that is cut off');
    if (header[at] === CRC32C) checkSum(header, value, end);
    at = end;
  }
}

/** The checksum is that of the header with zeros in its place (section 2.2.3). */
function checkSum(header: Buffer, begin: number, end: number): void {
  if (end - begin !== 4) throw new ProxyHeaderError('has a checksum that is not 4 bytes long');
  const zeroed = Buffer.from(header);
  zeroed.fill(0, begin, end);
  if (crc32c(zeroed) !== header.readUInt32BE(begin)) throw new ProxyHeaderError('has a wrong checksum');
}
