import { describe, expect, test } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import {
  checkHeadStart,
  type HeadLimits,
  parseFieldLines,
  parseResponseHead,
  SectionScanner,
} from '../../src/http/head-reader.js';

const LIMITS: HeadLimits = { maxBytes: 65_536, maxFields: 256 };

/** Reads a head the way a connection does, in pieces that end at `cuts`: the head, or the code of the refusal. */
function read(wire: string, cuts: readonly number[] = [], limits: HeadLimits = LIMITS): unknown {
  const bytes = Buffer.from(wire, 'latin1');
  const scanner = new SectionScanner(limits.maxBytes, 'head');
  try {
    for (const end of [...cuts, bytes.length]) {
      if (scanner.scanned < 5) checkHeadStart(bytes, 0, end);
      const headEnd = scanner.scan(bytes, scanner.scanned, end);
      if (headEnd < 0) continue;
      const head = parseResponseHead(bytes.toString('latin1', 0, headEnd), limits);
      return { ...head, headers: [...head.headers.raw], rest: wire.slice(headEnd) };
    }
    return 'more';
  } catch (error) {
    if (error instanceof SluicewayError) return error.code;
    throw error;
  }
}

const withLines = (...lines: string[]): string => `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\n`;

describe('RFC 9112 section 4, status line', () => {
  test.each<[string, string, number, string]>([
    ['HTTP/1.1 200 OK', '1.1', 200, 'OK'],
    ['HTTP/1.1 200 ', '1.1', 200, ''],
    ['HTTP/1.1 200', '1.1', 200, ''],
    ['HTTP/1.0 404 Not Found', '1.0', 404, 'Not Found'],
    ['HTTP/1.1 100 Continue', '1.1', 100, 'Continue'],
    ['HTTP/1.1 999 \t', '1.1', 999, '\t'],
    ['HTTP/1.1 200 caf\xe9 \xa0', '1.1', 200, 'caf\xe9 \xa0'],
    ['HTTP/1.9 200 a higher minor version is 1.1', '1.1', 200, 'a higher minor version is 1.1'],
  ])('%j is read', (line, httpVersion, status, statusText) => {
    expect(read(`${line}\r\n\r\n`)).toEqual({ httpVersion, status, statusText, headers: [], rest: '' });
  });

  test.each([
    ' HTTP/1.1 200 OK',
    '\r\nHTTP/1.1 200 OK',
    'http/1.1 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/1.10 200 OK',
    'HTTP/1. 200 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 +20 OK',
    'HTTP/1.1 2\xb20 OK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 O\x7fK',
    'HTTP/1.1 200 O\x1bK',
    'HTTP/1.1',
    'ICY 200 OK',
    'SSH-2.0-OpenSSH_9.2',
    '\x16\x03\x01',
  ])('%j is refused', (line) => {
    expect(read(`${line}\r\n\r\n`)).toBe('http_protocol_error');
  });

  test.each(['G', 'HT2', 'HTTQ', '<html>', '\n'])('%j is refused before its end has come', (start) => {
    expect(read(start)).toBe('http_protocol_error');
  });
});

