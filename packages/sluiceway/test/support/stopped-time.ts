import { vi } from 'vitest';
import type { Network } from './fixture.js';

/** Deadline in real time. Reaching it is a failure. */
const DEADLINE_MS = 10_000;

/**
 * Stops time, and lets it pass under control of the test. Waits of hours end at once, and nothing is late because the
 * machine is busy. Sockets remain real.
 */
export class StoppedTime {
  /** Milliseconds that have passed. */
  passed = 0;

  /** Intervals remain real unless `stopsIntervals` is set. */
  constructor(net: Network, { stopsIntervals = false } = {}) {
    const intervals = stopsIntervals ? (['setInterval', 'clearInterval'] as const) : [];
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', ...intervals] });
    net.cleanup(() => vi.useRealTimers());
  }

  /** Lets time pass, once everything in flight in this process has arrived. */
  async pass(ms: number): Promise<void> {
    await settled();
    vi.advanceTimersByTime(ms);
    this.passed += ms;
    await settled();
  }

  /** Lets time pass in steps until the promise settles. */
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

/** Waits some turns of the event loop, after which data written to a loopback socket has been read. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
