import type { PipeEnds, System } from './system.js';

/** The largest pipe that the kernel allows an unprivileged user by default (`fs.pipe-max-size`). */
const PIPE_BYTES = 1024 * 1024;
/** Smaller pipes are slower than copying. The kernel makes pipes of two pages once a user has too many. */
const MIN_PIPE_BYTES = 64 * 1024;
/**
 * All processes of a user share 64 MiB of pipes (`fs.pipe-user-pages-soft`). One process takes half of that.
 */
const MAX_PIPES = 32;
const MAX_IDLE_PIPES = 4;

/** The pipes that bytes are moved through. A splice holds one only while bytes are in it. */
export class PipePool {
  readonly #system: System;
  readonly #maxPipes: number;
  readonly #idle: PipeEnds[] = [];
  /** Number of all pipes, including idle ones. */
  #count = 0;

  constructor(system: System, maxPipes: number = MAX_PIPES) {
    this.#system = system;
    this.#maxPipes = maxPipes;
  }

  /** Returns an empty pipe; null if the budget or the system has none left. */
  acquire(): PipeEnds | null {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#count >= this.#maxPipes) return null;
    const pipe = this.#system.createPipe(PIPE_BYTES, MIN_PIPE_BYTES);
    if (pipe !== null) this.#count += 1;
    return pipe;
  }

  /** Takes a pipe back. Closes one with bytes in it, since they must not get into another transfer. */
  release(pipe: PipeEnds, isEmpty: boolean): void {
    if (isEmpty && this.#idle.length < MAX_IDLE_PIPES) {
      this.#idle.push(pipe);
      return;
    }
    this.#count -= 1;
    this.#system.closePipe(pipe);
  }
}
