import { expect, test } from 'vitest';
import {
  formatTransferCombined,
  formatTransferJson,
  formatTransferText,
  type TransferRecord,
} from '../../src/index.js';

const record: TransferRecord = {
  time: '2026-01-02T03:04:05.006Z',
  id: 'a-1',
  requestId: 'r-1',
  clientAddress: '192.0.2.1',
  forwardedFor: null,
  host: 'files.example.com',
  httpVersion: '1.1',
  method: 'GET',
  path: '/a',
  status: 200,
  outcome: 'completed',
  bytesDown: 1,
  bytesUp: 0,
  durationMs: 2,
  responseHeadMs: 1,
  firstByteMs: 1,
  upstream: 'http://origin.example.com:9000',
  upstreamAddress: '192.0.2.2:9000',
  upstreamHttpVersion: '1.1',
  connectMs: 3,
  attempts: 1,
  resumes: 0,
  bytesResumed: 0,
  ifRangeRetries: 0,
  zeroCopy: false,
  error: null,
  errorMessage: null,
  identity: null,
  userAgent: null,
  referer: null,
};

// U+009B begins a command as ESC [ does, and U+2028 ends a line for some readers.
test.each(['\x1b[2J', '\x9b2J', '\x7f', '\u2028', '\r\nGET'])(
  'a path with the characters %j puts none of them into the log [Sluiceway]',
  (text) => {
    const values = { ...record, path: `/${text}`, identity: text, userAgent: text, referer: text };
    for (const line of [formatTransferText, formatTransferJson, formatTransferCombined].map((format) =>
      format(values, { route: text }),
    )) {
      expect(line).toMatch(/^[\x20-\x7e]+$/);
    }
    expect(JSON.parse(formatTransferJson({ ...record, path: text }))).toMatchObject({ path: text });
  },
);

test('a value cannot fake a pair in the text form', () => {
  expect(formatTransferText({ ...record, path: '/a status=500' })).toContain(
    'path="/a status=500" status=200',
  );
});

test.each(['a.example status=500', 'a"b', 'a=b'])(
  'the host %j cannot fake a pair in the text form [Sluiceway]',
  (host) => {
    expect(formatTransferText({ ...record, host })).toContain(`host=${JSON.stringify(host)} httpVersion=1.1`);
  },
);

test('both forms have every name of the record, in one order [Sluiceway]', () => {
  const names = Object.keys(record);
  const text = formatTransferText(record)
    .split(' ')
    .map((pair) => pair.split('=', 1)[0]);
  expect(text).toEqual(names);
  expect(Object.keys(JSON.parse(formatTransferJson(record)) as object)).toEqual(names);
});

test('other characters beyond ASCII stay as they are', () => {
  expect(formatTransferText({ ...record, identity: 'Jürgen' })).toContain('identity=Jürgen');
});

test('members are added to a line of each format, after those of the record [Sluiceway]', () => {
  const members = { route: 'a b', worker: 2, none: null };
  expect(formatTransferText(record, members)).toMatch(/ referer=- route="a b" worker=2 none=-$/);
  expect(formatTransferJson(record, members)).toMatch(
    /,"referer":null,"route":"a b","worker":2,"none":null\}$/,
  );
  expect(formatTransferCombined(record, members)).toMatch(/ "r-1" "a b" "2" "-"$/);
});

test('a member replaces the one of the record with its name, so that no name comes twice [Sluiceway]', () => {
  const line = formatTransferJson(record, { path: '/b' });
  expect(line.match(/"path":/g)).toHaveLength(1);
  expect(JSON.parse(line)).toMatchObject({ path: '/b', method: 'GET' });
});

const { time: _time, ...withoutTime } = record;

test.each([
  ['every kind of value', record, { route: 'a', worker: 2, none: null, isDemo: true }],
  ['text that needs escapes', { ...record, path: '/"\\', host: '', userAgent: 'é', error: 'x"' }, { r: '"' }],
  ['numbers that JSON does not have', { ...record, durationMs: Number.NaN, bytesUp: Infinity }, {}],
  ['small and large numbers', { ...record, bytesDown: 2 ** 53, durationMs: 1e-7, bytesUp: 1e21 }, {}],
  ['the first value removed', withoutTime, { route: 'a' }],
  ['text at the end', { ...record, referer: 'https://a.example/' }, {}],
  ['nothing but members', {}, { route: 'a' }],
  ['nothing at all', {}, {}],
] as const)('a JSON line with %s is what JSON.stringify makes of it [Sluiceway]', (_, values, members) => {
  const line = JSON.stringify({ ...values, ...members });
  expect(formatTransferJson(values as TransferRecord, members)).toBe(line);
  expect(formatTransferJson(values as TransferRecord, Object.freeze({ ...members }))).toBe(line);
});

test('members that change between lines are those of each line [Sluiceway]', () => {
  const members = { worker: 1 };
  expect(formatTransferJson(record, members)).toMatch(/,"worker":1\}$/);
  members.worker = 2;
  expect(formatTransferJson(record, members)).toMatch(/,"worker":2\}$/);
});

test('a line of the combined format is as Apache and nginx write it [nginx]', () => {
  const given = {
    ...record,
    forwardedFor: '198.51.100.7',
    identity: 'jane doe',
    path: '/a "b"?…',
    durationMs: 1234,
    userAgent: 'curl/8 "x" \\',
    referer: 'https://example.com/?…',
  };
  expect(formatTransferCombined(given)).toBe(
    '198.51.100.7 - jane\\x20doe [02/Jan/2026:03:04:05 +0000] ' +
      '"GET /a \\x22b\\x22?... HTTP/1.1" 200 1 "https://example.com/?..." "curl/8 \\x22x\\x22 \\x5C" ' +
      '"completed" 1.234 "http://origin.example.com:9000" "r-1"',
  );
});

test('absent values of the combined format are dashes [nginx]', () => {
  const given = { ...record, clientAddress: null, httpVersion: null, status: null, upstream: null };
  expect(formatTransferCombined(given)).toBe(
    '- - - [02/Jan/2026:03:04:05 +0000] "GET /a" - 1 "-" "-" "completed" 0.002 "-" "r-1"',
  );
});
