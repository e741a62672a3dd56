import { setTimeout } from 'node:timers/promises';

/** Most time that unused rate counts for. */
const BURST_MS = 250;

/** Limits the rate of bytes. */
export class Pace {
  readonly #bytesPerMs: number;
  readonly #now: () => number;
  /** When the bytes so far are due. */
  #dueAt = 0;

  constructor(bytesPerSecond: number, now: () => number = performance.now.bind(performance)) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#now = now;
  }

  /** The most bytes to take at a time, so that the rate is even. */
  get pieceBytes(): number {
    return Math.max(1024, Math.ceil(this.#bytesPerMs * 100));
  }

  /** Notes bytes that have arrived. Returns how long to wait before the next ones, in milliseconds. */
  delayAfter(bytes: number): number {
    const now = this.#now();
    this.#dueAt = Math.max(this.#dueAt, now - BURST_MS) + bytes / this.#bytesPerMs;
    return Math.max(0, this.#dueAt - now);
  }

  /** Waits as long as the rate requires. Rejects when the signal is aborted. */
  async wait(bytes: number, signal: AbortSignal): Promise<void> {
    const ms = this.delayAfter(bytes);
    if (ms >= 1) await setTimeout(ms, undefined, { signal });
  }
}
