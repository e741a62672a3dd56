import { assert, nat, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatRange,
  parseContentRange,
  parseEmptyRange,
  parseUnsatisfiedRange,
} from '../../src/http/content-range.js';
import { Fields } from '../../src/http/fields.js';
import { parseHttpDate } from '../../src/http/http-date.js';
import { parseRetryAfter } from '../../src/http/retry-after.js';
import { findValidator } from '../../src/http/validators.js';
import { backoffMs } from '../../src/upstream/resume/resume-policy.js';

describe('Content-Range', () => {
  test.for([
    ['bytes 0-0/1', { first: 0, last: 0, length: 1, total: 1, isExact: true }],
    ['bytes 5-9/10', { first: 5, last: 9, length: 5, total: 10, isExact: true }],
    ['Bytes 5-9/*', { first: 5, last: 9, length: 5, total: null, isExact: true }],
    [
      'bytes 9007199254740992-9007199254740993/9223372036854775807',
      { first: 2 ** 53, last: 2 ** 53, length: 2, total: 2 ** 63, isExact: false },
    ],
    ['bytes 0-0/9223372036854775808', null],
    ['bytes 0-9223372036854775807/*', null],
    ['bytes 9007199254740993-9007199254740992/*', null],
    ['bytes 5-4/10', null],
    ['bytes 5-10/10', null],
    ['bytes */10', null],
    ['bytes 5-9', null],
    ['items 5-9/10', null],
    ['bytes 5-9/10, bytes 0-1/10', null],
    ['bytes -1-9/10', null],
    ['bytes 5-9/10000000000000000000000', null],
    ['', null],
    [undefined, null],
  ] as const)('%s is read as %o', ([value, expected]) => {
    expect(parseContentRange(value)).toEqual(expected);
  });

  test('that is written is read again', () => {
    assert(
      property(nat(), nat(), nat(), (first, more, rest) => {
        const range = { first, last: first + more, total: first + more + 1 + rest };
        const expected = { ...range, length: more + 1, isExact: true };
        expect(parseContentRange(`bytes ${range.first}-${range.last}/${range.total}`)).toEqual(expected);
      }),
    );
  });

  test('of a range that is not there says how long the whole is', () => {
    expect(parseUnsatisfiedRange('bytes */17')).toBe(17);
    for (const value of ['bytes 0-1/17', 'bytes */*', 'bytes */-1', undefined])
      expect(parseUnsatisfiedRange(value)).toBeNull();
  });

  test.for([
    ['bytes 11-10/11', 11],
    ['bytes 0--1/0', null],
    ['bytes 11-10/12', null],
    ['bytes 10-10/11', null],
    ['bytes 11-9/11', null],
    ['bytes 11-10/*', null],
    [undefined, null],
  ] as const)('%s is a part of no bytes at the end: %s', ([value, expected]) => {
    expect(parseEmptyRange(value)).toBe(expected);
  });

  test('a range without a last byte goes to the end', () => {
    expect([formatRange(5, null), formatRange(0, 9)]).toEqual(['bytes=5-', 'bytes=0-9']);
  });
});

describe('the validator of a response that was received at 11:00', () => {
  const MODIFIED = 'Wed, 25 Nov 2026 10:00:00 GMT';
  test.for([
    [['ETag', '"a"'], '"a"'],
    [['ETag', '""'], '""'],
    [['ETag', '"a\xe9"'], '"a\xe9"'],
    [['ETag', 'W/"a"'], null],
    [['ETag', 'a'], 'a, which is opaque'],
    [['ETag', 'a', 'Last-Modified', MODIFIED, 'Date', 'Wed, 25 Nov 2026 11:00:00 GMT'], 'a, which is opaque'],
    [['ETag', 'w/a'], null],
    [['ETag', '"a"b"'], null],
    [['ETag', '"a"', 'ETag', '"a"'], null],
    [['Last-Modified', MODIFIED, 'Date', 'Wed, 25 Nov 2026 10:00:01 GMT'], MODIFIED],
    [['Last-Modified', MODIFIED, 'Date', MODIFIED], null],
    [['Last-Modified', MODIFIED], MODIFIED],
    [['Last-Modified', 'Wed, 25 Nov 2026 10:58:59 GMT'], 'Wed, 25 Nov 2026 10:58:59 GMT'],
    [['Last-Modified', 'Wed, 25 Nov 2026 10:59:00 GMT'], null],
    [['Last-Modified', MODIFIED, 'Date', 'yesterday'], null],
    [['Last-Modified', 'yesterday', 'Date', 'Wed, 25 Nov 2026 10:00:01 GMT'], null],
    [['ETag', 'W/"a"', 'Last-Modified', MODIFIED, 'Date', 'Wed, 25 Nov 2026 11:00:00 GMT'], MODIFIED],
    [['ETag', 'W/"a"', 'Last-Modified', MODIFIED, 'Date', MODIFIED], null],
    [[], null],
  ] as const)('%o has %s', ([raw, expected]) => {
    const validator = findValidator(new Fields([...raw]), Date.UTC(2026, 10, 25, 11));
    const strength = validator?.strength === 'opaque' ? ', which is opaque' : '';
    expect(validator && validator.value + strength).toBe(expected);
  });
});

test('dates and Retry-After are read in the forms that are generated, and in no other', () => {
  expect(parseHttpDate('Thu, 01 Jan 1970 00:00:01 GMT')).toBe(1000);
  for (const value of ['1970-01-01', 'Thursday, 01-Jan-70 00:00:01 GMT', '', undefined])
    expect(parseHttpDate(value)).toBeNull();
  expect(parseRetryAfter('120')).toBe(120_000);
  expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:05 GMT', 1000)).toBe(4000);
  expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:05 GMT', 9000)).toBe(0);
  for (const value of ['-1', '1.5', 'soon', undefined]) expect(parseRetryAfter(value)).toBeNull();
});

test('the first attempt is made at once, and each further one waits twice as long, half of it by chance, up to a bound', () => {
  expect(backoffMs(0)).toBe(0);
  expect([1, 2, 3, 4, 5, 6, 99].map((failures) => backoffMs(failures, () => 0.999_999))).toEqual(
    [250, 500, 1000, 2000, 4000, 8000, 8000].map((ms) => expect.closeTo(ms, 0) as number),
  );
  expect(backoffMs(3, () => 0)).toBe(500);
});
