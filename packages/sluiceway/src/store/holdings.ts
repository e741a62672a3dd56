import type { Entered, Refused, SlotRequest, UseOfLink } from '../limits/store.js';
import { HOLD_INTERVAL_MS, type StoreBackend } from './backend.js';

interface HeldSlots {
  count: number;
  /** Operations whose effect in the store is not known yet. */
  pending: number;
}

/**
 * What this process holds in the store: slots and uses of links. Says so every two seconds, also after the store has lost
 * its state. If the process dies, the store gives them to others.
 */
export class HeldState {
  readonly #backend: StoreBackend;
  readonly #process: string;
  readonly #keysOf = new Map<string, readonly string[]>();
  readonly #slots = new Map<string, HeldSlots>();
  readonly #uses = new Map<string, UseOfLink>();
  #timer: NodeJS.Timeout | null = null;

  constructor(backend: StoreBackend, process: string) {
    this.#backend = backend;
    this.#process = process;
  }

  /** The numbers of held slots and uses. */
  get size(): number {
    return this.#keysOf.size + this.#uses.size;
  }

  async enter(slots: readonly SlotRequest[], id: string): Promise<Entered | Refused> {
    const keys = slots.map(({ key }) => key);
    const answer = await this.#change(keys, () => this.#backend.enter(this.#process, slots));
    if (!answer.entered) return answer;
    this.#keysOf.set(id, keys);
    for (const key of keys) this.#slotsOf(key).count += 1;
    this.#arm();
    return answer;
  }

  async leave(id: string): Promise<void> {
    const keys = this.#keysOf.get(id);
    if (keys === undefined) return;
    this.#keysOf.delete(id);
    for (const key of keys) this.#slotsOf(key).count -= 1;
    await this.#change(keys, () => this.#backend.leave(this.#process, keys));
    for (const key of keys) this.#forget(key);
  }

  begin(use: UseOfLink): void {
    this.#uses.set(use.useId, use);
    this.#arm();
  }

  end(useId: string): void {
    this.#uses.delete(useId);
  }

  /** Gives everything back. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const keys = [...this.#slots.keys()];
    const uses = [...this.#uses.values()];
    this.#keysOf.clear();
    this.#slots.clear();
    this.#uses.clear();
    const slots = keys.map((key) => ({ key, count: 0 }));
    if (slots.length > 0) await this.#backend.hold(this.#process, { slots, uses: [] });
    await Promise.all(uses.map((use) => this.#backend.endUse(use)));
  }

  #slotsOf(key: string): HeldSlots {
    let held = this.#slots.get(key);
    if (held === undefined) this.#slots.set(key, (held = { count: 0, pending: 0 }));
    return held;
  }

  async #change<T>(keys: readonly string[], run: () => Promise<T>): Promise<T> {
    for (const key of keys) this.#slotsOf(key).pending += 1;
    let hasFailed = true;
    try {
      const answer = await run();
      hasFailed = false;
      return answer;
    } finally {
      for (const key of keys) {
        this.#slotsOf(key).pending -= 1;
        // After a failure, the store may have it or not. The next `hold` says how it is.
        if (!hasFailed) this.#forget(key);
      }
      if (hasFailed) this.#arm();
    }
  }

  #forget(key: string): void {
    const held = this.#slots.get(key);
    if (held !== undefined && held.count === 0 && held.pending === 0) this.#slots.delete(key);
  }

  #arm(): void {
    if (this.#timer !== null) return;
    const delay = HOLD_INTERVAL_MS * (0.75 + 0.25 * Math.random());
    this.#timer = setTimeout(() => void this.#tell(), delay).unref();
  }

  async #tell(): Promise<void> {
    const known = [...this.#slots].filter(([, { pending }]) => pending === 0);
    const slots = known.map(([key, { count }]) => ({ key, count }));
    const uses = [...this.#uses.values()];
    if (slots.length > 0 || uses.length > 0) {
      const told = this.#backend.hold(this.#process, { slots, uses }).then(
        () => true,
        () => false,
      );
      if (await told) for (const [key] of known) this.#forget(key);
    }
    this.#timer = null;
    if (this.#slots.size > 0 || this.#uses.size > 0) this.#arm();
  }
}
