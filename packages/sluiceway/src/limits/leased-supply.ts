import type { Bandwidth, Supply } from '../stream/bandwidth.js';
import type { Direction, KeyState } from './key-state.js';
import type { LeaseRequest, LimitStore } from './store.js';

/** How often bytes are taken out of the lease of a key with transfers. One timer serves all keys. */
const SLICE_MS = 25;
/** What is asked for, and what is kept while no transfer waits, at the limit and at the share of this process. */
const SAVED_SECONDS = 0.1;

/** The bytes of one direction of a key, of what the store leases to this process. */
export class LeasedSupply implements Supply {
  readonly state: KeyState;
  readonly direction: Direction;
  readonly #use: (supply: LeasedSupply) => void;
  /** Bytes that may pass. */
  available = 0;
  /** Bytes per second that this process has of the limit. */
  share = 0;
  isAsking = false;
  /** Whether the store cannot be asked. */
  hasFailed = false;
  #filledAt = 0;

  constructor(state: KeyState, direction: Direction, use: (supply: LeasedSupply) => void) {
    this.state = state;
    this.direction = direction;
    this.#use = use;
  }

  get bandwidth(): Bandwidth | null {
    return this.state[this.direction];
  }

  take(isShort: boolean, pool: number): number {
    this.#use(this);
    if (this.hasFailed) this.#fillAlone();
    const room = isShort ? this.available : Math.max(0, this.share * SAVED_SECONDS - pool);
    const bytes = Math.min(this.available, room);
    this.available -= bytes;
    return bytes;
  }

  /** From now on this process limits by itself, as the rule says. */
  fail(): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.#filledAt = performance.now();
    const { onStoreFailure, burst } = this.state.rule;
    if (onStoreFailure === 'open') this.bandwidth?.setRate(Number.POSITIVE_INFINITY, burst);
    if (this.share === 0) this.share = this.state.rateOf(this.direction) ?? 0;
  }

  recover(): void {
    if (!this.hasFailed) return;
    this.hasFailed = false;
    this.available = 0;
    const rate = this.state.rateOf(this.direction);
    if (this.state.rule.onStoreFailure === 'open' && rate !== null)
      this.bandwidth?.setRate(rate, this.state.rule.burst);
  }

  #fillAlone(): void {
    const now = performance.now();
    const passed = now - this.#filledAt;
    this.#filledAt = now;
    if (this.state.rule.onStoreFailure !== 'share') return;
    const saved = this.share * SAVED_SECONDS;
    this.available = Math.min(saved, this.available + (passed * this.share) / 1000);
  }
}

/** Takes bytes from the leases of all keys that have transfers, and gives a lease back when there are none. */
export class Leases {
  readonly #store: LimitStore;
  readonly #active = new Set<LeasedSupply>();
  #timer: NodeJS.Timeout | null = null;

  constructor(store: LimitStore) {
    this.#store = store;
  }

  create(state: KeyState, direction: Direction): LeasedSupply {
    return new LeasedSupply(state, direction, (supply) => this.#use(supply));
  }

  /** Takes the first bytes. */
  async prime(supply: LeasedSupply): Promise<void> {
    if (this.#active.has(supply)) return;
    this.#use(supply);
    await this.#renew([supply]);
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #use(supply: LeasedSupply): void {
    if (this.#active.has(supply)) return;
    this.#active.add(supply);
    this.#timer ??= setInterval(() => this.#tick(), SLICE_MS);
  }

  #tick(): void {
    // A key that is new may have to wait for the store.
    const [known, fresh]: [LeasedSupply[], LeasedSupply[]] = [[], []];
    for (const supply of this.#active) (supply.share > 0 ? known : fresh).push(supply);
    void this.#renew(known);
    void this.#renew(fresh);
    if (this.#active.size === 0) this.close();
  }

  async #renew(supplies: readonly LeasedSupply[]): Promise<void> {
    const asked = supplies.flatMap((supply) => {
      const request = this.#toRequest(supply);
      return request === null ? [] : [{ supply, request }];
    });
    if (asked.length === 0) return;
    for (const { supply, request } of asked) {
      supply.isAsking = true;
      supply.available -= request.unused;
    }
    try {
      const leases = await this.#store.lease(asked.map(({ request }) => request));
      for (const [i, { supply }] of asked.entries()) {
        const { bytes = 0, share = 0 } = leases[i] ?? {};
        supply.recover();
        if (!this.#active.has(supply)) continue;
        supply.available += bytes;
        supply.share = share;
      }
    } catch {
      for (const { supply, request } of asked) {
        supply.fail();
        // What was left can be used while this process limits by itself.
        supply.available += request.unused;
      }
    } finally {
      for (const { supply } of asked) supply.isAsking = false;
    }
  }

  /** What to ask for. Null: nothing. */
  #toRequest(supply: LeasedSupply): LeaseRequest | null {
    const { state, direction, bandwidth, hasFailed } = supply;
    if (supply.isAsking || bandwidth === null) return null;
    const limit = state.rateOf(direction);
    const isOver = bandwidth.flows === 0 || limit === null;
    if (isOver) this.#active.delete(supply);
    // Outside of its times, a rule has no limit.
    else if (!Number.isFinite(bandwidth.bytesPerSecond) && !hasFailed) return null;
    const bytesPerSecond = limit ?? 1;
    return {
      key: `${state.sharedKey}\n${direction}`,
      bytesPerSecond,
      burst: state.rule.burst ?? 0,
      want: isOver ? 0 : Math.max(1, Math.ceil(bytesPerSecond * SAVED_SECONDS)),
      weight: isOver ? 0 : bandwidth.weight,
      unused: hasFailed ? 0 : Math.floor(supply.available),
    };
  }
}
