import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import { formatForwardedElement } from '../../src/http/forwarded.js';
import { type ForwardedClient, readForwardedClient } from '../../src/net/forwarded-client.js';
import { createTrustedPeers } from '../../src/net/trusted-peers.js';

const peers = createTrustedPeers(['10.0.0.0/8', 'fd00::/8']);

interface Facts {
  clientAddress?: string | null;
  host?: string | null;
  trusted?: boolean;
}

function read(lines: readonly string[], facts: Facts = {}): ForwardedClient {
  const fields = new Fields(lines.flatMap((line) => line.split(/: ?(.*)/s, 2)));
  return readForwardedClient(
    fields,
    { clientAddress: '10.0.0.1', host: 'test', proto: 'http', trusted: true, ...facts },
    peers,
  );
}

const addressOf = (...lines: string[]): string | null => read(lines).for;

describe('an untrusted peer', () => {
  const claims = [
    'X-Forwarded-For: 192.0.2.1',
    'X-Forwarded-Host: claimed.test',
    'X-Forwarded-Proto: https',
    'Forwarded: for=192.0.2.2;host=x;proto=https',
  ];

  test.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['fe80::1%eth0', 'fe80::1'],
    ['odd', null],
    [null, null],
  ])('at %j is the client itself, whatever it says [Caddy]', (clientAddress, expected) => {
    expect(read(claims, { clientAddress, trusted: false })).toEqual({
      for: expected,
      host: 'test',
      proto: 'http',
    });
  });
});

