import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import { isAgreed, offeredProtocols, wantedProtocol } from '../../src/http/upgrade.js';

const wanted = (raw: string[], version = '1.1'): string | null => wantedProtocol(version, new Fields(raw));

describe('RFC 9110 section 7.8, what a client asks for', () => {
  test.each<[string, string[], string | null]>([
    ['a WebSocket', ['Connection', 'Upgrade', 'Upgrade', 'websocket'], 'websocket'],
    ['in any case, kept as spelled', ['connection', 'UPGRADE', 'upgrade', 'WebSocket'], 'WebSocket'],
    ['among other options', ['Connection', 'keep-alive, Upgrade', 'Upgrade', 'websocket'], 'websocket'],
    ['options in two lines', ['Connection', 'keep-alive', 'Connection', 'upgrade', 'Upgrade', 'a/1'], 'a/1'],
    ['several protocols', ['Connection', 'upgrade', 'Upgrade', 'a/1,b', 'Upgrade', 'c'], 'a/1, b, c'],
    ['what is no protocol', ['Connection', 'upgrade', 'Upgrade', 'a b'], null],
    ['what is no version', ['Connection', 'upgrade', 'Upgrade', 'a/1/2, b/, /c'], null],
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
    [
      'one such among others, which are left',
      ['Connection', 'upgrade', 'Upgrade', 'websocket, \xe9'],
      'websocket',
    ],
    [
      'names that only begin like HTTP',
      ['Connection', 'upgrade', 'Upgrade', 'httpx, h2cx/1'],
      'httpx, h2cx/1',
    ],
  ])('%s', (_, raw, expected) => {
    expect(wanted(raw)).toBe(expected);
    expect(wanted(raw, '1.0')).toBeNull();
  });
});

describe('RFC 9110 section 7.8, HTTP/2 by any name', () => {
  const names = [
    'h2c',
    'H2C',
    'h2',
    'h2c/1',
    'h2/2',
    'h2-14',
    'h2c-17',
    'HTTP/2.0',
    'http/2',
    'HTTP',
    'HTTP2',
    'h3',
  ];
  test.each([...names, '"h2c"', '"h2', "'h2c'", 'h2c;q=1', 'h2c h2c'])('%s is never passed on', (name) => {
    expect(wanted(['Connection', 'upgrade', 'Upgrade', name])).toBeNull();
    expect(wanted(['Connection', 'upgrade', 'Upgrade', `websocket, ${name}`])).toBe('websocket');
    expect(wanted(['Connection', 'upgrade', 'Upgrade', name, 'Upgrade', 'websocket'])).toBe('websocket');
    expect(offeredProtocols(new Fields(['Upgrade', `${name}, foo/2`]))).toBe('foo/2');
    expect(isAgreed(name, name)).toBe(false);
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
