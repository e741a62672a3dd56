import { crc32c } from '../../src/listeners/crc32c.js';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** An extension of a header of version 2. */
export const extension = (type: number, value: Uint8Array): Buffer => {
  const head = Buffer.from([type, 0, 0]);
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
};

/** A header of version 2. `command` is 0 (LOCAL) or 1 (PROXY); `family` the byte of family and transport. */
export function proxyV2(command: number, family: number, block: Uint8Array, version = 2): Buffer {
  const fixed = Buffer.from([(version << 4) | command, family, 0, 0]);
  fixed.writeUInt16BE(block.length, 2);
  return Buffer.concat([SIGNATURE, fixed, block]);
}

/** The addresses of 192.0.2.7:5000 that has connected to 198.51.100.1:443. */
export const tcp4 = Buffer.from([192, 0, 2, 7, 198, 51, 100, 1, 0x13, 0x88, 0x01, 0xbb]);

/** The addresses of [2001:db8::7]:5000 that has connected to [2001:db8::1]:443. */
export const tcp6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  tcp4.subarray(8),
]);

/** A header of version 2 with a checksum over all of it. */
export function withChecksum(family: number, block: Uint8Array): Buffer {
  const header = proxyV2(1, family, Buffer.concat([block, extension(3, Buffer.alloc(4))]));
  header.writeUInt32BE(crc32c(header), header.length - 4);
  return header;
}
