import type { StoreStatus } from '../limits/store.js';

/** Upper bounds in seconds. A server in the same network answers within a millisecond. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** Counts the commands of a store, and how long their answers take. */
export class CommandCounts {
  commands = 0;
  failures = 0;
  readonly #counts = Array.from({ length: BOUNDS.length + 1 }, () => 0);
  #sum = 0;

  answered(ms: number): void {
    const seconds = ms / 1000;
    const found = BOUNDS.findIndex((bound) => seconds <= bound);
    const index = found < 0 ? BOUNDS.length : found;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += seconds;
  }

  toStatus(isUp: boolean): StoreStatus {
    return {
      isUp,
      commands: this.commands,
      failures: this.failures,
      latency: { bounds: BOUNDS, counts: [...this.#counts], sum: this.#sum },
    };
  }
}
