import { beforeEach, describe, expect, test, vi } from 'vitest';
import { LinkUses } from '../../src/gateway/link-uses.js';
import type { Bandwidth } from '../../src/stream/bandwidth.js';
import { Flow } from '../../src/stream/flow.js';

const HOUR = 3_600_000;
const inAnHour = () => Math.ceil(Date.now() / 1000) + 3600;
const once = () => ({ singleUse: true, rate: null, expires: inAnHour() });
const rated = (rate: number) => ({ singleUse: false, rate, expires: inAnHour() });

/** What a download may send at once. */
function take(rate: Bandwidth | null, bytes: number): number {
  const flow = new Flow();
  rate?.join(flow);
  const taken = flow.take(bytes);
  flow.end();
  return taken;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  return () => void vi.useRealTimers();
});

describe('the uses of a link', () => {
  test('leave nothing behind where they have nothing in common, or nobody has got the file [Sluiceway]', () => {
    const uses = new LinkUses(HOUR);
    const plain = uses.begin('a', null, { ...once(), singleUse: false });
    const failed = uses.begin('b', '192.0.2.1', once());
    expect(uses.size).toBe(2);
    plain.end();
    failed.end();
    expect(uses.size).toBe(0);
  });

  test('for a single use are for the first client alone, for the time that is set, and for nobody afterwards [Sluiceway]', () => {
    const uses = new LinkUses(HOUR);
    const first = uses.begin('a', '192.0.2.1', { ...once(), expires: inAnHour() * 2 });
    first.succeeded();
    first.end();
    expect(() => uses.begin('a', '192.0.2.2', once())).toThrow(/belongs to another client/);
    vi.advanceTimersByTime(HOUR - 1000);
    uses.begin('a', '192.0.2.1', once()).end();
    vi.advanceTimersByTime(1000);
    expect(() => uses.begin('a', '192.0.2.1', once())).toThrow(/window of the single-use link has ended/);
    expect(() => uses.begin('a', '192.0.2.2', once())).toThrow(/has ended/);
    expect(uses.size).toBe(1);
  });

  test('for a single use are refused to a client whose address nobody knows, and do not take the link [Sluiceway]', () => {
    const uses = new LinkUses(HOUR);
    expect(() => uses.begin('a', null, once())).toThrow(/is unknown/);
    expect(uses.size).toBe(0);
  });

  test('share a rate with those just before them: piece by piece is no faster [Sluiceway]', () => {
    const uses = new LinkUses(HOUR);
    let passed = 0;
    for (let i = 0; i < 50; i += 1) {
      const use = uses.begin('a', '192.0.2.1', rated(1000));
      passed += take(use.rate, 100);
      use.end();
    }
    expect(passed).toBe(100);
    vi.advanceTimersByTime(1000);
    uses.begin('a', '192.0.2.1', rated(1000)).end();
    expect(uses.size).toBe(0);
  });

  test('are forgotten when their links have ended or are as new, before 10,000 more are remembered [Sluiceway]', () => {
    const uses = new LinkUses(HOUR);
    for (let i = 0; i < 5000; i += 1) {
      const taken = uses.begin(`taken ${i}`, '192.0.2.1', once());
      taken.succeeded();
      taken.end();
      const slow = uses.begin(`slow ${i}`, '192.0.2.1', rated(1000));
      take(slow.rate, 100);
      slow.end();
    }
    expect(uses.size).toBe(10_000);
    vi.advanceTimersByTime(1000);
    uses.begin('one more', '192.0.2.1', rated(1)).end();
    expect(uses.size).toBe(5000);
    vi.advanceTimersByTime(2 * HOUR);
    for (let i = 0; i < 5001; i += 1) uses.begin(`new ${i}`, '192.0.2.1', once()).succeeded();
    expect(uses.size).toBe(5001);
  });
});
