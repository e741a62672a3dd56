import * as fc from 'fast-check';
import { Fields } from 'sluiceway';
import { describe, expect, test } from 'vitest';
import { type Facts, readFacts } from '../../src/get/facts.js';
import { nameOfUrl } from '../../src/get/file-name.js';
import { decideRequest, judge } from '../../src/get/judge.js';
import { Pace } from '../../src/get/pace.js';
import { formatState, parseState } from '../../src/get/part-state.js';
import { formatBar, formatPlain, RateMeter } from '../../src/get/progress.js';
import { cutMiddle, cutTo, fit, toVisible, widthOf } from '../../src/terminal/text.js';
import { describeTime } from '../../src/terminal/units.js';

const strong: Facts = {
  etag: '"v1"',
  lastModified: null,
  ifRange: '"v1"',
  total: 1000,
  contentEncoding: null,
  digest: null,
};
const fields = (...lines: [string, string][]): Fields => new Fields(lines.flat());

describe('the request for a rest', () => {
  test('is conditional with a strong validator, and overlaps by 4 KiB [RFC 9110 13.1.5]', () => {
    expect(decideRequest(10_000, strong, false)).toEqual({ first: 5904, ifRange: '"v1"' });
  });

  test('is not conditional if a digest decides at the end [Sluiceway]', () => {
    expect(decideRequest(10_000, strong, true)).toEqual({ first: 5904, ifRange: null });
  });

  test('overlaps by 1 MiB without a strong validator [RFC 9110 8.8.1]', () => {
    const weak = { ...strong, etag: 'W/"v1"', ifRange: null };
    expect(decideRequest(3_000_000, weak, false)).toEqual({ first: 3_000_000 - 1024 * 1024, ifRange: null });
  });

  test('does not exist if nothing identifies the file [Sluiceway]', () => {
    expect(decideRequest(10_000, { ...strong, etag: null, ifRange: null }, false)).toBeNull();
  });
});

describe('a response to the request for a rest', () => {
  const request = { first: 400, ifRange: '"v1"' };
  const range: [string, string] = ['Content-Range', 'bytes 400-999/1000'];
  const etag: [string, string] = ['ETag', '"v1"'];
  const kindOf = (
    status: number,
    headers: Fields,
    known: Facts | null = strong,
    isVerified = false,
  ): string => judge(request, status, headers, known, isVerified).kind;

  test.for([
    ['the requested part', 206, [range, etag], 'content'],
    ['no ETag, which it can omit', 206, [range], 'content'],
    ['another ETag', 206, [range, ['ETag', '"v2"']], 'different'],
    ['another start', 206, [['Content-Range', 'bytes 401-999/1000'], etag], 'different'],
    ['another length of the file', 206, [['Content-Range', 'bytes 400-998/999'], etag], 'different'],
    ['no Content-Range', 206, [etag], 'different'],
    ['a content coding', 206, [range, etag, ['Content-Encoding', 'gzip']], 'different'],
    ['416', 416, [['Content-Range', 'bytes */10']], 'different'],
    ['the same file from its start', 200, [etag, ['Content-Length', '1000']], 'content'],
    [
      'another file',
      200,
      [
        ['ETag', '"v2"'],
        ['Content-Length', '1000'],
      ],
      'replaced',
    ],
    ['404', 404, [], 'refused'],
    ['204', 204, [], 'refused'],
  ] as const)('with %s is judged [RFC 9110 15.3.7]', ([, status, lines, kind]) => {
    expect(kindOf(status, fields(...lines.map(([name, value]): [string, string] => [name, value])))).toBe(
      kind,
    );
  });

  test('without a condition, what identifies the file has to be repeated [Sluiceway]', () => {
    const weak = { ...strong, etag: 'W/"v1"', ifRange: null };
    const ask = { first: 400, ifRange: null };
    expect(judge(ask, 206, fields(range), weak, false).kind).toBe('different');
    expect(judge(ask, 206, fields(range, ['ETag', 'W/"v1"']), weak, false).kind).toBe('content');
  });

  test('of a mirror can have another ETag if a digest decides at the end [Sluiceway]', () => {
    const ask = { first: 400, ifRange: null };
    expect(judge(ask, 206, fields(range, ['ETag', '"of-the-mirror"']), strong, true).kind).toBe('content');
  });
});

test('a part that was not requested is not taken for the file [RFC 9110 15.3.7]', () => {
  const headers = fields(['Content-Range', 'bytes 0-9/10'], ['ETag', '"v1"']);
  expect(judge({ first: null, ifRange: null }, 206, headers, null, false).kind).toBe('different');
});

test('a weak validator is not sent as If-Range [RFC 9110 13.1.5]', () => {
  expect(readFacts(200, fields(['ETag', 'W/"v1"'])).ifRange).toBeNull();
  expect(readFacts(200, fields(['ETag', '"v1"'])).ifRange).toBe('"v1"');
});

