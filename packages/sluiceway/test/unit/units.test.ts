import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatBytes, formatDuration, parseBytes, parseDurationMs } from '../../src/units.js';

describe('durations', () => {
  test.each([
    [0, 0],
    [1500, 1500],
    ['0', 0],
    ['250', 250],
    ['0s', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['1.1s', 1100],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['0.6ms', 1],
  ])('%j is %s ms', (text, expected) => {
    expect(parseDurationMs(text)).toBe(expected);
  });

  test.each([
    '',
    'off',
    's',
    '-1s',
    '+1s',
    '1 s',
    ' 1s',
    '1s ',
    '1S',
    '1sec',
    '1h1h',
    '30m1h',
    '1.s',
    '.5s',
    '1e3ms',
    '1s500',
    '1,5s',
    'Infinity',
    '0.1ms',
    '200000000d',
    '9007199254740992',
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
  ])('%j is refused', (text) => {
    expect(() => parseDurationMs(text)).toThrow(RangeError);
  });

  test.each([null, true, {}, []])('%j is of the wrong type', (value) => {
    expect(() => parseDurationMs(value as unknown as string)).toThrow(TypeError);
  });

  test('the message names the forms', () => {
    expect(() => parseDurationMs('soon')).toThrow(/'30s'.*"soon"/);
  });

  test.each([
    [0, '0ms'],
    [1500, '1s500ms'],
    [5_400_000, '1h30m'],
    [86_400_000, '1d'],
  ])('%s ms is written as %s', (ms, expected) => {
    expect(formatDuration(ms)).toBe(expected);
  });

  test('what is written is read back', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (ms) => {
        expect(parseDurationMs(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});

describe('sizes', () => {
  test.each([
    [0, 0],
    [4096, 4096],
    ['0', 0],
    ['123', 123],
    ['512B', 512],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['5GiB', 5_368_709_120],
    ['1TiB', 1_099_511_627_776],
    ['1.5GiB', 1_610_612_736],
    ['1.1KiB', 1126],
    ['8kB', 8000],
    ['8KB', 8000],
    ['10MB', 10_000_000],
    ['2GB', 2_000_000_000],
    ['1TB', 1_000_000_000_000],
  ])('%j is %s bytes', (text, expected) => {
    expect(parseBytes(text)).toBe(expected);
  });

  test.each([
    '',
    '1k',
    '1K',
    '1M',
    '1kiB',
    '1mib',
    '1 MB',
    '-1B',
    '1e3',
    '0x10',
    '.5MB',
    'MB',
    '0.1B',
    '9e9TB',
    '9000000TB',
    -1,
    0.5,
  ])('%j is refused', (text) => {
    expect(() => parseBytes(text)).toThrow(RangeError);
  });

  test.each([null, false, {}])('%j is of the wrong type', (value) => {
    expect(() => parseBytes(value as unknown as string)).toThrow(TypeError);
  });

  test.each([
    [0, '0B'],
    [999, '999B'],
    [65_536, '64KiB'],
    [1_610_612_736, '1.5GiB'],
    [10_000_000, '10MB'],
    [1_000_001, '1000001B'],
  ])('%s bytes are written as %s', (bytes, expected) => {
    expect(formatBytes(bytes)).toBe(expected);
  });

  test('what is written is read back', () => {
    const round = fc
      .tuple(
        fc.integer({ min: 0, max: 4000 }),
        fc.constantFrom(1, 1000, 1024, 2 ** 20, 1e6, 2 ** 30, 2 ** 40),
      )
      .map(([count, unit]) => count * unit);
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeNat(), round), (bytes) => {
        expect(parseBytes(formatBytes(bytes))).toBe(bytes);
      }),
    );
  });
});

test('any string is read as a whole number of units or refused with a RangeError', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9.dhmskKMGTiB]{0,12}$/));
  fc.assert(
    fc.property(text, (value) => {
      for (const parse of [parseDurationMs, parseBytes]) {
        let result: unknown;
        try {
          result = parse(value);
        } catch (error) {
          result = error;
        }
        expect(Number.isSafeInteger(result) || result instanceof RangeError).toBe(true);
      }
    }),
  );
});
