import { expect, test } from 'vitest';
import { formatTransferJson, formatTransferText, type TransferRecord } from '../../src/index.js';

const record: TransferRecord = {
  time: '2026-01-02T03:04:05.006Z',
  id: 'a-1',
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
  attempts: 1,
  resumes: 0,
  ifRangeRetries: 0,
  zeroCopy: false,
  error: null,
  errorMessage: null,
  identity: null,
};

// U+009B begins a command as ESC [ does, and U+2028 ends a line for some readers.
test.each(['\x1b[2J', '\x9b2J', '\x7f', '\u2028', '\r\nGET'])(
  'a path with the characters %j puts none of them into the log [Sluiceway]',
  (text) => {
    for (const line of [formatTransferText, formatTransferJson].map((format) =>
      format({ ...record, path: `/${text}`, identity: text }),
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
