import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import { InterimLimit } from '../../src/upstream/interim-limit.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** How many interim responses with a field of so many bytes pass, if one comes every `everyMs`. */
function count(limit: InterimLimit, everyMs: number, bytes = 0, most = 10_000): number {
  const head = { status: 102, statusText: '', headers: new Fields(['X', 'x'.repeat(bytes)]) };
  for (let i = 0; i < most; i += 1) {
    try {
      limit.add(head);
    } catch {
      return i;
    }
    vi.advanceTimersByTime(everyMs);
  }
  return most;
}

describe('interim responses', () => {
  test('pass without end at a hundred a second', () => {
    expect(count(new InterimLimit(), 10)).toBe(10_000);
  });

  test('are refused after five hundred at once', () => {
    expect(count(new InterimLimit(), 0)).toBe(500);
  });

  test('are refused after a mebibyte at once, and pass without end at 64 KiB a second', () => {
    expect(count(new InterimLimit(), 0, 65_535)).toBe(16);
    expect(count(new InterimLimit(), 1000, 65_535)).toBe(10_000);
  });

  test('may come at once again after a pause', () => {
    const limit = new InterimLimit();
    count(limit, 0, 0, 500);
    vi.advanceTimersByTime(10_000);
    expect(count(limit, 0)).toBe(500);
  });
});
