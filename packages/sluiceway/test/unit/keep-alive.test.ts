import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import { allowsReuse, idleLimitMs } from '../../src/http/keep-alive.js';

const connection = (...values: string[]): Fields =>
  new Fields(values.flatMap((value) => ['Connection', value]));

describe('RFC 9112 section 9.3, reuse', () => {
  test.each<[string[], boolean, boolean]>([
    [[], true, false],
    [['keep-alive'], true, true],
    [['Keep-Alive'], true, true],
    [['close'], false, false],
    [['CLOSE'], false, false],
    [['close, keep-alive'], false, false],
    [['keep-alive, close'], false, false],
    [['keep-alive', 'close'], false, false],
    [['close', 'keep-alive'], false, false],
    [['x-hop, Keep-Alive'], true, true],
    [[' ,, close ,'], false, false],
    [['x-close'], true, false],
    [['upgrade'], true, false],
    [[''], true, false],
  ])('Connection: %j', (values, http11, http10) => {
    expect(allowsReuse('1.1', connection(...values))).toBe(http11);
    expect(allowsReuse('1.0', connection(...values))).toBe(http10);
  });
});

describe('Keep-Alive: timeout, less a second', () => {
  test.each<[string, number]>([
    ['timeout=5', 4000],
    ['timeout=5, max=100', 4000],
    ['max=100, timeout=5', 4000],
    ['max=100,timeout=5', 4000],
    ['max=100; timeout=5', 4000],
    ['Timeout=5', 4000],
    ['timeout=60', 59_000],
    ['timeout=1', 0],
    ['timeout=0', 0],
    ['timeout=999999999', 999_999_998_000],
    ['timeout=', Number.POSITIVE_INFINITY],
    ['timeout=-5', Number.POSITIVE_INFINITY],
    ['xtimeout=5', Number.POSITIVE_INFINITY],
    ['max=100', Number.POSITIVE_INFINITY],
    ['', Number.POSITIVE_INFINITY],
  ])('%j', (value, ms) => {
    expect(idleLimitMs(new Fields(['Keep-Alive', value]))).toBe(ms);
  });

  test('without the field there is no limit', () => {
    expect(idleLimitMs(new Fields(['Connection', 'keep-alive']))).toBe(Number.POSITIVE_INFINITY);
  });
});
