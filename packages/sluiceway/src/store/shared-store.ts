import { randomUUID } from 'node:crypto';
import type {
  Count,
  CountRequest,
  Entered,
  Lease,
  LeaseRequest,
  LimitStore,
  LimitStoreListener,
  LinkStore,
  Refused,
  SlotRequest,
  StoreStatus,
  UseOfLink,
} from '../limits/store.js';
import type { StoreBackend, StoreEvent } from './backend.js';
import { HeldState } from './holdings.js';
import { LeasedRates } from './leased-rates.js';

/** The store as a process sees it: keeps what the process has of it alive. */
export class SharedStore implements LimitStore {
  readonly links: LinkStore;
  readonly #backend: StoreBackend;
  readonly #rates: LeasedRates;
  readonly #held: HeldState;

  /** `process`: the identity of this process in the store. */
  constructor(backend: StoreBackend, process: string = randomUUID()) {
    this.#backend = backend;
    this.#rates = new LeasedRates((asks) => backend.lease(process, asks));
    this.#held = new HeldState(backend, process);
    this.links = new SharedLinks(backend, this.#held);
  }

  lease(requests: readonly LeaseRequest[]): Promise<readonly Lease[]> {
    return this.#rates.lease(requests);
  }

  enter(slots: readonly SlotRequest[], id: string): Promise<Entered | Refused> {
    return this.#held.enter(slots, id);
  }

  leave(id: string): Promise<void> {
    return this.#held.leave(id);
  }

  count(requests: readonly CountRequest[]): Promise<readonly Count[]> {
    return this.#backend.count(requests);
  }

  block(key: string, ms: number): Promise<void> {
    return this.#backend.block(key, ms);
  }

  unblock(key: string): Promise<void> {
    return this.#backend.unblock(key);
  }

  watch(listener: LimitStoreListener): () => void {
    return this.#backend.listen((event) => tell(listener, event));
  }

  status(): StoreStatus | null {
    return this.#backend.status?.() ?? null;
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#rates.close(), this.#held.close()]);
    await this.#backend.close();
  }
}

class SharedLinks implements LinkStore {
  readonly #backend: StoreBackend;
  readonly #held: HeldState;

  constructor(backend: StoreBackend, held: HeldState) {
    this.#backend = backend;
    this.#held = held;
  }

  async begin(use: UseOfLink): Promise<'begun' | 'taken' | 'over'> {
    const answer = await this.#backend.beginUse(use);
    if (answer === 'begun') this.#held.begin(use);
    return answer;
  }

  succeeded(use: UseOfLink, windowMs: number): Promise<void> {
    return this.#backend.succeedUse(use, windowMs);
  }

  end(use: UseOfLink): Promise<void> {
    this.#held.end(use.useId);
    return this.#backend.endUse(use);
  }

  revoke(id: string, expiresAt: number): Promise<void> {
    return this.#backend.revoke(id, expiresAt);
  }

  isRevoked(id: string): Promise<boolean> {
    return this.#backend.isRevoked(id);
  }
}

function tell(listener: LimitStoreListener, event: StoreEvent): void {
  if (event.kind === 'revoked') listener.onRevoked(event.id, event.ms);
  else if (event.kind === 'blocked') listener.onBlocked(event.key, event.ms);
  else listener.onUnblocked(event.key);
}
