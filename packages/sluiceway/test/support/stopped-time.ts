import { vi } from 'vitest';
import type { Network } from './fixture.js';

/** Of real time; reaching it is a failure. */
const DEADLINE_MS = 10_000;

/**
 * Time stands still, and passes when the test says so: what takes hours is over at once, and nothing comes too late
 * because the machine is busy. Sockets are as real as ever.
 */
export class StoppedTime {
  /** Milliseconds that have passed. */
  passed = 0;

  /** Intervals are as real as ever where `stopsIntervals` is absent. */
  constructor(net: Network, { stopsIntervals = false } = {}) {
    const intervals = stopsIntervals ? (['setInterval', 'clearInterval'] as const) : [];
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', ...intervals] });
    net.cleanup(() => vi.useRealTimers());
  }

  /** Lets time pass, once everything that is under way in this process has arrived. */
  async pass(ms: number): Promise<void> {
    await settled();
    vi.advanceTimersByTime(ms);
    this.passed += ms;
    await settled();
  }

  /** Lets time pass in steps until something has come about, however many that takes. */
  async passUntil<T>(happened: Promise<T>, stepMs: number): Promise<T> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    happened.then(over, over);
    await this.passWhile(() => !isOver, stepMs);
    return happened;
  }

  /** Lets time pass in steps as long as a condition holds. */
  async passWhile(condition: () => boolean, stepMs: number): Promise<void> {
    const deadline = Date.now() + DEADLINE_MS;
    while (condition()) {
      if (Date.now() > deadline) throw new Error(`${this.passed} ms have passed in vain`);
      await this.pass(stepMs);
    }
  }
}

/** Some turns of the event loop: what was written to a loopback socket is read by then. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
