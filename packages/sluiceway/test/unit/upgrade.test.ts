import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import { isAgreed, wantedProtocol } from '../../src/http/upgrade.js';

const wanted = (raw: string[], version = '1.1'): string | null => wantedProtocol(version, new Fields(raw));

describe('RFC 9110 section 7.8, what a client asks for', () => {
  test.each<[string, string[], string | null]>([
    ['a WebSocket', ['Connection', 'Upgrade', 'Upgrade', 'websocket'], 'websocket'],
    ['in any case, kept as spelled', ['connection', 'UPGRADE', 'upgrade', 'WebSocket'], 'WebSocket'],
    ['among other options', ['Connection', 'keep-alive, Upgrade', 'Upgrade', 'websocket'], 'websocket'],
    ['options in two lines', ['Connection', 'keep-alive', 'Connection', 'upgrade', 'Upgrade', 'a/1'], 'a/1'],
    ['several protocols', ['Connection', 'upgrade', 'Upgrade', 'a/1,b', 'Upgrade', 'c'], 'a/1, b, c'],
    ['with white space inside', ['Connection', 'upgrade', 'Upgrade', 'a b'], 'a b'],
    ['no Upgrade', ['Connection', 'upgrade'], null],
    ['an empty Upgrade', ['Connection', 'upgrade', 'Upgrade', ' , '], null],
    ['no Connection', ['Upgrade', 'websocket'], null],
    ['a Connection that does not name it', ['Connection', 'keep-alive', 'Upgrade', 'websocket'], null],
    ['a Connection that names something like it', ['Connection', 'x-upgrade', 'Upgrade', 'websocket'], null],
    ['h2c', ['Connection', 'Upgrade, HTTP2-Settings', 'Upgrade', 'h2c'], null],
    ['H2C', ['Connection', 'upgrade', 'Upgrade', 'H2C'], null],
    [
      'h2c beside another, which is left',
      ['Connection', 'upgrade', 'Upgrade', 'h2c, websocket, H2c'],
      'websocket',
    ],
    ['a protocol outside of ASCII', ['Connection', 'upgrade', 'Upgrade', 'websoc\xe9'], null],
    ['one such among others', ['Connection', 'upgrade', 'Upgrade', 'websocket, \xe9'], null],
  ])('%s', (_, raw, expected) => {
    expect(wanted(raw)).toBe(expected);
    expect(wanted(raw, '1.0')).toBeNull();
  });
});

describe('RFC 9110 section 7.8, what the origin server may choose', () => {
  test.each<[string, string | undefined, boolean]>([
    ['websocket', 'websocket', true],
    ['websocket', 'WebSocket', true],
    ['WebSocket', 'websocket', true],
    ['a/1, b', 'b', true],
    ['a/1, b', 'A/1', true],
    ['a/1', 'a', false],
    ['a/1', 'a/2', false],
    ['a, b', 'a, b', false],
    ['websocket', 'h2c', false],
    ['websocket', 'websoc\xe9', false],
    ['websocket', 'websoc\u212aet', false],
    ['websocket', '', false],
    ['websocket', undefined, false],
    ['', '', false],
    ['', 'websocket', false],
  ])('of %j it chooses %j: %s', (offered, chosen, agreed) => {
    expect(isAgreed(offered, chosen)).toBe(agreed);
  });
});

test('a long value that is almost a protocol costs no time', () => {
  const long = `${'ab '.repeat(20_000)}\xe9`;
  expect(wanted(['Connection', 'upgrade', 'Upgrade', long])).toBeNull();
  expect(isAgreed('websocket', long)).toBe(false);
});
