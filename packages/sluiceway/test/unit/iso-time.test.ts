import { expect, test } from 'vitest';
import { toIsoTime } from '../../src/proxy/transfer/iso-time.js';

test('times within one second and across seconds are formatted as by Date [Sluiceway]', () => {
  const start = Date.UTC(2026, 11, 31, 23, 59, 58, 7);
  for (const offset of [0, 1, 92, 992, 993, 994, 1993, 1992, 5000, -3_600_000, 0])
    expect(toIsoTime(start + offset)).toBe(new Date(start + offset).toISOString());
  expect(toIsoTime(0)).toBe(new Date(0).toISOString());
});
