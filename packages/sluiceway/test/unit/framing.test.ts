import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import { Fields } from '../../src/http/fields.js';
import { checkRequestHead, decideRequestFraming, decideResponseFraming } from '../../src/http/framing.js';

const MAX = Number.MAX_SAFE_INTEGER;

function response(raw: string[], status = 200, method = 'GET', version: '1.0' | '1.1' = '1.1'): unknown {
  try {
    return decideResponseFraming(method, status, version, new Fields(raw));
  } catch (error) {
    if (error instanceof SluicewayError) return error.code;
    throw error;
  }
}

function request(raw: string[], version: '1.0' | '1.1' = '1.1'): unknown {
  try {
    return decideRequestFraming(version, new Fields(raw));
  } catch (error) {
    if (error instanceof SluicewayError) return `${error.code} ${error.status}`;
    throw error;
  }
}

const none = { kind: 'none' };
const chunked = { kind: 'chunked' };
const close = { kind: 'close' };
const length = (bytes: number): object => ({ kind: 'length', length: bytes });

/** Field lines and how a response and a request with them are framed; null is a refusal. */
const table: [boundary: string, raw: string[], response: object | null, request: object | null][] = [
  ['no framing field', [], close, none],
  ['length 0', ['Content-Length', '0'], length(0), length(0)],
  ['a length in any case', ['cOnTeNt-LeNgTh', '12'], length(12), length(12)],
  ['leading zeros', ['Content-Length', '0012'], length(12), length(12)],
  ['the largest length', ['Content-Length', `${MAX}`], length(MAX), length(MAX)],
  ['chunked', ['Transfer-Encoding', 'chunked'], chunked, chunked],
  ['chunked in any case', ['transfer-encoding', 'ChUnKeD'], chunked, chunked],
];

/** Refused wherever it is looked at: the code for a response, and whether it stays refused without content. */
const faults: [boundary: string, raw: string[], code: string][] = [
  ['an empty length', ['Content-Length', ''], 'http_protocol_error'],
  ['a negative length', ['Content-Length', '-1'], 'http_protocol_error'],
  ['a signed length', ['Content-Length', '+1'], 'http_protocol_error'],
  ['a hexadecimal length', ['Content-Length', '0x1'], 'http_protocol_error'],
  ['a length with an exponent', ['Content-Length', '1e3'], 'http_protocol_error'],
  ['a length with a space inside', ['Content-Length', '1 2'], 'http_protocol_error'],
  ['a length with a point', ['Content-Length', '1.0'], 'http_protocol_error'],
  ['a length with a superscript digit', ['Content-Length', '1\u00b2'], 'http_protocol_error'],
  ['a length of 2^63', ['Content-Length', '9223372036854775808'], 'http_protocol_error'],
  ['a length of a thousand digits', ['Content-Length', '9'.repeat(1000)], 'http_protocol_error'],
  ['a list of different lengths', ['Content-Length', '1, 2'], 'http_protocol_error'],
  ['a list of equal lengths', ['Content-Length', '1, 1'], 'http_protocol_error'],
  ['different lengths in two lines', ['Content-Length', '1', 'Content-Length', '2'], 'http_protocol_error'],
  ['equal lengths in two lines', ['Content-Length', '1', 'content-length', '1'], 'http_protocol_error'],
];
const codingFaults: [boundary: string, raw: string[], code: string][] = [
  ['both', ['Content-Length', '1', 'Transfer-Encoding', 'chunked'], 'http_protocol_error'],
  ['both the other way', ['Transfer-Encoding', 'chunked', 'Content-Length', '1'], 'http_protocol_error'],
  ['gzip', ['Transfer-Encoding', 'gzip'], 'http_response_transfer_coding'],
  ['gzip, chunked', ['Transfer-Encoding', 'gzip, chunked'], 'http_response_transfer_coding'],
  ['chunked, gzip', ['Transfer-Encoding', 'chunked, gzip'], 'http_response_transfer_coding'],
  ['chunked twice in a line', ['Transfer-Encoding', 'chunked, chunked'], 'http_response_transfer_coding'],
  [
    'chunked twice in two lines',
    ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'],
    'http_response_transfer_coding',
  ],
  ['identity', ['Transfer-Encoding', 'identity'], 'http_response_transfer_coding'],
  ['an empty coding', ['Transfer-Encoding', ''], 'http_response_transfer_coding'],
  ['a coding with a parameter', ['Transfer-Encoding', 'chunked;q=1'], 'http_response_transfer_coding'],
  ['a coding with a comma', ['Transfer-Encoding', 'chunked,'], 'http_response_transfer_coding'],
  ['a coding with a tab', ['Transfer-Encoding', '\tchunked'], 'http_response_transfer_coding'],
  ['a quoted coding', ['Transfer-Encoding', '"chunked"'], 'http_response_transfer_coding'],
  ['a coding that looks alike', ['Transfer-Encoding', 'chun\u00b5ed'], 'http_response_transfer_coding'],
];

