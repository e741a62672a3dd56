import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { WaitsFor } from '../../src/stream/idle-error.js';
import { ALL_OFF, watchTimeouts } from '../support/watched-timeouts.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const advance = (ms: number): unknown => vi.advanceTimersByTime(ms);

test.each<WaitsFor>(['client', 'upstream', 'head', 'either'])('0 turns the limit for %s off', (whom) => {
  const { timeouts, expired } = watchTimeouts({ ...ALL_OFF, totalMs: 0 });
  timeouts.responseWaitsFor(whom);
  advance(86_400_000);
  expect(expired).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test('a side without a limit does not disturb one that has some', () => {
  const { timeouts, expired } = watchTimeouts({ ...ALL_OFF, upstreamIdleMs: 1000 });
  timeouts.responseWaitsFor('client');
  advance(3_600_000);
  timeouts.responseWaitsFor('upstream');
  advance(1000);
  expect(expired).toEqual([['connection_read_timeout', 3_601_000]]);
});

test('total covers everything, from the beginning, whoever is waited for', () => {
  const { timeouts, expired } = watchTimeouts({ totalMs: 90_000 });
  for (let round = 0; round < 89; round += 1) {
    timeouts.responseWaitsFor(round % 2 === 0 ? 'client' : 'upstream');
    advance(1000);
  }
  timeouts.responseWaitsFor('nobody');
  advance(1000);
  expect(expired).toEqual([['total_timeout', 90_000]]);
});

test('no change of the waiting side, however often, makes a timer late or a second one', () => {
  const limits = { responseHeadMs: 7000, upstreamIdleMs: 5000, clientIdleMs: 11_000, tunnelIdleMs: 13_000 };
  const limitOf = { head: 7000, upstream: 5000, client: 11_000, either: 13_000 } as const;
  const sides = ['head', 'upstream', 'client', 'either'] as const;
  for (let seed = 1; seed < 400; seed += 1) {
    const { timeouts, expired } = watchTimeouts(limits);
    let elapsed = 0;
    let last: (typeof sides)[number] = 'head';
    for (let step = 0; step < 12; step += 1) {
      last = sides[(seed * (step + 3)) % 4] ?? 'head';
      timeouts.responseWaitsFor(last);
      const pause = step === 11 ? 0 : (seed * 7919 * (step + 1)) % limitOf[last];
      elapsed += pause;
      advance(pause);
      expect(vi.getTimerCount()).toBe(1);
    }
    expect(expired).toEqual([]);
    advance(20_000);
    expect(expired.map(([, ms]) => ms)).toEqual([elapsed + limitOf[last]]);
  }
});

test('stop leaves no timer, and nothing expires after it', () => {
  const { timeouts, expired } = watchTimeouts({ totalMs: 1000 });
  timeouts.responseWaitsFor('upstream');
  timeouts.stop();
  expect(vi.getTimerCount()).toBe(0);
  advance(100_000);
  expect(expired).toEqual([]);
});

test('a new wait after the total has expired has the limit of its side, and no total', () => {
  const { timeouts, expired } = watchTimeouts({ totalMs: 1000, clientIdleMs: 5000 });
  timeouts.responseWaitsFor('head');
  advance(1000);
  // The answer that tells the client of it.
  timeouts.responseWaitsFor('client');
  advance(4999);
  expect(expired).toEqual([['total_timeout', 1000]]);
  advance(1);
  expect(expired.slice(1)).toEqual([['client_stalled', 6000]]);
});
