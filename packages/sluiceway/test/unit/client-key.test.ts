import { describe, expect, test } from 'vitest';
import { clientKey } from '../../src/net/client-key.js';

describe('the key of a client', () => {
  test.for([
    ['two IPv4 addresses', '192.0.2.7', '192.0.2.8', false],
    ['two addresses of one /64', '2001:db8:0:1::1', '2001:db8:0:1:ffff::2', true],
    ['addresses of two /64s', '2001:db8:0:1::1', '2001:db8:0:2::1', false],
    ['two spellings of an IPv6 address', '2001:db8::1', '2001:0DB8:0:0:0:0:0:0001', true],
    ['an IPv6 address and the same with an IPv4 tail', '2001:db8::c000:207', '2001:db8::192.0.2.7', true],
    ['an IPv4 address and its IPv4-mapped form', '192.0.2.7', '::ffff:192.0.2.7', true],
    ['an IPv4 address and its IPv4-mapped form in hexadecimal', '192.0.2.7', '::FFFF:c000:207', true],
    ['two IPv4-mapped addresses', '::ffff:192.0.2.7', '::ffff:192.0.2.8', false],
    ['an IPv4 address and its NAT64 form', '192.0.2.7', '64:ff9b::c000:207', true],
    ['two NAT64 addresses', '64:ff9b::c000:207', '64:ff9b::c000:208', false],
    ['an IPv6 address with a zone and without one', 'fe80::1%eth0', 'fe80::1', true],
    ['two link-local addresses', 'fe80::1', 'fe80::2', false],
    ['an IPv6 address with two zones', 'fe80::1%eth0', 'fe80::1%2', true],
    ['the loopback addresses of IPv4 and IPv6', '127.0.0.1', '::1', false],
    ['an unknown address and text that is not one', null, 'unknown', true],
    ['an unknown address and a known one', null, '::1', false],
  ] as const)('%s: %s and %s are one client: %s [RFC 4291 2.5.5.2; RFC 6052; Sluiceway]', (row) => {
    const [, one, other, same] = row;
    expect(clientKey(one) === clientKey(other)).toBe(same);
  });

  test('of an unknown client is empty, and of no other [Sluiceway]', () => {
    expect([clientKey(null), clientKey('unknown'), clientKey('192.0.2.7:80'), clientKey('::')]).toEqual([
      '',
      '',
      '',
      '0:0:0:0::/64',
    ]);
  });
});
