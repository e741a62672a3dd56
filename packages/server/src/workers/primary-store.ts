import { MemoryBackend, type StoreEvent } from 'sluiceway/store';
import type { StoreCall } from './messages.js';

/** The state that the workers share, in the memory of the primary process. */
export class PrimaryStore {
  readonly #backend = new MemoryBackend();

  /** `tell` is called for each block and revocation. */
  constructor(tell: (event: StoreEvent) => void) {
    this.#backend.listen(tell);
  }

  /** Runs a call of a worker. */
  answer({ method, args }: StoreCall): Promise<unknown> {
    // The type of a call has the arguments of its method.
    const run = this.#backend[method] as (...each: readonly unknown[]) => Promise<unknown>;
    return run.apply(this.#backend, args);
  }

  /** All blocks and revocations that are in effect. */
  events(): StoreEvent[] {
    const events: StoreEvent[] = [];
    this.#backend.listen((event) => void events.push(event))();
    return events;
  }

  /** Gives up all that a worker has held, which has ended. */
  forget(process: string): void {
    this.#backend.forget(process);
  }
}
