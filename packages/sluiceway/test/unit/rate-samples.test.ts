import { expect, test } from 'vitest';
import { RateSamples } from '../../src/proxy/transfer/rate-samples.js';

/** Rates of a transfer that moves bytes at a rate per second from `from` to `to` (ms), read at each of `times`. */
function readAt(rate: number, from: number, to: number, times: readonly number[]): number[] {
  const samples = new RateSamples(1000);
  return times.map((time) => {
    const moved = (Math.min(to, Math.max(from, time)) - from) / 1000;
    samples.add(1000 + time, moved * rate, moved * rate * 2);
    expect(samples.up).toBeCloseTo(samples.down * 2, -1);
    return samples.down;
  });
}

const every = (step: number, end: number): number[] =>
  Array.from({ length: Math.floor(end / step) }, (_, i) => (i + 1) * step);

test('the first rate is the mean since the start [Sluiceway]', () => {
  expect(readAt(1000, 0, 5000, [10_000])).toEqual([500]);
});

test('the next rate is that of the time since, even if the transfer is old [Sluiceway]', () => {
  expect(readAt(1000, 0, 3_600_000, [7_200_000, 7_200_250])).toEqual([500, 0]);
  expect(readAt(1000, 0, 3_600_000, [7_200_000, 7_260_000])).toEqual([500, 0]);
});

test('a steady rate is shown as it is, however often it is read [Sluiceway]', () => {
  for (const step of [50, 250, 700, 1600, 5000]) {
    const rates = readAt(8000, 0, 60_000, every(step, 60_000)).slice(Math.ceil(200 / step));
    expect(new Set(rates)).toEqual(new Set([8000]));
  }
});

test('a transfer that has stopped shows 0 within three seconds [Sluiceway]', () => {
  const times = every(250, 30_000);
  const rates = readAt(8000, 0, 20_000, times);
  for (const [i, rate] of rates.entries())
    if ((times[i] as number) >= 23_000) expect([times[i], rate]).toEqual([times[i], 0]);
});

test('no rate is shown of the first 200 ms, which hold one chunk [Sluiceway]', () => {
  expect(readAt(1_000_000, 0, 1, [50, 199])).toEqual([0, 0]);
});
