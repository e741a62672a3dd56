import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import {
  type ForwardedFacts,
  formatForwardedElement,
  formatForwardedNode,
  plainAddress,
  setForwardedFields,
} from '../../src/http/forwarded.js';

function set(raw: string[], facts: Partial<ForwardedFacts> = {}): string[] {
  const fields = new Fields(raw);
  setForwardedFields(fields, {
    clientAddress: '192.0.2.7',
    host: 'a.test:8080',
    proto: 'https',
    trusted: false,
    ...facts,
  });
  return [...fields.raw];
}

const OURS = [
  'X-Forwarded-For',
  '192.0.2.7',
  'X-Forwarded-Host',
  'a.test:8080',
  'X-Forwarded-Proto',
  'https',
];

describe('an untrusted peer', () => {
  test('gets its own address, host and protocol', () => {
    expect(set(['A', '1'])).toEqual(['A', '1', ...OURS]);
  });

  test('cannot claim anything', () => {
    const claims = [
      'x-forwarded-for',
      '10.0.0.1',
      'X-Forwarded-For',
      '10.0.0.2',
      'X-Forwarded-Host',
      'evil.test',
      'X-FORWARDED-PROTO',
      'http',
      'X-Forwarded-Port',
      '1',
      'X-Forwarded-Prefix',
      '/admin',
      'Forwarded',
      'for=10.0.0.1',
      'X-Real-IP',
      '10.0.0.1',
    ];
    expect(set(['A', '1', ...claims, 'B', '2'])).toEqual(['A', '1', 'B', '2', ...OURS]);
  });

  test.each(['X_Forwarded_For', 'x-forwarded_host', 'X_Real_IP'])(
    'cannot claim anything by %s either, which is the same to CGI [RFC 3875 4.1.18; nginx]',
    (name) => {
      expect(set([name, '10.0.0.1'])).toEqual(OURS);
      // No proxy writes it so: a trusted one has passed on what its client wrote.
      expect(set([name, '10.0.0.1'], { trusted: true })).toEqual(OURS);
    },
  );

  test('may say what only looks like a claim', () => {
    const lines = ['Forwarded-X', '1', 'X-Forward', '2', 'X-Real-IPs', '3', 'X_Y', '4'];
    expect(set(lines)).toEqual([...lines, ...OURS]);
  });

  test('without a host is forwarded without one', () => {
    expect(set([], { host: null })).toEqual(['X-Forwarded-For', '192.0.2.7', 'X-Forwarded-Proto', 'https']);
  });

  test('of unreadable address gets no X-Forwarded-For, not a guess [Go ReverseProxy; Caddy]', () => {
    expect(set(['X-Forwarded-For', 'x'], { clientAddress: 'odd' })).toEqual(OURS.slice(2));
  });

  test('on a Unix socket gets none of the fields', () => {
    expect(
      set(['X-Forwarded-For', 'x', 'X-Forwarded-Host', 'x', 'Forwarded', 'x'], { clientAddress: null }),
    ).toEqual([]);
  });
});

