import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { classifyAddress } from '../../src/net/address-class.js';

const refused = (address: string): string | true => {
  const { allowed, class: name } = classifyAddress(address);
  return allowed ? true : name;
};

describe('IANA IPv4 special-purpose registry and multicast', () => {
  test.each([
    ['0.0.0.0/8 this network', ['0.0.0.0', '0.255.255.255'], ['1.0.0.0']],
    ['10.0.0.0/8 private', ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0']],
    [
      '100.64.0.0/10 shared',
      ['100.64.0.0', '100.127.255.255', '100.100.100.200'],
      ['100.63.255.254', '100.128.0.1'],
    ],
    ['127.0.0.0/8 loopback', ['127.0.0.0', '127.0.0.1', '127.255.255.255'], ['126.255.255.255', '128.0.0.0']],
    [
      '169.254.0.0/16 link-local',
      ['169.254.0.0', '169.254.169.254', '169.254.255.255'],
      ['169.253.255.255', '169.255.0.0'],
    ],
    ['172.16.0.0/12 private', ['172.16.0.0', '172.31.255.255'], ['172.15.255.255', '172.32.0.0']],
    [
      '192.0.0.0/24 protocol assignments',
      ['192.0.0.0', '192.0.0.192', '192.0.0.255'],
      ['191.255.255.255', '192.0.1.0'],
    ],
    ['192.0.2.0/24 documentation', ['192.0.2.0', '192.0.2.255'], ['192.0.1.255', '192.0.3.0']],
    ['192.31.196.0/24 AS112', ['192.31.196.0', '192.31.196.255'], ['192.31.195.255', '192.31.197.0']],
    ['192.52.193.0/24 AMT', ['192.52.193.0', '192.52.193.255'], ['192.52.192.255', '192.52.194.0']],
    ['192.88.99.0/24 6to4 relay', ['192.88.99.0', '192.88.99.255'], ['192.88.98.255', '192.88.100.0']],
    ['192.168.0.0/16 private', ['192.168.0.0', '192.168.255.255'], ['192.167.255.255', '192.169.0.0']],
    ['192.175.48.0/24 AS112', ['192.175.48.0', '192.175.48.255'], ['192.175.47.255', '192.175.49.0']],
    ['198.18.0.0/15 benchmarking', ['198.18.0.0', '198.19.255.255'], ['198.17.255.255', '198.20.0.0']],
    ['198.51.100.0/24 documentation', ['198.51.100.0', '198.51.100.255'], ['198.51.99.255', '198.51.101.0']],
    ['203.0.113.0/24 documentation', ['203.0.113.0', '203.0.113.255'], ['203.0.112.255', '203.0.114.0']],
    ['224.0.0.0/4 multicast', ['224.0.0.0', '239.255.255.255'], ['223.255.255.255']],
    ['240.0.0.0/4 reserved', ['240.0.0.0', '255.255.255.254', '255.255.255.255'], []],
    ['168.63.129.16 cloud host', ['168.63.129.16'], ['168.63.129.15', '168.63.129.17']],
  ])('%s', (_, inside, outside) => {
    const spellings = (address: string): string[] => [address, `::ffff:${address}`, `64:ff9b::${address}`];
    expect(inside.flatMap(spellings).filter((address) => refused(address) === true)).toEqual([]);
    expect(outside.flatMap(spellings).filter((address) => refused(address) !== true)).toEqual([]);
  });
});

describe('IANA IPv6 special-purpose registry and what carries IPv4', () => {
  test.each([
    ['::/128 unspecified', ['::', '0:0:0:0:0:0:0:0']],
    ['::1/128 loopback', ['::1', '0::1']],
    ['::/96 IPv4-compatible', ['::2', '::8.8.8.8', '::808:808', '0::8.8.8.8', '::127.0.0.1', '::ffff']],
    ['::ffff:0:0:0/96 translated', ['::ffff:0:8.8.8.8']],
    ['64:ff9b:1::/48 local NAT64', ['64:ff9b:1::8.8.8.8', '64:ff9b:1:ffff::1']],
    ['beside 64:ff9b::/96', ['64:ff9b::1:0:8.8.8.8', '64:ff9b:0:1::8.8.8.8', '64:ff9a::8.8.8.8']],
    ['100::/64 discard', ['100::', '100::ffff']],
    ['100:0:0:1::/64 dummy', ['100:0:0:1::1']],
    ['2001::/32 Teredo', ['2001::', '2001:0:808:808::1']],
    ['2001::/23 protocol assignments', ['2001:1::1', '2001:1ff:ffff::1']],
    ['2001:2::/48 benchmarking', ['2001:2::1']],
    ['2001:3::/32 AMT', ['2001:3::1']],
    ['2001:4:112::/48 AS112', ['2001:4:112::1']],
    ['2001:10::/28 and 2001:20::/28 ORCHID', ['2001:10::1', '2001:20::1', '2001:2f:ffff::1']],
    ['2001:30::/28 drone identifiers', ['2001:30::1']],
    ['2001:db8::/32 documentation', ['2001:db8::', '2001:db8:ffff:ffff::1']],
    ['2002::/16 6to4', ['2002::', '2002:808:808::1', '2002:7f00:1::']],
    ['2620:4f:8000::/48 AS112', ['2620:4f:8000::1']],
    ['3fff::/20 documentation', ['3fff::1', '3fff:fff::1']],
    ['5f00::/16 segment routing', ['5f00::1']],
    ['fc00::/7 unique local', ['fc00::', 'fd00:ec2::254', 'fdff:ffff::1']],
    ['fe80::/10 link-local', ['fe80::1', 'febf::1']],
    ['fec0::/10 site-local', ['fec0::1', 'feff::1']],
    ['ff00::/8 multicast', ['ff00::1', 'ff02::1', 'ffff::1']],
    ['outside 2000::/3', ['1::1', '1fff::1', '4000::1', '8000::1', 'fbff::1', 'fe00::1']],
    [
      'ISATAP',
      [
        '2a00:1450::5efe:8.8.8.8',
        '2a00:1450::200:5efe:8.8.8.8',
        '2a00:1450::5efe:127.0.0.1',
        'fe80::5efe:1.2.3.4',
      ],
    ],
    ['with a zone', ['fe80::1%eth0', '2a00:1450::1%eth0', '::1%lo']],
  ])('%s', (_, addresses) => {
    expect(addresses.filter((address) => refused(address) === true)).toEqual([]);
  });

  test.each([
    '2a00:1450:4001:830::200e',
    '2606:4700::1111',
    '2000::1',
    '3ffe::1',
    '2001:200::1',
    '2001:4860:4860::8888',
    '2003::1',
    '2001:db7::1',
    '2001:db9::1',
    '3fff:1000::1',
    '2a00:1450::100:5efe:8.8.8.8',
    '2A00:1450::1',
  ])('%s is public', (address) => {
    expect(classifyAddress(address)).toMatchObject({ allowed: true, class: 'unicast' });
  });
});

describe('spellings', () => {
  test.each([
    '',
    '127.1',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '0177.0.0.1',
    '127.0.0.1.',
    '127.0.0.01',
    '8.8.8',
    '8.8.8.8 ',
    ' 8.8.8.8',
    '8.8.8.8:80',
    '[2a00::1]',
    '2a00::1::2',
    'localhost',
    '\uff18.8.8.8',
    '8.8.8.8\n',
  ])('%j is not an address', (address) => {
    expect(classifyAddress(address)).toMatchObject({ allowed: false, class: 'invalid' });
  });

  test('the reason names the address and why', () => {
    expect(classifyAddress('10.1.2.3').reason).toBe('10.1.2.3 is in a private range');
    expect(classifyAddress('::ffff:10.1.2.3').reason).toContain('10.1.2.3 is in a private range');
    expect(classifyAddress('64:ff9b::7f00:1').reason).toContain('127.0.0.1 is in a loopback range');
  });
});

describe('properties', () => {
  test('any string is judged, and only an address can be allowed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.ipV4Extended(), fc.domain()), (text) => {
        const { allowed, reason } = classifyAddress(text);
        expect(reason).not.toBe('');
        const looksRight = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f:]+(?:\d+(?:\.\d+){3})?)$/i.test(text);
        expect(looksRight || !allowed).toBe(true);
      }),
    );
  });

  test('every spelling of an IPv6 address is judged alike', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 }), (parts) => {
        const short = parts.map((part) => part.toString(16)).join(':');
        const long = parts.map((part) => part.toString(16).padStart(4, '0').toUpperCase()).join(':');
        expect(classifyAddress(long)).toEqual(classifyAddress(short));
      }),
    );
  });
});
