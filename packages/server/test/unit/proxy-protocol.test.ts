import { describe, expect, test } from 'vitest';
import { Dice } from '../../../sluiceway/test/support/dice.js';
import { crc32c } from '../../src/listeners/crc32c.js';
import { ProxyHeaderError, readProxyHeader } from '../../src/listeners/proxy-protocol.js';
import { extension, proxyV2, tcp4, tcp6, withChecksum } from '../support/proxy-headers.js';

const read = (header: string | Buffer) => readProxyHeader(Buffer.from(header as string, 'latin1'));
const TCP4 = 0x11;
const TCP6 = 0x21;
const v1 = 'PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n';

const client4 = {
  family: 'IPv4',
  remoteAddress: '192.0.2.7',
  remotePort: 5000,
  localAddress: '198.51.100.1',
  localPort: 443,
};
const client6 = {
  ...client4,
  family: 'IPv6',
  remoteAddress: '2001:db8::7',
  localAddress: '2001:db8::1',
};

describe('a PROXY protocol header', () => {
  test.for([
    ['v1 with IPv4', v1, client4],
    ['v1 with IPv6', 'PROXY TCP6 2001:DB8:0::7 2001:db8::1 5000 443\r\n', client6],
    ['v1 UNKNOWN', 'PROXY UNKNOWN\r\n', null],
    ['v1 UNKNOWN with addresses', 'PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n', null],
    ['v2 with IPv4', proxyV2(1, TCP4, tcp4), client4],
    ['v2 with IPv6', proxyV2(1, TCP6, tcp6), client6],
    [
      'v2 with extensions',
      proxyV2(1, TCP4, Buffer.concat([tcp4, extension(2, Buffer.from('a.test'))])),
      client4,
    ],
    ['v2 with a checksum', withChecksum(TCP6, tcp6), client6],
    ['v2 LOCAL', proxyV2(0, 0, Buffer.alloc(0)), null],
    ['v2 LOCAL with a block that means nothing', proxyV2(0, 0xff, Buffer.from('what')), null],
    ['v2 with an unknown family', proxyV2(1, 0, Buffer.alloc(0)), null],
    ['v2 with datagrams', proxyV2(1, 0x12, tcp4), null],
    ['v2 with Unix sockets', proxyV2(1, 0x31, Buffer.alloc(216)), null],
  ] as const)('%s is read, and ends where the client begins [HAProxy]', ([, header, connection]) => {
    const bytes = Buffer.from(header as string, 'latin1');
    for (let length = 0; length < bytes.length; length++)
      expect(readProxyHeader(bytes.subarray(0, length))).toBe('incomplete');
    expect(read(Buffer.concat([bytes, Buffer.from('GET / ')]))).toEqual({ length: bytes.length, connection });
  });

  test.for([
    ['an address of the other family', 'PROXY TCP4 2001:db8::7 198.51.100.1 1 2\r\n'],
    ['an address with leading zeros', 'PROXY TCP4 192.0.02.7 198.51.100.1 1 2\r\n'],
    ['an address with a zone', 'PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n'],
    ['a port with a leading zero', 'PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n'],
    ['a port above 65535', 'PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n'],
    ['two spaces', 'PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n'],
    ['too few words', 'PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n'],
    ['too many words', 'PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n'],
    ['a line feed alone', 'PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n'],
    ['a word behind UNKNOWN', 'PROXY UNKNOWNS\r\n'],
    ['more than 107 bytes', `PROXY UNKNOWN ${'x'.repeat(200)}`],
    ['another version', proxyV2(1, TCP4, tcp4, 1)],
    ['another command', proxyV2(2, TCP4, tcp4)],
    ['another family', proxyV2(1, 0x41, tcp4)],
    ['too few addresses', proxyV2(1, TCP6, tcp4)],
    ['a wrong checksum', proxyV2(1, TCP4, Buffer.concat([tcp4, extension(3, Buffer.alloc(4))]))],
    ['a checksum of 3 bytes', proxyV2(1, TCP4, Buffer.concat([tcp4, extension(3, Buffer.alloc(3))]))],
    ['an extension that is cut off', proxyV2(1, TCP4, Buffer.concat([tcp4, Buffer.from([4, 0, 9, 1])]))],
    ['an extension without a length', proxyV2(1, TCP4, Buffer.concat([tcp4, Buffer.from([4, 0])]))],
  ] as const)('with %s is refused [HAProxy]', ([, header]) => {
    expect(() => read(header as string)).toThrow(ProxyHeaderError);
  });

  test('of more than 4096 bytes is refused before it has arrived [nginx]', () => {
    const begin = Buffer.from(proxyV2(1, TCP4, tcp4).subarray(0, 16));
    begin.writeUInt16BE(4096, 14);
    expect(() => read(begin)).toThrow('is longer than 4096 bytes');
  });

  test.for(['GET / HTTP/1.1\r\n', 'PROXY / HTTP/1.1\r\n', 'PRI * HTTP/2.0\r\n', '\x16\x03\x01', '\r\n\r\nG'])(
    '%j is the beginning of another protocol',
    (text) => {
      expect(read(text)).toBe('absent');
    },
  );

  test('that is damaged anywhere is read, refused or not one, and never breaks the reader', () => {
    const dice = new Dice(20_261_201);
    const below = (limit: number): number => dice.roll(limit);
    const headers = [Buffer.from(v1), proxyV2(1, TCP6, tcp6), withChecksum(TCP4, tcp4)];
    const seen = new Set<string>();
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(headers[below(headers.length)] as Buffer);
      for (let hits = 0; hits <= below(3); hits++) bytes[below(bytes.length)] = below(256);
      const cut = bytes.subarray(0, below(bytes.length + 1));
      try {
        const header = readProxyHeader(cut);
        seen.add(typeof header === 'string' ? header : 'header');
        if (typeof header !== 'string') expect(header.length).toBeLessThanOrEqual(cut.length);
      } catch (error) {
        if (!(error instanceof ProxyHeaderError)) throw error;
        seen.add('refused');
      }
    }
    expect([...seen].toSorted()).toEqual(['absent', 'header', 'incomplete', 'refused']);
  });
});

test('CRC-32C is that of Castagnoli', () => {
  expect(crc32c(Buffer.from('123456789')).toString(16)).toBe('e3069283');
});
