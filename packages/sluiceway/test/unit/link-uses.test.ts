import { beforeEach, describe, expect, test, vi } from 'vitest';
import { LinkUses } from '../../src/gateway/link-uses.js';

const HOUR = 3_600_000;
const inAnHour = () => Math.ceil(Date.now() / 1000) + 3600;
const once = () => ({ singleUse: true, expires: inAnHour() });

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

  test('are forgotten when their links have ended, before 10,000 more are remembered [Sluiceway]', () => {
    const uses = new LinkUses(HOUR);
    for (let i = 0; i < 10_000; i += 1) {
      const taken = uses.begin(`taken ${i}`, '192.0.2.1', once());
      taken.succeeded();
      taken.end();
    }
    expect(uses.size).toBe(10_000);
    vi.advanceTimersByTime(2 * HOUR);
    for (let i = 0; i < 5001; i += 1) uses.begin(`new ${i}`, '192.0.2.1', once()).succeeded();
    expect(uses.size).toBe(5001);
  });
});
