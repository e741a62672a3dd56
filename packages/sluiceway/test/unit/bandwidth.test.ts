import { beforeEach, describe, expect, test, vi } from 'vitest';
import { Bandwidth } from '../../src/stream/bandwidth.js';
import { Flow } from '../../src/stream/flow.js';
import { type Meter, MeteredSource } from '../../src/stream/metered-source.js';
import { ManualSource } from '../support/exchange.js';

const flows: Flow[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  return () => {
    for (const flow of flows.splice(0)) flow.end();
    vi.useRealTimers();
  };
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

/** Content under limits, with a sink that counts it. */
function limited(limits: readonly (readonly [Bandwidth, number?])[], returnsAtOnce = true) {
  const source = new ManualSource();
  const sink = counting(returnsAtOnce);
  const flow = new Flow();
  flows.push(flow);
  for (const [limit, weight] of limits) limit.join(flow, weight);
  const events: string[] = [];
  const meter: Meter = {
    flow,
    started: () => events.push('started'),
    lent: () => events.push('lent'),
    allReturned: () => events.push('returned'),
    over: () => events.push('over'),
    heldBack: () => events.push('held'),
  };
  const metered = new MeteredSource(source, meter);
  metered.start(sink);
  return { source, sink, flow, events, metered };
}

/** Content that never ends: it lends the next chunk when the last one is returned. */
function endless(limits: readonly (readonly [Bandwidth, number?])[], chunkBytes = 65_536) {
  const content = limited(limits);
  const lend = (): void => content.source.sink?.chunk(Buffer.alloc(chunkBytes), () => lend());
  lend();
  return content;
}

/** What a store leases to one of several processes. */
function supplyOf(share: number) {
  let at = performance.now();
  const take = (): number => {
    const passed = performance.now() - at;
    at += passed;
    return (passed * share) / 1000;
  };
  return { share, take };
}

const bytesOf = (contents: readonly { sink: { bytes: number } }[]): number =>
  contents.reduce((total, { sink }) => total + sink.bytes, 0);

describe('a limit', () => {
  test('lets so many bytes pass per second, and no more than a tenth of a second at once [Sluiceway]', () => {
    const { source, sink } = limited([[new Bandwidth(100_000)]]);
    source.lend(Buffer.alloc(1_000_000));
    expect(sink.bytes).toBe(10_000);
    vi.advanceTimersByTime(5000);
    expect(sink.bytes).toBeGreaterThan(500_000);
    expect(sink.bytes).toBeLessThan(515_000);
    vi.advanceTimersByTime(6000);
    expect(sink.bytes).toBe(1_000_000);
    expect(source.returned).toBe(1);
  });

  test.for([1, 8, 64])(
    'is the sum of %i streams, in any two seconds after the first [Sluiceway]',
    (count) => {
      const limit = new Bandwidth(2_000_000);
      const streams = Array.from({ length: count }, () => endless([[limit]]));
      vi.advanceTimersByTime(1000);
      const start = streams.map(({ sink }) => sink.bytes);
      for (let i = 0; i < 20; i += 1) {
        const before = bytesOf(streams);
        vi.advanceTimersByTime(2000);
        expect(Math.abs(bytesOf(streams) - before - 4_000_000)).toBeLessThan(100_000);
      }
      const each = 80_000_000 / count;
      for (const [i, { sink }] of streams.entries())
        expect(Math.abs(sink.bytes - (start[i] ?? 0) - each)).toBeLessThan(each / 20);
    },
  );

  test('is divided by weights, also for content in small chunks [Sluiceway]', () => {
    const limit = new Bandwidth(1_000_000);
    const heavy = endless([[limit, 3]]);
    const light = endless([[limit, 1]], 1000);
    vi.advanceTimersByTime(10_000);
    expect(Math.abs(heavy.sink.bytes / light.sink.bytes - 3)).toBeLessThan(0.15);
  });

  test('gives a newcomer its share within half a second [Sluiceway]', () => {
    const limit = new Bandwidth(2_000_000);
    for (let i = 0; i < 31; i += 1) endless([[limit]]);
    vi.advanceTimersByTime(3000);
    const newcomer = endless([[limit]]);
    vi.advanceTimersByTime(500);
    const { bytes } = newcomer.sink;
    vi.advanceTimersByTime(1000);
    const perSecond = newcomer.sink.bytes - bytes;
    expect(Math.abs(perSecond - 62_500)).toBeLessThan(6000);
  });

  test('gives what a flow does not use to the others [Sluiceway]', () => {
    const limit = new Bandwidth(1_000_000);
    const idle = Array.from({ length: 7 }, () => limited([[limit]]));
    const busy = endless([[limit]]);
    vi.advanceTimersByTime(1000);
    const before = busy.sink.bytes;
    vi.advanceTimersByTime(4000);
    expect(busy.sink.bytes - before).toBeGreaterThan(3_900_000);
    expect(bytesOf(idle)).toBe(0);
  });

  test('applies together with others: the strictest one decides, and its rest goes to others [Sluiceway]', () => {
    const all = new Bandwidth(1_000_000);
    const own = new Bandwidth(100_000);
    const slow = endless([[all], [own]]);
    const fast = endless([[all]]);
    vi.advanceTimersByTime(10_000);
    expect(Math.abs(slow.sink.bytes - 1_000_000)).toBeLessThan(50_000);
    expect(Math.abs(fast.sink.bytes - 9_000_000)).toBeLessThan(300_000);
  });

  test('can change while content waits, and be taken away [Sluiceway]', () => {
    const limit = new Bandwidth(1000);
    const { sink, flow } = endless([[limit]]);
    vi.advanceTimersByTime(10_000);
    expect(sink.bytes).toBeLessThan(11_000);
    limit.setRate(1_000_000);
    vi.advanceTimersByTime(1000);
    expect(Math.abs(sink.bytes - 1_010_000)).toBeLessThan(110_000);
    flow.end();
    const { source, sink: other } = limited([[limit]]);
    source.lend(Buffer.alloc(50_000_000));
    limit.setRate(Number.POSITIVE_INFINITY, null);
    vi.advanceTimersByTime(100);
    expect(other.bytes).toBe(50_000_000);
  });

  test('lets a burst pass after a pause, as large as it was told [Sluiceway]', () => {
    const { source, sink } = limited([[new Bandwidth(1000, 50_000)]]);
    source.lend(Buffer.alloc(50_000));
    expect(sink.bytes).toBe(50_000);
    source.lend(Buffer.alloc(10_000));
    vi.advanceTimersByTime(5000);
    expect(Math.abs(sink.bytes - 55_000)).toBeLessThan(500);
  });

  test('runs no timer while no content waits [Sluiceway]', () => {
    const content = limited([[new Bandwidth(1000)]]);
    content.source.lend(Buffer.alloc(5000));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(10_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.for([1, 64])(
    'that three processes share is the sum of %i streams of each, in any two seconds after the first [Sluiceway]',
    (count) => {
      const total = 8_000_000;
      const streams = Array.from(
        { length: 3 },
        () => new Bandwidth(total, null, supplyOf(total / 3)),
      ).flatMap((limit) => Array.from({ length: count }, () => endless([[limit]])));
      const sums = Array.from({ length: 120 }, () => {
        vi.advanceTimersByTime(50);
        return bytesOf(streams);
      });
      for (const [i, before] of sums.entries()) {
        const after = sums[i + 40];
        if (i >= 20 && after !== undefined)
          expect(Math.abs((after - before) / (2 * total) - 1)).toBeLessThan(0.015);
      }
    },
  );

  test('works for a single byte per second [Sluiceway]', () => {
    const { source, sink } = limited([[new Bandwidth(1)]]);
    source.lend('abcdef');
    vi.advanceTimersByTime(3100);
    expect(sink.bytes).toBeGreaterThanOrEqual(3);
    expect(sink.bytes).toBeLessThanOrEqual(4);
  });

  test('is as new once it is full again and no flow has joined [Sluiceway]', () => {
    const limit = new Bandwidth(1000);
    const { flow, source } = limited([[limit]]);
    source.lend(Buffer.alloc(100));
    expect(limit.isLikeNew).toBe(false);
    flow.end();
    expect(limit.isLikeNew).toBe(false);
    vi.advanceTimersByTime(100);
    expect(limit.isLikeNew).toBe(true);
  });
});

describe('metered content under a limit', () => {
  test('passes whole chunks below the limit, and tells of each wait for it and of no other [Sluiceway]', () => {
    const { source, sink, events } = limited([[new Bandwidth(100_000)]], false);
    source.lend(Buffer.alloc(6000));
    source.lend(Buffer.alloc(4000));
    expect([sink.bytes, sink.lent.length]).toEqual([10_000, 2]);
    source.lend(Buffer.alloc(5000));
    expect(events).toEqual(['started', 'lent', 'lent']);
    for (const done of sink.lent.splice(0)) done();
    expect(events.splice(0)).toEqual(['started', 'lent', 'lent', 'held']);
    vi.advanceTimersByTime(1000);
    expect([sink.bytes, sink.lent.length]).toEqual([12_500, 1]);
    expect(events).toEqual(['lent']);
    sink.lent.shift()?.();
    expect(events).toEqual(['lent', 'returned', 'lent']);
    expect(sink.bytes).toBe(15_000);
  });

  test('ends when the last piece has passed, also where its source has ended long before [Sluiceway]', () => {
    const { source, sink } = limited([[new Bandwidth(1000)]]);
    source.lend(Buffer.alloc(600));
    source.lend(Buffer.alloc(600));
    source.sink?.end();
    expect(sink.ended).toBe(false);
    vi.advanceTimersByTime(2000);
    expect(sink).toMatchObject({ bytes: 1200, ended: true });
    expect(source.returned).toBe(2);
  });

  test('asks for the next piece only when the one before is returned [Sluiceway]', () => {
    const { source, sink } = limited([[new Bandwidth(1_000_000)]], false);
    source.lend(Buffer.alloc(200_000));
    vi.advanceTimersByTime(1000);
    expect(sink.lent).toHaveLength(1);
    sink.lent.shift()?.();
    vi.advanceTimersByTime(1000);
    expect(sink.lent).toHaveLength(1);
  });

  test('does not end when it is cancelled and its source ends as its chunk is returned [Sluiceway]', () => {
    const { source, sink, metered } = limited([[new Bandwidth(1000)]]);
    source.sink?.chunk(Buffer.alloc(5000), () => source.sink?.end());
    metered.cancel();
    expect(sink.ended).toBe(false);
  });

  test.for(['cancelled', 'failed'] as const)('returns every chunk exactly once when it is %s', (how) => {
    for (const returnsAtOnce of [true, false]) {
      const { source, sink, metered } = limited([[new Bandwidth(1000)]], returnsAtOnce);
      source.lend(Buffer.alloc(5000));
      source.lend(Buffer.alloc(10));
      if (how === 'cancelled') metered.cancel();
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
