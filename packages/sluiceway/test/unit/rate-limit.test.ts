import { beforeEach, describe, expect, test, vi } from 'vitest';
import { RateLimit } from '../../src/stream/rate-limit.js';
import { RatedSource } from '../../src/stream/rated-source.js';
import { ManualSource } from '../support/exchange.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  return () => void vi.useRealTimers();
});

/** A sink that counts, and returns each chunk at once, or when it is told to. */
function counting(returnsAtOnce = true) {
  const state = { bytes: 0, ended: false, failed: null as Error | null, lent: [] as (() => void)[] };
  return Object.assign(state, {
    chunk(bytes: Uint8Array, done: () => void) {
      state.bytes += bytes.length;
      if (returnsAtOnce) done();
      else state.lent.push(done);
    },
    end: () => void (state.ended = true),
    fail: (error: Error) => void (state.failed = error),
  });
}

describe('a rate limit', () => {
  test('lets through so many bytes a second, and no more than a tenth of a second at once', () => {
    const source = new ManualSource();
    const sink = counting();
    new RatedSource(source, new RateLimit(100_000)).start(sink);
    source.lend(Buffer.alloc(1_000_000));
    expect(sink.bytes).toBeLessThanOrEqual(12_000);
    vi.advanceTimersByTime(5000);
    expect(sink.bytes).toBeGreaterThan(490_000);
    expect(sink.bytes).toBeLessThan(520_000);
    vi.advanceTimersByTime(6000);
    expect(sink.bytes).toBe(1_000_000);
    expect(source.returned).toBe(1);
  });

  test('is shared by all who have it, in turns', () => {
    const limit = new RateLimit(80_000);
    const sinks = Array.from({ length: 8 }, () => {
      const source = new ManualSource();
      const sink = counting();
      new RatedSource(source, limit).start(sink);
      source.lend(Buffer.alloc(1_000_000));
      return sink;
    });
    vi.advanceTimersByTime(10_000);
    const sum = sinks.reduce((total, { bytes }) => total + bytes, 0);
    expect(sum).toBeGreaterThan(780_000);
    expect(sum).toBeLessThan(820_000);
    for (const { bytes } of sinks) expect(Math.abs(bytes - sum / 8)).toBeLessThan(sum / 80);
  });

  test('runs no timer while nobody waits', () => {
    const limit = new RateLimit(1000);
    limit.take(5000, () => {});
    limit.take(1, () => {});
    vi.advanceTimersByTime(10_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('works for a single byte a second', () => {
    const source = new ManualSource();
    const sink = counting();
    new RatedSource(source, new RateLimit(1)).start(sink);
    source.lend('abcdef');
    vi.advanceTimersByTime(3100);
    expect(sink.bytes).toBeGreaterThanOrEqual(3);
    expect(sink.bytes).toBeLessThanOrEqual(4);
  });
});

describe('a rated source', () => {
  test('tells of each piece that has to wait for the limit, and of no other [Sluiceway]', () => {
    const source = new ManualSource();
    const sink = counting(false);
    let heldBack = 0;
    new RatedSource(source, new RateLimit(1000), () => void (heldBack += 1)).start(sink);
    source.lend(Buffer.alloc(150));
    // Pieces are of 20 bytes, and 100 may go at once.
    for (let i = 0; i < 5; i += 1) {
      expect([sink.lent.length, heldBack]).toEqual([1, 0]);
      sink.lent.shift()?.();
    }
    expect([sink.bytes, sink.lent.length, heldBack]).toEqual([100, 0, 1]);
    vi.advanceTimersByTime(1000);
    expect([sink.bytes, heldBack]).toEqual([120, 1]);
    sink.lent.shift()?.();
    expect([sink.bytes, heldBack]).toEqual([140, 1]);
  });

  test('ends when the last piece has been returned, also where its source has ended long before', () => {
    const source = new ManualSource();
    const sink = counting();
    new RatedSource(source, new RateLimit(1000)).start(sink);
    source.lend(Buffer.alloc(600));
    source.lend(Buffer.alloc(600));
    source.sink?.end();
    expect(sink.ended).toBe(false);
    vi.advanceTimersByTime(2000);
    expect(sink).toMatchObject({ bytes: 1200, ended: true });
    expect(source.returned).toBe(2);
  });

  test('asks for the next piece only when the one before is returned', () => {
    const source = new ManualSource();
    const sink = counting(false);
    new RatedSource(source, new RateLimit(1_000_000)).start(sink);
    source.lend(Buffer.alloc(100_000));
    vi.advanceTimersByTime(1000);
    expect(sink.lent).toHaveLength(1);
    sink.lent.shift()?.();
    vi.advanceTimersByTime(1000);
    expect(sink.lent).toHaveLength(1);
  });

  test.for(['cancelled', 'failed'] as const)('returns every chunk exactly once when it is %s', (how) => {
    for (const returnsAtOnce of [true, false]) {
      const source = new ManualSource();
      const sink = counting(returnsAtOnce);
      const rated = new RatedSource(source, new RateLimit(1000));
      rated.start(sink);
      source.lend(Buffer.alloc(5000));
      source.lend(Buffer.alloc(10));
      if (how === 'cancelled') rated.cancel();
      else source.sink?.fail(new Error('cut'));
      for (const done of sink.lent) done();
      vi.advanceTimersByTime(10_000);
      expect(source.returned).toBe(2);
      expect(source.cancelled).toBe(how === 'cancelled' ? 1 : 0);
      expect(sink.failed?.message).toBe(how === 'cancelled' ? undefined : 'cut');
      expect(sink.bytes).toBeLessThan(5000);
      expect(vi.getTimerCount()).toBe(0);
    }
  });
});
