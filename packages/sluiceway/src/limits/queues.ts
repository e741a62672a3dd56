import type { KeyState, Queued } from './key-state.js';

/** How often requests are tried again that wait for time to pass. One timer serves all. */
const RETRY_MS = 50;

/** Requests that wait for limits, in a line for each key. */
export class Queues {
  readonly #states = new Set<KeyState>();
  #timer: NodeJS.Timeout | null = null;

  add(queued: Queued): void {
    const { state } = queued;
    state.queue ??= [];
    state.queue.push(queued);
    this.#states.add(state);
    this.#timer ??= setInterval(() => this.#retryAll(), RETRY_MS);
  }

  remove(queued: Queued): void {
    const { state } = queued;
    const index = state.queue?.indexOf(queued) ?? -1;
    if (index < 0) return;
    state.queue?.splice(index, 1);
    this.#forget(state);
  }

  /** Admits what can be admitted for a key. */
  retry(state: KeyState): void {
    const { queue } = state;
    if (queue === null) return;
    const now = performance.now();
    while (queue.length > 0) {
      const [first] = queue;
      if (first === undefined) break;
      const refusal = first.retry();
      if (refusal !== null && now < first.deadline) break;
      queue.shift();
      if (refusal === null) first.admitted();
      else first.refused(refusal);
    }
    this.#forget(state);
  }

  #retryAll(): void {
    for (const state of this.#states) this.retry(state);
  }

  #forget(state: KeyState): void {
    if (state.waiting > 0) return;
    state.queue = null;
    this.#states.delete(state);
    if (this.#states.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
