import { vi } from 'vitest';
import type { Network } from './fixture.js';

/**
 * Time stands still, and passes when the test says so: what takes hours is over at once, and nothing comes too late
 * because the machine is busy. Sockets are as real as ever.
 */
export class StoppedTime {
  /** Milliseconds that have passed. */
  passed = 0;

  constructor(net: Network) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    net.cleanup(() => vi.useRealTimers());
  }

  /** Lets time pass, once everything that is under way in this process has arrived. */
  async pass(ms: number): Promise<void> {
    await settled();
    vi.advanceTimersByTime(ms);
    this.passed += ms;
    await settled();
  }
}

/** Some turns of the event loop: what was written to a loopback socket is read by then. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
