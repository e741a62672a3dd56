import type { SocketWatch } from './poller.js';
import type { System } from './system.js';

/**
 * Most bytes that wait in the kernel for a target which has not proved to be fast. Its own limit is several megabytes, and a
 * thousand slow clients would occupy gigabytes, until it is short of memory.
 */
const MAX_UNSENT = 256 * 1024;
/** A target that takes so many bytes in so much time is fast. The kernel of a slow client takes fewer at once. */
const FAST_BYTES = 2 * 1024 * 1024;
const FAST_MS = 2000;

/** Limits the bytes that wait in the kernel for the target of a splice, until the target proves to be fast. */
export class UnsentLimit {
  readonly #system: System;
  readonly #target: SocketWatch;
  /** Whether the limit holds. The system may not support it. */
  #isOn: boolean;
  /** Bytes that the target has taken since `#since`. */
  #taken = 0;
  #since = performance.now();

  constructor(system: System, target: SocketWatch) {
    this.#system = system;
    this.#target = target;
    this.#isOn = system.limitUnsent(target.descriptor, MAX_UNSENT);
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** The target has taken `bytes` bytes. */
  moved(bytes: number): void {
    if (!this.#isOn) return;
    this.#taken += bytes;
    if (this.#taken < FAST_BYTES) return;
    const now = performance.now();
    if (now - this.#since < FAST_MS) this.end();
    this.#taken = 0;
    this.#since = now;
  }

  end(): void {
    if (this.#isOn && this.#target.isOpen) this.#system.limitUnsent(this.#target.descriptor, 0);
    this.#isOn = false;
  }
}
