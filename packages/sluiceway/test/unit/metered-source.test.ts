import { describe, expect, test, vi } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import { emptySource } from '../../src/stream/chunk-source.js';
import { discard } from '../../src/stream/discard.js';
import { type Meter, MeteredSource } from '../../src/stream/metered-source.js';
import { HeldSink, ManualSource } from '../support/exchange.js';

function meter(): { meter: Meter; calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    meter: {
      started: () => calls.push('started'),
      lent: (bytes) => calls.push(`lent ${bytes}`),
      allReturned: () => calls.push('all returned'),
      over: () => calls.push('over'),
    },
  };
}

/** A metered source in the middle of a delivery. */
function start(): { source: ManualSource; metered: MeteredSource; sink: HeldSink; calls: string[] } {
  const { meter: observer, calls } = meter();
  const source = new ManualSource();
  const metered = new MeteredSource(source, observer);
  const sink = new HeldSink();
  metered.start(sink);
  return { source, metered, sink, calls };
}

describe('MeteredSource', () => {
  test('passes everything on and tells the meter of each turn', () => {
    const { source, metered, sink, calls } = start();
    source.lend('hel');
    source.lend('lo');
    sink.release();
    expect(source.returned).toBe(2);
    source.lend('!');
    sink.release();
    source.sink?.end();
    expect(sink.received.toString()).toBe('hello!');
    expect(sink.events).toEqual(['chunk', 'chunk', 'chunk', 'end']);
    expect(calls).toEqual(['started', 'lent 3', 'lent 2', 'all returned', 'lent 1', 'all returned', 'over']);
    expect(metered.isRunning).toBe(false);
  });

  test('a chunk that is given back at once is told in the same order', () => {
    const { meter: observer, calls } = meter();
    const source = new ManualSource();
    new MeteredSource(source, observer).start({ chunk: (_, done) => done(), end() {}, fail() {} });
    source.lend('a');
    expect(calls).toEqual(['started', 'lent 1', 'all returned']);
  });

  test('chunks that come back after the end tell the meter nothing', () => {
    const { source, sink, calls } = start();
    source.lend('a');
    source.sink?.end();
    sink.release();
    expect(source.returned).toBe(1);
    expect(calls).toEqual(['started', 'lent 1', 'over']);
  });

  test('a failure is passed on after the meter has heard of it', () => {
    const { source, sink, calls, metered } = start();
    source.sink?.fail(new Error('broken'));
    expect([sink.error?.message, calls, metered.isRunning]).toEqual(['broken', ['started', 'over'], false]);
  });

  test('cancel reaches the source, and the end is told once', () => {
    const { source, metered, calls } = start();
    metered.cancel();
    metered.cancel();
    expect([source.cancelled, calls]).toEqual([2, ['started', 'over']]);
  });

  test('runs between start and end', () => {
    const source = new ManualSource();
    const metered = new MeteredSource(source, meter().meter);
    expect(metered.isRunning).toBe(false);
    metered.start(new HeldSink());
    expect(metered.isRunning).toBe(true);
    metered.cancel();
    expect(metered.isRunning).toBe(false);
  });

  test('trailers are those of the source', () => {
    const { source, metered } = start();
    expect(metered.trailers).toBeNull();
    source.trailers = new Fields(['A', 'b']);
    expect(metered.trailers).toBe(source.trailers);
  });
});

test('the empty source ends at once', () => {
  const sink = new HeldSink();
  emptySource.start(sink);
  emptySource.cancel();
  expect([sink.events, emptySource.trailers]).toEqual([['end'], null]);
});

describe('discard', () => {
  const limits = { maxBytes: 10, maxMs: 10_000 };

  test('reads content up to the limit, giving everything back', () => {
    const source = new ManualSource();
    discard(source, limits);
    source.lend('12345');
    source.lend('67890');
    source.sink?.end();
    expect([source.returned, source.cancelled]).toEqual([2, 0]);
  });

  test('gives up content that is longer, when the first byte too many has come', () => {
    const source = new ManualSource();
    discard(source, limits);
    source.lend('1234567890');
    expect(source.cancelled).toBe(0);
    source.lend('1');
    expect([source.returned, source.cancelled]).toEqual([2, 1]);
  });

  test("a failure is nobody's concern", () => {
    const source = new ManualSource();
    discard(source, limits);
    source.sink?.fail(new Error('broken'));
    expect(source.cancelled).toBe(0);
  });

  test('gives up content that does not come, and only that', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const [stalled, whole, broken] = [new ManualSource(), new ManualSource(), new ManualSource()];
      for (const source of [stalled, whole, broken]) discard(source, limits);
      whole.sink?.end();
      broken.sink?.fail(new Error('broken'));
      vi.advanceTimersByTime(9999);
      expect(stalled.cancelled).toBe(0);
      vi.advanceTimersByTime(1);
      expect([stalled.cancelled, whole.cancelled, broken.cancelled]).toEqual([1, 0, 0]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
