import type { System } from './system.js';

/** From so many watched sockets on, memory is worth the time. */
const MANY_SOCKETS = 100;
const PERIOD_MS = 10_000;

/**
 * Returns memory to the operating system that the process has freed. glibc keeps what each thread has freed, and V8's
 * compiler and garbage collector free tens of megabytes in their threads: with a thousand slow clients, that is more than
 * the clients need. Trims only while many sockets are watched.
 */
export class MemoryTrim {
  readonly #system: Pick<System, 'trimMemory'>;
  readonly #countSockets: () => number;
  #timer: NodeJS.Timeout | null = null;

  constructor(system: Pick<System, 'trimMemory'>, countSockets: () => number) {
    this.#system = system;
    this.#countSockets = countSockets;
  }

  /** Called when a splice has begun. */
  begin(): void {
    if (this.#timer === null && this.#countSockets() >= MANY_SOCKETS)
      this.#timer = setTimeout(this.#trim, PERIOD_MS).unref();
  }

  readonly #trim = (): void => {
    this.#timer = null;
    this.#system.trimMemory();
    this.begin();
  };
}
