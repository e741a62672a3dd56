import { describe, expect, test } from 'vitest';
import { ChunkedReader } from '../../src/upstream/wire/chunked-reader.js';
import { complete, decode, LIMITS } from '../support/decode-chunked.js';

describe('RFC 9112 section 7.1', () => {
  test.each<[string, string, string, string[] | null, string]>([
    ['no content', '0\r\n\r\n', '', null, ''],
    ['one chunk', '5\r\nhello\r\n0\r\n\r\n', 'hello', null, ''],
    ['several', '1\r\nh\r\n2\r\nel\r\n2\r\nlo\r\n0\r\n\r\n', 'hello', null, ''],
    [
      'hexadecimal in either case',
      'a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n',
      '0123456789'.repeat(2),
      null,
      '',
    ],
    ['zeros before the size', '0005\r\nhello\r\n000\r\n\r\n', 'hello', null, ''],
    ['line ends and sizes in the content', '7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n', '\r\n0\r\n\r\n', null, ''],
    ['bytes after the end', '1\r\nh\r\n0\r\n\r\nHTTP/1.1 200', 'h', null, 'HTTP/1.1 200'],
    ['section 7.1.1: extensions', '5;a;b=c;d="e;f"\r\nhello\r\n0;z\r\n\r\n', 'hello', null, ''],
    ['white space before an extension', '5 ; a\r\nhello\r\n0\t;z\r\n\r\n', 'hello', null, ''],
    ['a size filled up with spaces', '5   \r\nhello\r\n0   \r\n\r\n', 'hello', null, ''],
    ['obs-text in an extension', '5;\xff\r\nhello\r\n0\r\n\r\n', 'hello', null, ''],
    [
      'section 7.1.2: trailers',
      '1\r\nh\r\n0\r\nA: b\r\nC : d\r\n e\r\n\r\n',
      'h',
      ['A', 'b', 'C', 'd e'],
      '',
    ],
  ])('%s', (_, wire, content, trailers, rest) => {
    const expected = complete(content, wire.length - rest.length, trailers);
    expect(decode(wire)).toEqual(expected);
    for (let cut = 1; cut < wire.length; cut += 1) expect(decode(wire, [cut])).toEqual(expected);
    const everywhere = Array.from({ length: wire.length }, (_byte, index) => index + 1);
    expect(decode(wire, everywhere)).toEqual(expected);
    for (let end = 0; end < expected.length; end += 1) {
      expect(decode(wire.slice(0, end))).toMatchObject({ complete: false });
    }
  });

  const coding = 'http_response_transfer_coding upstream_invalid';
  const field = 'http_protocol_error upstream_invalid';
  test.each([
    ['no size', '\r\n', coding],
    ['an extension without a size', ';a\r\n', coding],
    ['white space before the size', ' 5\r\nhello\r\n', coding],
    ['a sign', '+5\r\nhello\r\n', coding],
    ['a prefix', '0x5\r\nhello\r\n', coding],
    ['a character that is no digit', '5g\r\nhello\r\n', coding],
    ['an underscore', '1_0\r\n', coding],
    ['a second size', '5 5\r\nhello\r\n', coding],
    ['an extension without a semicolon', '0\ta=b\r\n\r\n', coding],
    ['a comma', '5,\r\nhello\r\n', coding],
    ['a byte that looks like a digit without its high bit', '\xb5\r\nhello\r\n', coding],
    ['bare LF after the size', '5\nhello\r\n0\r\n\r\n', coding],
    ['bare CR after the size', '5\rhello\r\n0\r\n\r\n', coding],
    ['bare LF in an extension', '5;a\nhello\r\n0\r\n\r\n', coding],
    ['bare CR in an extension', '5;a\rb\r\nhello\r\n0\r\n\r\n', coding],
    ['NUL in an extension', '5;\0\r\nhello\r\n', coding],
    ['a chunk longer than its size', '4\r\nhello\r\n0\r\n\r\n', coding],
    ['a chunk shorter than its size', '6\r\nhello\r\n0\r\n\r\n', coding],
    ['bare LF after a chunk', '5\r\nhello\n0\r\n\r\n', coding],
    ['bare CR after a chunk', '5\r\nhello\r0\r\n\r\n', coding],
    ['no line end after a chunk', '5\r\nhello0\r\n\r\n', coding],
    ['14 digits', '10000000000000\r\n', coding],
    ['14 digits, all zero', '00000000000000\r\n', coding],
    ['a size beyond 64 bits', '10000000000000005\r\nhello\r\n0\r\n\r\n', coding],
    ['bare LF in the trailers', '0\r\nA: b\n\r\n', field],
    ['bare LF for the end', '0\r\n\n', field],
    ['bare CR in the trailers', '0\r\nA: b\rc\r\n\r\n', field],
    ['a trailer without a colon', '0\r\nA\r\n\r\n', field],
    ['NUL in a trailer', '0\r\nA: \0\r\n\r\n', field],
  ])('refused, cut anywhere: %s', (_, wire, expected) => {
    expect(decode(wire)).toBe(expected);
    for (let cut = 1; cut < wire.length; cut += 1) expect(decode(wire, [cut])).toBe(expected);
  });

  test('the largest size of 13 digits is a size', () => {
    expect(decode('fffffffffffff\r\nab')).toMatchObject({ content: 'ab', complete: false });
  });
});

describe('limits', () => {
  const tooLarge = 'http_response_trailer_section_size upstream_invalid';

  test('trailers: bytes and fields up to the limit', () => {
    const section = `A: ${'b'.repeat(1024 - 7)}\r\n\r\n`;
    expect(decode(`0\r\n${section}`)).toMatchObject({ complete: true });
    expect(decode(`0\r\n${section.replace('b', 'bb')}`)).toBe(tooLarge);
    expect(decode(`0\r\n${'A: b\r\n'.repeat(8)}\r\n`)).toMatchObject({ complete: true });
    expect(decode(`0\r\n${'A: b\r\n'.repeat(9)}\r\n`)).toBe(tooLarge);
    expect(decode(`0\r\n${'A: b\r\n'.repeat(1000)}`)).toBe(tooLarge);
  });

  test('a flood of chunk extensions is refused, in one chunk or in many', () => {
    const flood = 'http_response_transfer_coding upstream_invalid';
    expect(decode(`5;${'x'.repeat(16_383)}\r\nhello`)).toMatchObject({ content: 'hello' });
    expect(decode(`0;${'x'.repeat(16_384)}`)).toBe(flood);
    expect(decode('1;xxxxxxxx\r\na\r\n'.repeat(10_000))).toBe(flood);
  });

  test('extensions that are small beside the content go on for as long as the content does', () => {
    const chunk = `2000;signature=${'f'.repeat(64)}\r\n${'x'.repeat(0x2000)}\r\n`;
    expect(decode(`${chunk.repeat(500)}0\r\n\r\n`)).toMatchObject({ complete: true });
  });
});

test('an end before the last chunk is named with the bytes that came', () => {
  const reader = new ChunkedReader(LIMITS);
  const wire = Buffer.from('5\r\nhello\r\n0\r\n\r');
  reader.read(wire, 0, wire.length);
  expect(reader.endOfStream()).toMatchObject({
    code: 'http_response_incomplete',
    outcome: 'upstream_truncated',
    message: expect.stringContaining('after 5 content bytes') as string,
  });
  reader.read(Buffer.from('\n'), 0, 1);
  expect(reader.endOfStream()).toBeNull();
});
