/** The number of entries at which ended ones are first removed. */
const SWEEP_AT = 1000;

/** State by key, each with an end after which it is as good as new. */
export class ExpiringMap<T> {
  readonly #create: () => T;
  readonly #entries = new Map<string, { state: T; until: number }>();
  #sweepAt = SWEEP_AT;

  constructor(create: () => T) {
    this.#create = create;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns the state of a key, or a new one, which is not remembered unless `set` follows. */
  get(key: string, now: number): T {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.until > now ? entry.state : this.#create();
  }

  /** Remembers the state of a key until a time. Forgets it if that has come. */
  set(key: string, state: T, until: number, now: number): void {
    if (until <= now) {
      this.#entries.delete(key);
      return;
    }
    this.#entries.set(key, { state, until });
    if (this.#entries.size >= this.#sweepAt) this.#sweep(now);
  }

  /** Calls back with the state of each key, and forgets those for which that returns true. */
  visit(now: number, isOver: (state: T) => boolean): void {
    for (const [key, { state, until }] of this.#entries) {
      if (until <= now || isOver(state)) this.#entries.delete(key);
    }
  }

  /** Visits all entries. The next sweep follows when their number has doubled. */
  #sweep(now: number): void {
    for (const [key, { until }] of this.#entries) if (until <= now) this.#entries.delete(key);
    this.#sweepAt = Math.max(SWEEP_AT, this.#entries.size * 2);
  }
}