describe('a trusted peer', () => {
  const trusted = { trusted: true };

  test('without claims is treated as the first', () => {
    expect(set(['A', '1'], trusted)).toEqual(['A', '1', ...OURS]);
  });

  test('has its chain folded into one line and continued', () => {
    expect(
      set(['X-Forwarded-For', 'a, b', 'X-Forwarded-Host', 'h', 'X-Forwarded-Proto', 'http'], trusted),
    ).toEqual(['X-Forwarded-For', 'a, b, 192.0.2.7', 'X-Forwarded-Host', 'h', 'X-Forwarded-Proto', 'http']);
    const lines = ['x-forwarded-for', 'a', 'B', '1', 'X-Forwarded-For', '', 'X-FORWARDED-FOR', 'b'];
    expect(new Fields(set(lines, trusted)).getAll('x-forwarded-for')).toEqual(['a, b, 192.0.2.7']);
  });

  test('has the last of several hosts and protocols kept [Caddy]', () => {
    const lines = [
      'X-Forwarded-Host',
      'a',
      'X-Forwarded-Host',
      'b',
      'X-Forwarded-Proto',
      'x',
      'X-Forwarded-Proto',
      'y',
    ];
    const fields = new Fields(set(lines, trusted));
    expect(fields.getAll('x-forwarded-host')).toEqual(['b']);
    expect(fields.getAll('x-forwarded-proto')).toEqual(['y']);
  });

  test('has empty claims replaced', () => {
    const fields = new Fields(set(['X-Forwarded-Host', '', 'X-Forwarded-Proto', ''], trusted));
    expect(fields.getAll('x-forwarded-host')).toEqual(['a.test:8080']);
    expect(fields.getAll('x-forwarded-proto')).toEqual(['https']);
    expect(set(['X-Forwarded-Host', ''], { ...trusted, host: null })).toEqual(
      OURS.filter((_, i) => i !== 2 && i !== 3),
    );
  });

  test('has its port, prefix and X-Real-IP kept', () => {
    const lines = ['X-Forwarded-Port', '1', 'X-Forwarded-Prefix', '/p', 'X-Real-IP', 'r'];
    expect(set(lines, trusted).slice(0, 6)).toEqual(lines);
  });

  test('on a Unix socket has its chain kept as it is [Caddy]', () => {
    const facts = { ...trusted, clientAddress: null };
    expect(set(['X-Forwarded-For', 'a', 'X-Forwarded-For', 'b'], facts).slice(0, 4)).toEqual([
      'X-Forwarded-For',
      'a',
      'X-Forwarded-For',
      'b',
    ]);
    expect(set([], facts)).toEqual(OURS.slice(2));
  });

  test('has Forwarded continued where it sent one, and none made', () => {
    expect(
      new Fields(set(['Forwarded', 'for=a', 'Forwarded', 'for=b'], trusted)).getAll('forwarded'),
    ).toEqual(['for=a, for=b, for=192.0.2.7;host="a.test:8080";proto=https']);
    expect(
      new Fields(set(['Forwarded', 'for=a'], { ...trusted, clientAddress: '::1' })).get('forwarded'),
    ).toBe('for=a, for="[::1]";host="a.test:8080";proto=https');
  });
});

describe('the address of a peer', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::1', '::1'],
    ['2001:DB8::1', '2001:DB8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1%lo', '192.0.2.1'],
    ['[::1]', '::1'],
    ['::', '::'],
    ['64:ff9b::192.0.2.1', '64:ff9b::192.0.2.1'],
    ['', null],
    ['odd', null],
    ['192.0.2.1:80', null],
    ['192.0.2', null],
    ['a, b', null],
    ['bad', null],
  ])('%j is written as %j in forwarding fields (null: left out) [Caddy]', (address, expected) => {
    expect(plainAddress(address)).toBe(expected);
  });

  test('every address stays one, without brackets and zone', () => {
    const zone = fc.constantFrom('', '%eth0', '%25');
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), zone, (address, suffix) => {
        const plain = plainAddress(address + (address.includes(':') ? suffix : ''));
        expect(isIP(plain ?? '')).toBeGreaterThan(0);
      }),
    );
  });
});

describe('Forwarded, RFC 7239', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '"[2001:db8::1]"'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['odd', 'unknown'],
    [null, 'unknown'],
  ])('node of %j', (address, expected) => {
    expect(formatForwardedNode(address)).toBe(expected);
  });

  test.each([
    ['a.test', 'for=192.0.2.1;host=a.test;proto=http'],
    ['a.test:80', 'for=192.0.2.1;host="a.test:80";proto=http'],
    ['a"\\b', 'for=192.0.2.1;host="a\\"\\\\b";proto=http'],
    ['', 'for=192.0.2.1;proto=http'],
    [null, 'for=192.0.2.1;proto=http'],
  ])('element with the host %j', (host, expected) => {
    expect(formatForwardedElement({ for: '192.0.2.1', host, proto: 'http' })).toBe(expected);
  });
});

test('whatever an untrusted peer sends, the result is the same', () => {
  const name = fc.constantFrom(
    'X-Forwarded-For',
    'x-forwarded-host',
    'X-FORWARDED-PROTO',
    'Forwarded',
    'X-Real-Ip',
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.stringMatching(/^[ -~]*$/))), (lines) => {
      expect(set(lines.flat())).toEqual(OURS);
    }),
  );
});

test('the last member of a chain is always what we saw ourselves', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[ -~]*$/)), (values) => {
      const fields = new Fields(
        set(
          values.flatMap((value) => ['X-Forwarded-For', value]),
          { trusted: true },
        ),
      );
      expect(fields.getAll('x-forwarded-for')).toHaveLength(1);
      expect(fields.list('x-forwarded-for').at(-1)).toBe('192.0.2.7');
    }),
  );
});