test('a state is read as it was written, and no text makes the reader throw', () => {
  const facts = fc.record({
    etag: fc.option(fc.string()),
    lastModified: fc.option(fc.string()),
    ifRange: fc.option(fc.string()),
    total: fc.option(fc.nat()),
    contentEncoding: fc.option(fc.string()),
    digest: fc.option(fc.string()),
  });
  const state = fc.record({
    url: fc.string(),
    urlHash: fc.string(),
    bytes: fc.nat(),
    pid: fc.option(fc.nat()),
    facts: fc.option(facts),
  });
  fc.assert(
    fc.property(state, (each) => {
      expect(parseState(formatState(each))).toEqual(each);
    }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      expect(parseState(text)).toBeNull();
    }),
  );
  expect(
    parseState(formatState({ ...strong, url: '', urlHash: '', bytes: -1, pid: null, facts: null })),
  ).toBeNull();
});

test('the bar and the plain line fit, whatever the name and the numbers', () => {
  const progress = fc.record({
    name: fc.string({ unit: 'grapheme' }),
    offset: fc.nat(),
    total: fc.option(fc.nat()),
    rate: fc.double({ min: 0, max: 1e12, noNaN: true }),
    resumes: fc.nat(99),
  });
  fc.assert(
    fc.property(progress, fc.integer({ min: 30, max: 200 }), (each, columns) => {
      const bar = formatBar(each, columns);
      expect(widthOf(bar)).toBeLessThanOrEqual(columns);
      expect(bar).not.toMatch(/[\p{Cc}]/u);
      expect(formatPlain(each)).not.toContain('NaN');
    }),
  );
});

test('a bar shows name, bar, percentage, bytes, rate and time left, and leaves out what does not fit', () => {
  const progress = { name: 'a.iso', offset: 2 ** 30, total: 2 ** 31, rate: 2 ** 20, resumes: 2 };
  expect(formatBar(progress, 100)).toBe(
    'a.iso  ▕██████████▌          ▏   50%  1.00 GiB / 2.00 GiB  1.00 MiB/s  17:04 left  continued 2 times',
  );
  expect(formatBar(progress, 45)).toBe(' 50%  1.00 GiB / 2.00 GiB  1.00 MiB/s');
  expect(formatBar(progress, 25)).toBe(' 50%  1.00 GiB / 2.00 GiB');
});

test('characters that act on a terminal become visible [CWE-150]', () => {
  expect(toVisible('a\x1b[2Jb\u202ec\x07\x9bd')).toBe('a\\x1b[2Jb\\u202ec\\x07\\x9bd');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(toVisible(text)).not.toMatch(/\p{Cc}/u);
    }),
  );
});

test('text is cut and padded by columns, also with wide and combined characters', () => {
  expect(cutTo('日本語テキスト', 7)).toBe('日本語…');
  expect(fit('é', 4)).toBe('é   ');
  expect(fit('👨‍👩‍👧x', 4, 'right')).toBe(' 👨‍👩‍👧x');
  expect(cutMiddle('a-very-long-name.tar.gz', 12)).toBe('a-very…ar.gz');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 40 }), (text, columns) => {
      const plain = toVisible(text);
      expect(widthOf(fit(plain, columns))).toBe(columns);
      expect(widthOf(cutMiddle(plain, columns))).toBeLessThanOrEqual(columns);
    }),
  );
});

test.for([
  [42_000, '0:42'],
  [723_000, '12:03'],
  [3_723_000, '1:02:03'],
  [3.2 * 86_400_000, '3d 04h'],
] as const)('%d ms are %s', ([ms, text]) => {
  expect(describeTime(ms)).toBe(text);
});

test.for([
  ['http://host/a/b.iso?x=/y', 'b.iso'],
  ['http://host', 'download'],
  ['http://host/?a', 'download'],
  ['http://host/..%2f..%2fetc%2fpasswd', 'passwd'],
  ['http://host/%zz', '%zz'],
] as const)('the URL %s names the file %s', ([url, name]) => {
  expect(nameOfUrl(url)).toBe(name);
});

test('a rate is kept on average, and pauses are made up for by a quarter of a second at most', () => {
  let now = 0;
  const pace = new Pace(1000, () => now);
  expect(pace.delayAfter(500)).toBe(500);
  now += 250;
  expect(pace.delayAfter(1000)).toBe(1250);
  now += 60_000;
  expect(pace.delayAfter(1000)).toBe(750);
});

test('a rate is that of the last seconds, and a new start does not make it negative', () => {
  const meter = new RateMeter(1000);
  expect(meter.sample(0, 0)).toBe(0);
  expect(meter.sample(1000, 1000)).toBe(1000);
  expect(meter.sample(5000, 2000)).toBe(4000);
  expect(meter.sample(100, 3000)).toBe(0);
  expect(meter.sample(200, 3100)).toBe(1000);
});
