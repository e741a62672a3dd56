import { describe, expect, test } from 'vitest';
import { formatPolicies, formatRateLimits, type Quota } from '../../src/http/rate-limit-fields.js';
import { PeriodCount, periodOf, periodSeconds, SlidingCount } from '../../src/limits/counts.js';
import { parsePathPattern } from '../../src/limits/path-pattern.js';
import type { LimitTimeValues } from '../../src/limits/rule-options.js';
import { Schedule } from '../../src/limits/schedule.js';
import { clientKey } from '../../src/net/client-key.js';

describe('a sliding count', () => {
  test('counts what happened in its time, and never allows more in any such time [Sluiceway]', () => {
    const count = new SlidingCount(1600);
    const times: number[] = [];
    // A client that tries every 10 ms.
    for (let now = 5_000_000; now < 5_020_000; now += 10) {
      count.advance(now);
      if (count.used >= 5) continue;
      count.add(1);
      times.push(now);
    }
    for (const [index, at] of times.entries()) {
      const fifth = times[index + 5];
      if (fifth !== undefined) expect(fifth - at).toBeGreaterThanOrEqual(1600);
      if (fifth !== undefined) expect(fifth - at).toBeLessThanOrEqual(1720);
    }
  });

  test('tells when there is room again [Sluiceway]', () => {
    const count = new SlidingCount(1600);
    count.advance(100_000);
    count.add(3);
    count.advance(100_850);
    count.add(1);
    const ms = count.untilBelow(3, 100_850);
    count.advance(100_850 + ms - 1);
    expect(count.used).toBe(4);
    count.advance(100_850 + ms);
    expect(count.used).toBe(1);
    expect(count.untilBelow(1, 100_850 + ms)).toBe(0);
  });

  test('begins again when the clock is set back, or a long time has passed [Sluiceway]', () => {
    const count = new SlidingCount(1600);
    for (const now of [10_000_000, 1_000_000, 90_000_000]) {
      count.advance(now);
      expect(count.used).toBe(0);
      count.add(1);
    }
  });
});

describe('a count of a period', () => {
  test('begins again with each day, month or multiple of a duration, in UTC [Sluiceway]', () => {
    const now = Date.UTC(2024, 1, 29, 23, 59, 59);
    expect(periodOf({ kind: 'day' }, now)).toEqual([Date.UTC(2024, 1, 29), Date.UTC(2024, 2, 1)]);
    expect(periodOf({ kind: 'month' }, now)).toEqual([Date.UTC(2024, 1, 1), Date.UTC(2024, 2, 1)]);
    expect(periodSeconds({ kind: 'month' }, now)).toBe(29 * 24 * 3600);
    expect(periodOf({ kind: 'fixed', ms: 3_600_000 }, now)[1]).toBe(Date.UTC(2024, 2, 1));
    const count = new PeriodCount({ kind: 'day' });
    count.advance(now);
    count.used = 5;
    count.advance(now + 999);
    expect(count.used).toBe(5);
    count.advance(now + 1000);
    expect(count.used).toBe(0);
  });
});

describe('the times of a rule', () => {
  const at = (times: Partial<LimitTimeValues>[], text: string): boolean =>
    new Schedule(
      times.map((time) => ({ from: '00:00', to: '24:00', timeZone: 'UTC', days: undefined, ...time })),
    ).isActive(Date.parse(text));

  test.for([
    [[], '2024-01-01T00:00Z', true],
    [[{ from: '08:00', to: '18:00' }], '2024-01-01T08:00Z', true],
    [[{ from: '08:00', to: '18:00' }], '2024-01-01T18:00Z', false],
    [[{ from: '08:00', to: '18:00', timeZone: 'Europe/Berlin' }], '2024-07-01T06:00Z', true],
    [[{ from: '08:00', to: '18:00', timeZone: 'Europe/Berlin' }], '2024-01-01T06:00Z', false],
    [[{ from: '22:00', to: '06:00' }], '2024-01-01T05:59Z', true],
    [[{ from: '22:00', to: '06:00' }], '2024-01-01T12:00Z', false],
    // 2024-01-01 was a Monday.
    [[{ days: ['mon'] }], '2024-01-01T12:00Z', true],
    [[{ days: ['tue'] }], '2024-01-01T12:00Z', false],
    [[{ from: '22:00', to: '06:00', days: ['mon'] }], '2024-01-02T03:00Z', true],
    [[{ from: '22:00', to: '06:00', days: ['mon'] }], '2024-01-01T03:00Z', false],
    [[{ to: '06:00' }, { from: '18:00' }], '2024-01-01T19:00Z', true],
  ] as const)('%j include %s: %s', ([times, text, expected]) => {
    expect(at(times as unknown as Partial<LimitTimeValues>[], text)).toBe(expected);
  });
});

describe('a pattern of paths', () => {
  test.for([
    ['/a', '/a', true],
    ['/a', '/a/b', false],
    ['/a/*', '/a/b/c', true],
    ['/a/*', '/a', false],
    ['*.iso', '/x/y.iso', true],
    ['*.iso', '/x/y.isox', false],
    ['/a/*/c', '/a/b/c', true],
    ['/a/*a', '/a/a', true],
    ['/ab*ba', '/aba', false],
    ['/a/*', '/%61/b', true],
    ['/a/*', '//a//b', true],
    ['/a/*', '/x/../a/b', true],
    ['/straße/*', '/stra%C3%9Fe/b', false],
  ] as const)('%s matches %s: %s [Sluiceway]', ([pattern, path, expected]) => {
    expect(parsePathPattern(pattern)(path)).toBe(expected);
  });

  test('must begin with a slash or a star [Sluiceway]', () => {
    expect(() => parsePathPattern('files')).toThrow('must begin with');
  });
});

describe('a client', () => {
  test.for([
    ['2001:db8:1:2:3::1', 64, '2001:db8:1:2::/64'],
    ['2001:db8:1:2ff:3::1', 56, '2001:db8:1:200::/56'],
    ['2001:db8:1:2::1', 48, '2001:db8:1::/48'],
    ['2001:db8::1', 128, '2001:db8:0:0:0:0:0:1/128'],
    ['::ffff:192.0.2.1', 48, '192.0.2.1'],
  ] as const)('%s is counted by %i bits as %s [Sluiceway]', ([address, bits, key]) => {
    expect(clientKey(address, bits)).toBe(key);
  });
});

describe('the RateLimit fields', () => {
  test('are lists of strings with integers as parameters [draft-ietf-httpapi-ratelimit-headers 3]', () => {
    const quotas: Quota[] = [
      { name: 'a', unit: 'requests', limit: 10, windowSeconds: 60, remaining: 3.7, resetSeconds: 1.2 },
      { name: 'b', unit: 'content-bytes', limit: 1e18, windowSeconds: 0, remaining: -5, resetSeconds: null },
    ];
    expect(formatPolicies(quotas)).toBe('"a";q=10;w=60, "b";q=999999999999999;qu="content-bytes";w=1');
    expect(formatRateLimits(quotas)).toBe('"a";r=3;t=2, "b";r=0');
  });
});