describe('RFC 9112 section 6.3, responses', () => {
  test.each(table)('%s', (_, raw, expected) => {
    expect(response(raw)).toEqual(expected);
  });

  test.each([...faults, ...codingFaults])('refused: %s', (_, raw, code) => {
    expect(response(raw)).toBe(code);
  });

  test('Transfer-Encoding in HTTP/1.0 is refused', () => {
    expect(response(['Transfer-Encoding', 'chunked'], 200, 'GET', '1.0')).toBe(
      'http_response_transfer_coding',
    );
    expect(response(['Content-Length', '5'], 200, 'GET', '1.0')).toEqual(length(5));
    expect(response([], 200, 'GET', '1.0')).toEqual(close);
  });

  const contentless: [string, number][] = [
    ['HEAD', 200],
    ['HEAD', 404],
    ['GET', 204],
    ['GET', 304],
    ['GET', 100],
    ['GET', 101],
    ['GET', 103],
    ['GET', 199],
    ['CONNECT', 200],
  ];

  test.each(contentless)('%s answered with %s has no content', (method, status) => {
    for (const raw of [
      [],
      ['Content-Length', '5'],
      ['Transfer-Encoding', 'chunked'],
      ['Transfer-Encoding', 'gzip'],
    ]) {
      expect(response(raw, status, method)).toEqual(none);
    }
    for (const [, raw, code] of faults) expect(response(raw, status, method)).toBe(code);
  });

  test.each([
    ['GET', 200],
    ['GET', 205],
    ['GET', 206],
    ['POST', 303],
    ['GET', 599],
    ['CONNECT', 407],
    ['head', 200],
  ] as [string, number][])('%s answered with %s has content', (method, status) => {
    expect(response([], status, method)).toEqual(close);
  });
});

describe('RFC 9112 section 6.3, requests', () => {
  test.each(table)('%s', (_, raw, __, expected) => {
    expect(request(raw)).toEqual(expected);
  });

  test.each([...faults, ...codingFaults])('refused: %s', (_, raw) => {
    expect(request(raw)).toBe('http_request_error 400');
  });

  test('Transfer-Encoding in HTTP/1.0 is refused', () => {
    expect(request(['Transfer-Encoding', 'chunked'], '1.0')).toBe('http_request_error 400');
    expect(request(['Content-Length', '5'], '1.0')).toEqual(length(5));
    expect(request([], '1.0')).toEqual(none);
  });
});

describe('RFC 9112 section 3.2, Host', () => {
  const judge = (version: string, ...raw: string[]): string | number => {
    try {
      return checkRequestHead(version, new Fields(raw));
    } catch (error) {
      if (error instanceof SluicewayError && error.code === 'http_request_error') return error.status;
      throw error;
    }
  };

  test.each([
    'a',
    'a.example:8080',
    '127.0.0.1',
    '[::1]',
    '[::1]:80',
    'a_b.test',
    "!$&'()*+,;=~-.",
    '%41',
    '',
  ])('%j is a Host', (host) => {
    expect(judge('1.1', 'Host', host)).toBe('1.1');
    expect(judge('1.0', 'HOST', host)).toBe('1.0');
  });

  test.each(['a b', 'a@b', 'a/b', 'a\\b', 'a?b', 'a#b', 'a"b', 'a<b', 'a|b', 'a\tb', 'b\u00fccher'])(
    '%j is no Host',
    (host) => {
      expect(judge('1.1', 'Host', host)).toBe(400);
    },
  );

  test('none is refused in HTTP/1.1 only', () => {
    expect(judge('1.1', 'X-Host', 'a')).toBe(400);
    expect(judge('1.0')).toBe('1.0');
  });

  test.each(['1.0', '1.1'])('two are refused in HTTP/%s, equal or not', (version) => {
    expect(judge(version, 'Host', 'a', 'Host', 'b')).toBe(400);
    expect(judge(version, 'Host', 'a', 'host', 'a')).toBe(400);
  });

  test.each(['0.9', '1.2', '2.0', '3.0', ''])('HTTP/%s is refused with 505', (version) => {
    expect(judge(version, 'Host', 'a')).toBe(505);
  });
});

describe('properties', () => {
  const value = fc.oneof(
    fc.constantFrom('chunked', 'gzip', '0', '5', '5, 5', ''),
    fc.stringMatching(/^[0-9a-z, ;=+-]{0,20}$/),
    fc.bigInt({ min: 0n, max: 2n ** 64n }).map(String),
  );
  const line = fc.tuple(fc.constantFrom('Content-Length', 'content-length', 'Transfer-Encoding', 'X'), value);

  test('a message is framed by what it plainly says, or refused', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
        const fields = new Fields(lines.flat());
        const lengths = fields.getAll('content-length');
        const codings = fields.getAll('transfer-encoding');
        let expected: object | null = null;
        if (lengths.length + codings.length === 0) expected = none;
        else if (lengths.length === 1 && codings.length === 0) {
          const [text = ''] = lengths;
          if (/^\d+$/.test(text) && BigInt(text) < 2n ** 63n) expected = length(Number(text));
        } else if (codings.length === 1 && lengths.length === 0 && codings[0] === 'chunked')
          expected = chunked;
        const [asRequest, asResponse] = [request(lines.flat()), response(lines.flat())];
        const isExact = Number(lengths[0] ?? 0) <= MAX;
        const ofRequest = expected === null || isExact ? expected : { ...expected, text: lengths[0] };
        expect(asRequest).toEqual(ofRequest ?? 'http_request_error 400');
        const refusal: unknown = expect.stringMatching(/^http_(?:protocol_error|response_transfer_coding)$/);
        expect(asResponse).toEqual(expected === none ? close : (expected ?? refusal));
      }),
    );
  });
});