describe('RFC 9112 section 5, field lines', () => {
  test.each<[string, string, string[]]>([
    ['no white space', 'A:b', ['A', 'b']],
    ['white space around the value', 'A: \t b c\t ', ['A', 'b c']],
    ['an empty value', 'A:', ['A', '']],
    ['a value of white space', 'A: \t ', ['A', '']],
    ['a colon in the value', 'A: b:c', ['A', 'b:c']],
    ['section 5.1: white space before the colon is removed', 'A \t: b', ['A', 'b']],
    ['every character of a token', "!#$%&'*+-.^_`|~09azAZ: b", ["!#$%&'*+-.^_`|~09azAZ", 'b']],
    ['RFC 9110 section 5.5: obs-text', 'A: \x80\xff', ['A', '\x80\xff']],
    ['0xA0, which JavaScript calls white space, at both ends', 'A: \xa0b\xa0', ['A', '\xa0b\xa0']],
    ['0x85, which others call a line end', 'A: b\x85c', ['A', 'b\x85c']],
    ['repeats, in order and as spelled', 'a: 1\r\nB: 2\r\nA: 3', ['a', '1', 'B', '2', 'A', '3']],
    ['section 5.2: a folded line is joined by one space', 'A: b \r\n \t c', ['A', 'b c']],
    ['a line folded twice', 'A: b\r\n\tc\r\n d', ['A', 'b c d']],
    ['a folded line of white space', 'A: b\r\n \r\n c', ['A', 'b c']],
    ['an empty line that is folded', 'A:\r\n b', ['A', 'b']],
    ['a folded line that looks like a field', 'A: b\r\n C: d', ['A', 'b C: d']],
  ])('%s', (_, line, fields) => {
    expect(read(withLines(line))).toMatchObject({ headers: fields });
  });

  test.each([
    ['no colon', 'A'],
    ['no name', ': b'],
    ['white space for a name', '\t: b'],
    ['a folded line before the first field', ' A: b'],
    ['white space in the name', 'A b: c'],
    ['a line without a colon before one with', 'A\r\nB: c'],
    ['a name that ends in obs-text', 'A\xa0: b'],
    ['a slash in the name', 'A/b: c'],
    ['NUL in the name', 'A\0: b'],
    ['NUL in the value', 'A: b\0c'],
    ['NUL in a folded line', 'A: b\r\n c\0'],
    ['a control character in the value', 'A: b\x08c'],
    ['DEL in the value', 'A: b\x7f'],
    ['section 2.2: bare CR in the value', 'A: b\rc'],
    ['bare CR before CR LF', 'A: b\r'],
    ['section 2.2: bare LF in the value', 'A: b\nC: d'],
    ['LF CR', 'A: b\n\rC: d'],
  ])('refused: %s', (_, line) => {
    expect(read(withLines(line))).toBe('http_protocol_error');
  });

  test('bare LF line ends are refused, also in the empty line', () => {
    expect(read('HTTP/1.1 200 OK\nA: b\n\n')).toBe('http_protocol_error');
    expect(read('HTTP/1.1 200 OK\r\nA: b\r\n\n')).toBe('http_protocol_error');
    expect(read('HTTP/1.1 200 OK\r\nA: b\r\n\r\r\n')).toBe('http_protocol_error');
  });
});

describe('limits', () => {
  const head = withLines(...Array.from({ length: 10 }, (_, i) => `F${i}: ${'v'.repeat(20)}`));

  test.each([
    [head.length - 1, 'http_response_header_section_size'],
    [head.length, expect.objectContaining({ rest: 'content' }) as unknown],
  ])('%i bytes allowed', (maxBytes, expected) => {
    expect(read(`${head}content`, [], { maxBytes, maxFields: 256 })).toEqual(expected);
  });

  test('a head without end is refused at the first byte too many', () => {
    const endless = `HTTP/1.1 200 OK\r\nA: ${'v'.repeat(1000)}`;
    const limits = { maxBytes: 500, maxFields: 256 };
    expect(read(endless.slice(0, 500), [], limits)).toBe('more');
    expect(read(endless.slice(0, 501), [], limits)).toBe('http_response_header_section_size');
    expect(read(endless.slice(0, 501), [200, 500], limits)).toBe('http_response_header_section_size');
  });

  test('field lines up to the limit, and one more', () => {
    expect(read(head, [], { maxBytes: 65_536, maxFields: 9 })).toBe('http_response_header_section_size');
    expect(read(head, [], { maxBytes: 65_536, maxFields: 10 })).toMatchObject({ status: 200 });
  });

  test('folded lines add to a field, not to the number of fields', () => {
    const limits = { maxBytes: 65_536, maxFields: 1 };
    expect(read(withLines('A: b', ...Array<string>(50).fill(' c')), [], limits)).toMatchObject({
      headers: ['A', `b${' c'.repeat(50)}`],
    });
  });

  test('too many lines or bytes of trailers are named so', () => {
    const error = (run: () => unknown): unknown => {
      try {
        return run();
      } catch (thrown) {
        return (thrown as SluicewayError).code;
      }
    };
    const scanner = new SectionScanner(5, 'trailers');
    expect(error(() => scanner.scan(Buffer.from('A: bcd'), 0, 6))).toBe('http_response_trailer_section_size');
    expect(error(() => parseFieldLines('A: b\r\nC: d\r\n\r\n', 0, 1, 'trailers'))).toBe(
      'http_response_trailer_section_size',
    );
  });
});

describe('reads that end anywhere', () => {
  const samples = [
    'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 5\r\n\r\nHTTP/',
    'HTTP/1.0 304\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n',
    'HTTP/1.1 2x0 OK\r\nA: b\r\n\r\n',
  ];

  test.each(samples)('%j reads alike, cut in two anywhere and byte by byte', (wire) => {
    const whole = read(wire);
    for (let cut = 1; cut < wire.length; cut += 1) expect(read(wire, [cut])).toEqual(whole);
    expect(
      read(
        wire,
        Array.from({ length: wire.length }, (_, i) => i + 1),
      ),
    ).toEqual(whole);
  });
});
