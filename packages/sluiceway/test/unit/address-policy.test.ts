import { describe, expect, test } from 'vitest';
import {
  type AddressPolicyOptions,
  anyAddress,
  createAddressPolicy,
  publicAddresses,
} from '../../src/net/address-policy.js';

describe('the two bases', () => {
  test('anyAddress allows what publicAddresses refuses', () => {
    expect(anyAddress.decide('127.0.0.1', 80).allowed).toBe(true);
    expect(publicAddresses.decide('127.0.0.1', 80).allowed).toBe(false);
    expect(publicAddresses.decide('8.8.8.8', 80).allowed).toBe(true);
  });

  test('without rules the base itself is the policy', () => {
    expect(createAddressPolicy({ base: 'any' })).toBe(anyAddress);
    expect(createAddressPolicy({ base: 'public', allow: [], deny: [] })).toBe(publicAddresses);
  });
});

describe('rules', () => {
  const decide = (options: AddressPolicyOptions, address: string, port = 80): boolean =>
    createAddressPolicy(options).decide(address, port).allowed;

  test.each<[string, AddressPolicyOptions, [address: string, port: number, allowed: boolean][]]>([
    [
      'allow beats the base',
      { base: 'public', allow: ['10.0.0.0/8', '::1'] },
      [
        ['10.255.255.255', 80, true],
        ['11.0.0.0', 80, true],
        ['192.168.0.1', 80, false],
        ['::1', 80, true],
        ['::2', 80, false],
      ],
    ],
    [
      'allow beats deny',
      { base: 'public', allow: ['10.0.0.5'], deny: ['10.0.0.0/8'] },
      [
        ['10.0.0.5', 80, true],
        ['10.0.0.6', 80, false],
      ],
    ],
    [
      'deny beats the base',
      { base: 'any', deny: ['8.8.8.0/24', '2a00::/16'] },
      [
        ['8.8.8.8', 80, false],
        ['8.8.9.8', 80, true],
        ['127.0.0.1', 80, true],
        ['2a00:1450::1', 80, false],
      ],
    ],
    [
      'a rule with a port holds for that port',
      { base: 'public', allow: ['10.0.0.0/8:8080', '[fd00::/8]:443', '127.0.0.1:81', '[::1]:82'] },
      [
        ['10.1.1.1', 8080, true],
        ['10.1.1.1', 80, false],
        ['fd00::1', 443, true],
        ['fd00::1', 444, false],
        ['127.0.0.1', 81, true],
        ['127.0.0.1', 82, false],
        ['::1', 82, true],
      ],
    ],
    [
      'an IPv4-mapped address meets IPv4 rules',
      { base: 'any', allow: ['10.0.0.1'], deny: ['10.0.0.0/8'] },
      [
        ['::ffff:10.0.0.1', 80, true],
        ['::ffff:10.0.0.2', 80, false],
        ['::ffff:a00:2', 80, false],
        // Another address, though it looks alike.
        ['::10.0.0.2', 80, true],
      ],
    ],
    [
      'an IPv4-mapped rule meets IPv4 addresses',
      { base: 'any', deny: ['::ffff:10.0.0.0/104'] },
      [
        ['10.0.0.1', 80, false],
        ['::ffff:10.0.0.1', 80, false],
        ['11.0.0.1', 80, true],
      ],
    ],
    [
      'a NAT64 address meets IPv4 rules that deny, not ones that allow',
      { base: 'public', allow: ['10.0.0.0/8'], deny: ['8.8.8.8'] },
      [
        ['64:ff9b::8.8.8.8', 80, false],
        ['64:ff9b::8.8.4.4', 80, true],
        ['64:ff9b::10.0.0.1', 80, false],
      ],
    ],
    [
      'a zone does not hide an address from a rule',
      { base: 'any', deny: ['fe80::/10'] },
      [
        ['fe80::1%eth0', 80, false],
        ['fe80::1', 80, false],
      ],
    ],
    [
      'IPv4 and IPv6 rules do not meet each other',
      { base: 'any', deny: ['0.0.0.0/0'] },
      [
        ['1.2.3.4', 80, false],
        ['2a00::1', 80, true],
      ],
    ],
    [
      'a rule covers its whole range, whatever address it is written with',
      { base: 'any', deny: ['10.1.2.3/8', '::/0'] },
      [
        ['10.200.0.1', 80, false],
        ['2a00::1', 80, false],
      ],
    ],
    [
      'what is no address is refused',
      { base: 'any', deny: ['10.0.0.1'] },
      [
        ['localhost', 80, false],
        ['127.1', 80, false],
        ['0x7f000001', 80, false],
        ['', 80, false],
      ],
    ],
  ])('%s', (_, options, expected) => {
    for (const [address, port, allowed] of expected) {
      expect(decide(options, address, port), `${address} ${port}`).toBe(allowed);
    }
  });

  test('the reason names the rule', () => {
    const policy = createAddressPolicy({ base: 'public', allow: ['10.0.0.5'], deny: ['8.8.8.0/24:53'] });
    expect(policy.decide('10.0.0.5', 80).reason).toBe('10.0.0.5 is allowed by 10.0.0.5');
    expect(policy.decide('8.8.8.8', 53).reason).toBe('8.8.8.8 is denied by 8.8.8.0/24:53');
    expect(policy.decide('10.0.0.6', 80).reason).toBe('10.0.0.6 is in a private range');
  });

  test.each([
    '',
    'localhost',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/8 ',
    '10.0.0',
    '10',
    '0x0a.0.0.1',
    '010.0.0.1',
    '10.0.0.0/8:',
    '10.0.0.0/8:0',
    '10.0.0.0/8:65536',
    '10.0.0.0/8:x',
    '::/129',
    '[::1',
    '[::1]:0',
    '[10.0.0.1]x',
    'fe80::1%eth0',
    '::ffff:0:0/95',
    '*',
  ])('%j is no rule', (rule) => {
    expect(() => createAddressPolicy({ base: 'any', deny: [rule] })).toThrow(TypeError);
    expect(() => createAddressPolicy({ base: 'any', allow: [rule] })).toThrow(TypeError);
  });
});