describe('the client behind a trusted peer', () => {
  test.each([
    ['is the peer where there is no field', [], '10.0.0.1'],
    ['is the one member', ['192.0.2.1'], '192.0.2.1'],
    ['is the right-most untrusted one', ['6.6.6.6, 192.0.2.1, 10.0.0.2'], '192.0.2.1'],
    ['is found over several lines', ['6.6.6.6', '192.0.2.1, 10.0.0.3', '10.0.0.2'], '192.0.2.1'],
    ['is the left-most where all are trusted', ['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
    ['has no port', ['192.0.2.1:4711, 10.0.0.2:80'], '192.0.2.1'],
    ['of IPv6 has neither brackets nor port', ['[2001:db8::1]:4711, [fd00::1]:80'], '2001:db8::1'],
    ['of IPv6 may stand bare', ['2001:db8::1, fd00::1'], '2001:db8::1'],
    ['has no zone', ['fe80::1%eth0'], 'fe80::1'],
    ['has no zone in brackets', ['[fe80::1%eth0]:1'], 'fe80::1'],
    ['of IPv4 in IPv6 is of IPv4', ['::ffff:192.0.2.1'], '192.0.2.1'],
    ['is not what is no address', ['192.0.2.1, 256.1.1.1, 1.2.3, 010.0.0.1, x, , 10.0.0.2'], '192.0.2.1'],
    ['is the peer where nothing is an address', ['x, y'], '10.0.0.1'],
    ['is not known where a trusted proxy does not know it', ['6.6.6.6, unknown, 10.0.0.2'], null],
    ['is not known where a trusted proxy hides it', ['6.6.6.6, _hidden:80'], null],
    ['is not known where a trusted proxy has it on a Unix socket', ['6.6.6.6, unix:, 10.0.0.2'], null],
    ['is known where only the client says unknown', ['unknown, 192.0.2.1'], '192.0.2.1'],
  ])('%s [Caddy; nginx]', (_, lines, expected) => {
    expect(addressOf(...lines.map((line) => `X-Forwarded-For: ${line}`))).toBe(expected);
  });

  test.each([
    ['for=192.0.2.1', '192.0.2.1'],
    ['For="192.0.2.1:4711"', '192.0.2.1'],
    ['for="[2001:db8::1]:4711"', '2001:db8::1'],
    ['for="[2001:db8::1]"; proto=https;by=10.0.0.1', '2001:db8::1'],
    ['for=6.6.6.6, for=192.0.2.1;host="a,b", for=10.0.0.2', '192.0.2.1'],
    ['proto=http;FOR = "192.0.2\\.1"', '192.0.2.1'],
    ['for=192.0.2.1, proto=https', '192.0.2.1'],
    ['for=6.6.6.6, for=unknown', null],
    ['for=6.6.6.6, for="_a.b-c:_d"', null],
    ['for=x, for', '10.0.0.1'],
    ['', '10.0.0.1'],
    // A quote of the client's that never ends hides nothing that comes after it.
    ['for="6.6.6.6, for=192.0.2.1', '192.0.2.1'],
    ['for="6.6.6.6\\, for="[2001:db8::1]"', '2001:db8::1'],
  ])(
    'is read from Forwarded where there is no X-Forwarded-For: %s [RFC 7239 4; RFC 7239 6]',
    (value, expected) => {
      expect(addressOf(`Forwarded: ${value}`)).toBe(expected);
    },
  );

  test('is found behind a peer on a Unix socket where those are trusted [nginx]', () => {
    const fields = new Fields(['X-Forwarded-For', '6.6.6.6, 192.0.2.1, unix:, 10.0.0.2']);
    const facts = { clientAddress: '10.0.0.1', host: 'test', proto: 'http', trusted: true } as const;
    const trusting = createTrustedPeers(['10.0.0.0/8', 'unix']);
    expect(readForwardedClient(fields, facts, trusting).for).toBe('192.0.2.1');
  });

  test('is the one of X-Forwarded-For where there are both', () => {
    expect(addressOf('Forwarded: for=192.0.2.1', 'X-Forwarded-For: 192.0.2.2')).toBe('192.0.2.2');
  });

  test('on a Unix socket is not known without a field', () => {
    expect(read([], { clientAddress: null }).for).toBeNull();
    expect(read(['X-Forwarded-For: 192.0.2.1'], { clientAddress: null }).for).toBe('192.0.2.1');
  });
});

describe('host and protocol behind a trusted peer', () => {
  test.each<[string, string[], string | null, 'http' | 'https']>([
    ['are those of the request without fields', [], 'test', 'http'],
    [
      'are those of X-Forwarded',
      ['X-Forwarded-Host: a.test:1', 'X-Forwarded-Proto: HTTPS'],
      'a.test:1',
      'https',
    ],
    [
      'are the last ones',
      ['X-Forwarded-Host: a, b', 'X-Forwarded-Host: c', 'X-Forwarded-Proto: http, https'],
      'c',
      'https',
    ],
    ['are not what is none', ['X-Forwarded-Host: a b', 'X-Forwarded-Proto: gopher'], 'test', 'http'],
    ['are not empty', ['X-Forwarded-Host:', 'X-Forwarded-Proto:'], 'test', 'http'],
    [
      'are those that Forwarded has beside the client',
      [
        'Forwarded: for=6.6.6.6;host=evil;proto=http, for=192.0.2.1;host="a.test:1";proto=https, for=10.0.0.2;host=b',
      ],
      'a.test:1',
      'https',
    ],
    [
      'are those of the last element without an address',
      ['Forwarded: host=a;proto=http, host=b;proto=https'],
      'b',
      'https',
    ],
    [
      'are those of the last element beside an X-Forwarded-For',
      ['X-Forwarded-For: 192.0.2.1', 'Forwarded: for=6.6.6.6;host=evil, for=192.0.2.1;host=a;proto=https'],
      'a',
      'https',
    ],
  ])('%s [Caddy; RFC 7239 5]', (_, lines, host, proto) => {
    expect(read(lines)).toMatchObject({ host, proto });
  });
});

describe('properties', () => {
  const node = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4().map((ip) => `${ip}:80`),
    fc.ipV6().map((ip) => `[${ip}]:80`),
    fc.constantFrom('unknown', '_x', '', 'x', 'for=1.1.1.1', '"', ',', ';', '\\'),
    fc.stringMatching(/^[ -~]{0,12}$/),
  );
  const untrusted = fc.oneof(fc.ipV4(), fc.ipV6()).filter((ip) => !peers.includes(ip));

  test('nothing that stands left of what a trusted proxy has added decides', () => {
    fc.assert(
      fc.property(fc.array(node), untrusted, (before, client) => {
        const plain = client.replace(/^::ffff:(?=\d+\.)/i, '');
        const folded = [...before, client, '10.0.0.2'].join(', ');
        expect(addressOf(`X-Forwarded-For: ${folded}`)).toBe(plain);
        const ours = [client, '10.0.0.2'].map((each) =>
          formatForwardedElement({ for: each, host: 'h', proto: 'http' }),
        );
        // On lines of their own; folded, a client's balanced quotes may hold more than one member.
        expect(
          addressOf(
            ...before.map((each) => `Forwarded: ${each}`),
            ...ours.map((each) => `Forwarded: ${each}`),
          ),
        ).toBe(plain);
      }),
    );
  });

  test('whatever is sent, nothing is thrown', () => {
    fc.assert(
      fc.property(fc.array(node), (values) => {
        read(values.flatMap((value) => [`X-Forwarded-Host: ${value}`, `Forwarded: ${value}`]));
      }),
    );
  });
});
