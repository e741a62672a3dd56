import type { PipeEnds, System } from './system.js';

/** What the kernel lets an unprivileged user give one pipe at most (`fs.pipe-max-size`). */
const PIPE_BYTES = 1024 * 1024;
/** Less than that is slower than to copy. The kernel makes pipes of two pages once a user has too many. */
const MIN_PIPE_BYTES = 64 * 1024;
/**
 * All users' processes share 64 MiB of pipes for each user (`fs.pipe-user-pages-soft`): a process takes half of that.
 */
const MAX_PIPES = 32;
const MAX_IDLE_PIPES = 4;

/** The pipes that bytes are moved through, one at a time. A splice holds one only while bytes are in it. */
export class PipePool {
  readonly #system: System;
  readonly #maxPipes: number;
  readonly #idle: PipeEnds[] = [];
  /** Pipes in all, idle ones included. */
  #count = 0;

  constructor(system: System, maxPipes: number = MAX_PIPES) {
    this.#system = system;
    this.#maxPipes = maxPipes;
  }

  /** An empty pipe; null where the budget, or the system, has none left. */
  acquire(): PipeEnds | null {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#count >= this.#maxPipes) return null;
    const pipe = this.#system.createPipe(PIPE_BYTES, MIN_PIPE_BYTES);
    if (pipe !== null) this.#count += 1;
    return pipe;
  }

  /** Takes a pipe back. One with bytes in it is closed: they must not get into another transfer. */
  release(pipe: PipeEnds, isEmpty: boolean): void {
    if (isEmpty && this.#idle.length < MAX_IDLE_PIPES) {
      this.#idle.push(pipe);
      return;
    }
    this.#count -= 1;
    this.#system.closePipe(pipe);
  }
}
