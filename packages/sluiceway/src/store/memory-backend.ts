import type { Count, CountRequest, Entered, Refused, SlotRequest, UseOfLink } from '../limits/store.js';
import {
  CLOCK_MARGIN_MS,
  HOLD_MS,
  type Holdings,
  LEASE_MS,
  type RateAsk,
  type RateLease,
  type StoreBackend,
  type StoreEvent,
} from './backend.js';
import { ExpiringMap } from './expiring-map.js';
import {
  addCounts,
  beginUse,
  type CountState,
  countSlots,
  endUse,
  holdUse,
  type LinkState,
  leaseRate,
  newLink,
  type RateState,
  type SlotState,
  setSlots,
  succeedUse,
} from './rules.js';

const monotonicClock = (): number => Math.floor(performance.timeOrigin + performance.now());

/** Shared state in the memory of one process, for its own use and that of its workers. It is lost when the process ends. */
export class MemoryBackend implements StoreBackend {
  readonly #clock: () => number;
  readonly #rates = new ExpiringMap<RateState>(() => new Map());
  readonly #slots = new ExpiringMap<SlotState>(() => new Map());
  readonly #counts = new ExpiringMap<CountState>(() => new Map());
  readonly #links = new ExpiringMap<LinkState>(newLink);
  /** When each mark ends. */
  readonly #revoked = new Map<string, number>();
  readonly #blocked = new Map<string, number>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();

  /** `clock`: milliseconds since 1970. By default a clock that never goes back. */
  constructor(clock: () => number = monotonicClock) {
    this.#clock = clock;
  }

  /** The number of keys with state. */
  get size(): number {
    return this.#rates.size + this.#slots.size + this.#counts.size + this.#links.size;
  }

  async lease(process: string, asks: readonly RateAsk[]): Promise<readonly RateLease[]> {
    const now = this.#clock();
    return asks.map(({ key, ...ask }) => {
      const state = this.#rates.get(key, now);
      const lease = leaseRate(state, now, process, ask);
      this.#rates.set(key, state, state.size === 0 ? now : now + LEASE_MS, now);
      return lease;
    });
  }

  async enter(process: string, slots: readonly SlotRequest[]): Promise<Entered | Refused> {
    const now = this.#clock();
    const states = slots.map(({ key }) => this.#slots.get(key, now));
    const counts = states.map((state) => countSlots(state, now));
    const full = slots.findIndex(({ max }, i) => (counts[i] ?? 0) >= max);
    if (full >= 0) return { entered: false, full };
    for (const [i, { key }] of slots.entries()) {
      const state: SlotState = states[i] ?? new Map();
      this.#setSlots(key, state, process, (state.get(process)?.count ?? 0) + 1);
    }
    return { entered: true, running: counts.map((count) => count + 1) };
  }

  async leave(process: string, keys: readonly string[]): Promise<void> {
    const now = this.#clock();
    for (const key of keys) {
      const state = this.#slots.get(key, now);
      countSlots(state, now);
      this.#setSlots(key, state, process, (state.get(process)?.count ?? 0) - 1);
    }
  }

  async hold(process: string, { slots, uses }: Holdings): Promise<void> {
    const now = this.#clock();
    for (const { key, count } of slots) this.#setSlots(key, this.#slots.get(key, now), process, count);
    for (const use of uses) {
      this.#changeLink(use, (state) => holdUse(state, now, use.client, use.useId));
    }
  }

  async count(requests: readonly CountRequest[]): Promise<readonly Count[]> {
    const now = this.#clock();
    const states = requests.map(({ key }) => this.#counts.get(key, now));
    const counts = addCounts(states, now, requests);
    for (const [i, { key }] of requests.entries()) {
      const state = states[i];
      if (state !== undefined) this.#counts.set(key, state, Math.max(now, ...state.keys()), now);
    }
    return counts;
  }

  async beginUse(use: UseOfLink): Promise<'begun' | 'taken' | 'over'> {
    return this.#changeLink(use, (state, now) => beginUse(state, now, use.client, use.useId));
  }

  async succeedUse(use: UseOfLink, windowMs: number): Promise<void> {
    this.#changeLink(use, (state, now) => succeedUse(state, now, use.client, windowMs));
  }

  async endUse(use: UseOfLink): Promise<void> {
    this.#changeLink(use, (state, now) => endUse(state, now, use.useId));
  }

  async revoke(id: string, expiresAt: number): Promise<void> {
    const ms = Math.max(0, expiresAt - this.#clock()) + CLOCK_MARGIN_MS;
    this.#mark(this.#revoked, id, this.#clock() + ms);
    this.#publish({ kind: 'revoked', id, ms });
  }

  async isRevoked(id: string): Promise<boolean> {
    return (this.#revoked.get(id) ?? 0) > this.#clock();
  }

  async block(key: string, ms: number): Promise<void> {
    this.#mark(this.#blocked, key, this.#clock() + ms);
    this.#publish({ kind: 'blocked', key, ms });
  }

  async unblock(key: string): Promise<void> {
    this.#blocked.delete(key);
    this.#publish({ kind: 'unblocked', key });
  }

  listen(listener: (event: StoreEvent) => void): () => void {
    const now = this.#clock();
    this.#listeners.add(listener);
    for (const [id, until] of this.#revoked) {
      if (until > now) listener({ kind: 'revoked', id, ms: until - now });
    }
    for (const [key, until] of this.#blocked) {
      if (until > now) listener({ kind: 'blocked', key, ms: until - now });
    }
    return () => void this.#listeners.delete(listener);
  }

  /** Gives up the leases and slots of a process that has ended. */
  forget(process: string): void {
    const now = this.#clock();
    this.#rates.visit(now, (state) => state.delete(process) && state.size === 0);
    this.#slots.visit(now, (state) => state.delete(process) && state.size === 0);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  #setSlots(key: string, state: SlotState, process: string, count: number): void {
    const now = this.#clock();
    setSlots(state, now, process, count);
    this.#slots.set(key, state, state.size === 0 ? now : now + HOLD_MS, now);
  }

  #changeLink<T>({ id, expiresAt }: UseOfLink, change: (state: LinkState, now: number) => T): T {
    const now = this.#clock();
    const state = this.#links.get(id, now);
    const result = change(state, now);
    this.#links.set(id, state, state.owner === null ? now : expiresAt + CLOCK_MARGIN_MS, now);
    return result;
  }

  #mark(marks: Map<string, number>, member: string, until: number): void {
    const now = this.#clock();
    for (const [each, end] of marks) if (end <= now) marks.delete(each);
    marks.set(member, until);
  }

  #publish(event: StoreEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
