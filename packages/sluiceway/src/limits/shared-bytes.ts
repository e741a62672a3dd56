import type { KeyState } from './key-state.js';
import type { CountRequest, LimitStore } from './store.js';

/** How often the store gets to know how many bytes have passed. */
const INTERVAL_MS = 1000;

/** Adds the bytes that pass to counts of the store, and learns what other processes have added. */
export class SharedBytes {
  readonly #store: LimitStore;
  /** What the store knows of each key. */
  readonly #known = new Map<KeyState, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(store: LimitStore) {
    this.#store = store;
  }

  /** Whether the store learns of the bytes of a key. */
  knows(state: KeyState): boolean {
    return this.#known.has(state);
  }

  /** The count of the store before any byte of a transfer has passed. */
  begin(state: KeyState, used: number): void {
    if (!this.#known.has(state)) this.#adopt(state, used, state.bytes?.used ?? 0);
    this.#timer ??= setInterval(() => void this.flush(), INTERVAL_MS).unref();
  }

  /** Tells the store about all bytes that it does not know of. */
  async flush(): Promise<void> {
    const told: { state: KeyState; used: number; request: CountRequest }[] = [];
    for (const [state, known] of this.#known) {
      const request = toRequest(state, 0);
      const used = state.bytes?.used ?? 0;
      // Less than before: another period has begun.
      const add = used < known ? used : used - known;
      if (request === null || (add === 0 && state.running === 0)) this.#known.delete(state);
      else told.push({ state, used, request: { ...request, add: Math.round(add) } });
    }
    if (told.length === 0) {
      if (this.#known.size === 0) this.close();
      return;
    }
    try {
      const counts = await this.#store.count(told.map(({ request }) => request));
      for (const [i, { state, used }] of told.entries()) this.#adopt(state, counts[i]?.used ?? used, used);
    } catch {
      // The store gets to know it the next time.
    }
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Takes the count of the store, which has `told` of this process's bytes. */
  #adopt(state: KeyState, used: number, told: number): void {
    this.#known.set(state, used);
    if (state.bytes !== null) state.bytes.used = used + Math.max(0, state.bytes.used - told);
  }
}

/** An addition to the count of bytes of a key. Null: its rule has none. */
export function toRequest({ rule, sharedKey }: KeyState, add: number): CountRequest | null {
  if (rule.bytes === null) return null;
  const { count, window } = rule.bytes;
  return { key: `${sharedKey}\nbytes`, add, limit: count, forced: true, window };
}
