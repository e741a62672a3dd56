import type { KeyState, Queued, Refusal } from './key-state.js';

/** How often requests are tried again that wait for time to pass. One timer serves all. */
const RETRY_MS = 50;

/**
 * Requests that wait for limits, in a line for each key. A request waits in the line of the key that refuses it. If another
 * key refuses it later, it moves to the line of that key, so that it does not hold up requests that could go on.
 */
export class Queues {
  readonly #states = new Set<KeyState>();
  #timer: NodeJS.Timeout | null = null;

  /** The keys with requests that wait. */
  get states(): ReadonlySet<KeyState> {
    return this.#states;
  }

  /** Puts a request in the line of the key that has refused it. False if it cannot wait there. */
  add(queued: Queued, refusal: Refusal): boolean {
    const { state, kind } = refusal;
    const { queue } = state.rule;
    const canWait = queue !== null && (kind === 'transfers' || kind === 'requests');
    if (!canWait || state.waiting >= queue.length) return false;
    queued.refusal = refusal;
    state.queue ??= [];
    // Most are the last ones.
    const before = state.queue.findLastIndex(({ order }) => order < queued.order);
    state.queue.splice(before + 1, 0, queued);
    this.#states.add(state);
    this.#timer ??= setInterval(() => this.retryAll(), RETRY_MS);
    return true;
  }

  /** Whether it waited. */
  remove(queued: Queued): boolean {
    const { state } = queued.refusal;
    const index = state.queue?.indexOf(queued) ?? -1;
    if (index < 0) return false;
    state.queue?.splice(index, 1);
    this.#forget(state);
    return true;
  }

  /** Admits what can be admitted for a key. */
  retry(state: KeyState): void {
    const { queue } = state;
    if (queue === null) return;
    while (this.#retryFirst(state, queue));
    this.#forget(state);
  }

  retryAll(): void {
    for (const state of [...this.#states]) {
      this.retry(state);
      this.#expire(state);
    }
  }

  /** Whether the first request has left the line. */
  #retryFirst(state: KeyState, queue: Queued[]): boolean {
    const [first] = queue;
    if (first === undefined) return false;
    let refusal: Refusal | null;
    try {
      refusal = first.retry();
    } catch (error) {
      queue.shift();
      first.failed(error);
      return true;
    }
    if (refusal === null) {
      queue.shift();
      first.admitted();
      return true;
    }
    const isSame = refusal.state === state && refusal.kind === first.refusal.kind;
    if (isSame && state.rule.queue !== null) {
      first.refusal = refusal;
      return false;
    }
    queue.shift();
    if (this.add(first, refusal)) return refusal.state !== state;
    first.refused(refusal);
    return true;
  }

  /** Refuses requests that have waited for too long. */
  #expire(state: KeyState): void {
    const now = performance.now();
    const late = state.queue?.filter(({ deadline }) => now >= deadline) ?? [];
    for (const queued of late) {
      this.remove(queued);
      queued.refused(queued.refusal);
    }
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
