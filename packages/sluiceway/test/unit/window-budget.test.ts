import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SMALLEST_WINDOW, WindowBudget, type WindowHolder } from '../../src/http2/window-budget.js';

const MIB = 1024 * 1024;

/** A session of so many streams that notes what its budget tells it. */
class Holder implements WindowHolder {
  readonly openStreams: number;
  unreadBytes = 0;
  readonly calls: string[] = [];

  constructor(openStreams: number) {
    this.openStreams = openStreams;
  }

  tick(): void {
    this.calls.push('tick');
  }

  review(isUnderPressure: boolean): void {
    this.calls.push(isUnderPressure ? 'review, tight' : 'review');
  }

  shrinkTo(bytes: number): void {
    this.calls.push(`at most ${bytes}`);
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the budget of receive windows', () => {
  test('what is granted and given back is counted [grpc-go]', () => {
    const budget = new WindowBudget({ bytes: 4 * MIB });
    expect(budget.room).toBe(4 * MIB);
    budget.charge(MIB);
    expect(budget.granted).toBe(MIB);
    expect(budget.room).toBe(3 * MIB);
    budget.charge(-MIB);
    expect(budget.granted).toBe(0);
  });

  test('beyond the budget every session comes down to an equal share, once a tick [Sluiceway]', () => {
    const budget = new WindowBudget({ bytes: 8 * MIB });
    const [one, many] = [new Holder(1), new Holder(20)];
    budget.watch(one);
    budget.watch(many);
    budget.charge(8 * MIB);
    expect(one.calls).toEqual([]);
    budget.charge(1);
    expect(one.calls).toEqual([`at most ${256 * 1024 - 1}`]);
    expect(many.calls).toEqual(one.calls);
    budget.charge(1);
    expect(one.calls).toHaveLength(1);
    vi.advanceTimersByTime(50);
    expect(one.calls).toEqual([`at most ${256 * 1024 - 1}`, `at most ${256 * 1024 - 1}`, 'tick']);
    budget.unwatch(one);
    budget.unwatch(many);
  });

  test('what lies unread from before is no part of what is shared [Sluiceway]', () => {
    const budget = new WindowBudget({ bytes: 8 * MIB });
    const holder = new Holder(4);
    holder.unreadBytes = 6 * MIB;
    budget.watch(holder);
    budget.charge(9 * MIB);
    expect(holder.calls).toEqual([`at most ${512 * 1024 - 1}`]);
    budget.unwatch(holder);
  });

  test('no share is smaller than what the protocol grants without a word [RFC 9113 6.5.2]', () => {
    const budget = new WindowBudget({ bytes: MIB });
    const holder = new Holder(10_000);
    budget.watch(holder);
    budget.charge(2 * MIB);
    expect(holder.calls).toEqual([`at most ${SMALLEST_WINDOW}`]);
    budget.unwatch(holder);
  });

  test('sessions are reviewed once a second, more strictly when half of the budget is granted [Sluiceway]', () => {
    const budget = new WindowBudget({ bytes: 2 * MIB });
    const holder = new Holder(1);
    budget.watch(holder);
    vi.advanceTimersByTime(1000);
    expect(holder.calls.filter((call) => call !== 'tick')).toEqual(['review']);
    budget.charge(MIB + 1);
    vi.advanceTimersByTime(1000);
    expect(holder.calls.filter((call) => call !== 'tick')).toEqual(['review', 'review, tight']);
    budget.unwatch(holder);
  });

  test('no timer runs while there is no session to watch [Sluiceway]', () => {
    const budget = new WindowBudget();
    const holder = new Holder(1);
    expect(vi.getTimerCount()).toBe(0);
    budget.watch(holder);
    budget.watch(holder);
    expect(vi.getTimerCount()).toBe(1);
    budget.unwatch(holder);
    expect(vi.getTimerCount()).toBe(0);
    budget.unwatch(holder);
  });

  test('it is overdrawn once twice as much is granted as may be [Sluiceway]', () => {
    const budget = new WindowBudget({ bytes: MIB });
    budget.charge(2 * MIB);
    expect(budget.isOverdrawn).toBe(false);
    budget.charge(1);
    expect(budget.isOverdrawn).toBe(true);
  });
});
