import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type ListenOptions, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { TLSSocket } from 'node:tls';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTrustedPeers, isUnixPeer } from '../../src/net/trusted-peers.js';

describe('what is included', () => {
  test.each<[string, string, boolean]>([
    ['10.0.0.0/8', '10.0.0.0', true],
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '9.255.255.255', false],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['192.168.1.7', '192.168.1.7', true],
    ['192.168.1.7', '192.168.1.8', false],
    ['192.168.1.7/32', '192.168.1.7', true],
    ['192.168.1.7/32', '192.168.1.6', false],
    // The bits behind the prefix say nothing.
    ['192.168.1.7/24', '192.168.1.200', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['::1', '::1', true],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['::1', '::2', false],
    ['fd00::/8', 'fdff::1', true],
    ['fd00::/8', 'fe00::1', false],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['2001:db8::1/128', '2001:db8::1', true],
    ['2001:db8::1/128', '2001:db8::2', false],
    ['::/0', '2001:db8::1', true],
    ['fe80::1', 'fe80::1%eth0', true],
    // A socket that listens on both families names IPv4 peers so.
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:11.1.2.3', false],
    ['127.0.0.1', '::ffff:127.0.0.1', true],
    ['127.0.0.1', '::ffff:7f00:1', true],
    // Not the same network, whatever the bits.
    ['10.0.0.0/8', '0a00::1', false],
    ['10.0.0.0/8', '::10.1.2.3', false],
    ['10.0.0.0/8', '64:ff9b::10.1.2.3', false],
    // No addresses.
    ['0.0.0.0/0', 'localhost', false],
    ['0.0.0.0/0', '', false],
    ['0.0.0.0/0', '10.1', false],
    ['::/0', '/run/socket', false],
  ])('%s, of %s: %s', (range, address, expected) => {
    expect(createTrustedPeers([range]).includes(address)).toBe(expected);
    expect(createTrustedPeers(['198.51.100.1', range, '2001:db8:ffff::1']).includes(address)).toBe(expected);
  });

  test('nobody without a list, and never an unknown peer', () => {
    expect(createTrustedPeers([]).includes('127.0.0.1')).toBe(false);
    expect(createTrustedPeers(['0.0.0.0/0', '::/0']).includes(null)).toBe(false);
  });

  test('whoever comes by a Unix socket, where the list has the word for it', () => {
    expect(createTrustedPeers([]).unix).toBe(false);
    expect(createTrustedPeers(['0.0.0.0/0', '::/0']).unix).toBe(false);
    const peers = createTrustedPeers(['10.0.0.0/8', 'unix']);
    expect([peers.unix, peers.includes('10.1.1.1'), peers.includes('::1'), peers.includes(null)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(createTrustedPeers(['unix']).unix).toBe(true);
  });
});

describe('what is no range', () => {
  test.each([
    '',
    'localhost',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/8.0',
    '10.0.0.0/ 8',
    '10.0.0.0/1e1',
    '10.0.0.0/255.0.0.0',
    ' 10.0.0.0/8',
    '10.0.0.0-10.0.0.9',
    '::1/129',
    '::1/1000',
    '[::1]',
    '*',
    'Unix',
    'unix:',
    'unix/8',
  ])('%j throws', (range) => {
    expect(() => createTrustedPeers([range])).toThrow(TypeError);
    expect(() => createTrustedPeers(['::1', range])).toThrow(JSON.stringify(range));
  });
});

describe('isUnixPeer', () => {
  /** The server's end of a connection, and the client's. */
  async function connection(address: ListenOptions): Promise<{ peer: Socket; client: Socket }> {
    const server = createServer();
    onTestFinished(() => void server.close());
    server.listen(address);
    await once(server, 'listening');
    const at = server.address();
    const client = typeof at === 'string' ? connect(at) : connect((at as AddressInfo).port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    client.on('error', () => {});
    const [peer] = (await once(server, 'connection')) as [Socket];
    onTestFinished(() => void peer.destroy());
    peer.on('error', () => {});
    return { peer, client };
  }

  test('tells a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluiceway-unix-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const { peer } = await connection({ path: join(folder, 's') });
    expect(isUnixPeer(peer)).toBe(true);
    peer.destroy();
    expect(isUnixPeer(peer)).toBe(false);
  });

  test('is not fooled by a TCP peer that has left, whose address nobody knows any more', async () => {
    const { peer, client } = await connection({ port: 0, host: '127.0.0.1' });
    const left = new Promise((resolve) => peer.once('close', resolve));
    client.resetAndDestroy();
    await once(client, 'close');
    // Asked for the first time after the reset: the operating system does not know either.
    expect([peer.destroyed, peer.remoteAddress]).toEqual([false, undefined]);
    expect(isUnixPeer(peer)).toBe(false);
    peer.resume();
    await left;
    expect(isUnixPeer(peer)).toBe(false);
  });

  test('does not take TLS on a stream that is no socket for one', () => {
    const socket = new TLSSocket(new PassThrough(), { isServer: true });
    onTestFinished(() => void socket.destroy());
    expect([socket.destroyed, socket.remoteAddress, socket.localAddress]).toEqual([
      false,
      undefined,
      undefined,
    ]);
    expect(isUnixPeer(socket)).toBe(false);
  });

  test.each([{}, { remoteAddress: undefined, destroyed: false }, new PassThrough()])(
    'takes nothing else for one',
    (other) => {
      expect(isUnixPeer(other)).toBe(false);
    },
  );
});

test('a range includes what has its prefix, of either family', () => {
  const toText = (value: bigint, bits: number): string =>
    bits === 32
      ? [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
      : Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(
          ':',
        );
  const family = fc.constantFrom(32, 128);
  const twoAddresses = family.chain((bits) => {
    const any = fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });
    // One that is close to the other as often as not.
    const flipped = fc.nat(bits - 1).map((bit) => 1n << BigInt(bit));
    return fc.record({ bits: fc.constant(bits), base: any, other: any, flip: flipped, near: fc.boolean() });
  });
  fc.assert(
    fc.property(twoAddresses, fc.nat(128), ({ bits, base, other, flip, near }, wanted) => {
      const prefix = wanted % (bits + 1);
      const address = near ? base ^ flip : other;
      // IPv4 in IPv6 is IPv4.
      fc.pre(bits === 32 || (base >> 32n !== 0xffffn && address >> 32n !== 0xffffn));
      const shift = BigInt(bits - prefix);
      const peers = createTrustedPeers([`${toText(base, bits)}/${prefix}`]);
      expect(peers.includes(toText(address, bits))).toBe(base >> shift === address >> shift);
    }),
    { seed: 4632, numRuns: 2000 },
  );
});
