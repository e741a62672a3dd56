import { SluicewayError } from '../errors.js';
import type { LimitStore } from '../limits/store.js';
import { type Placed, PlacedList } from '../placed-list.js';

/** A download of a link. */
interface Download {
  /** Aborts it. */
  readonly end: (error: SluicewayError) => void;
  /** When its link expires, in milliseconds since 1970. */
  readonly expires: number;
}

/** A running download. */
class Running implements Placed {
  readonly download: Download;
  place = -1;

  constructor(download: Download) {
    this.download = download;
  }
}

/** The number of remembered links at which expired ones are first removed. */
const SWEEP_AT = 10_000;

/** Remembers revoked links and aborts their downloads. */
export class Revocations {
  /** When each revoked link expires, in milliseconds since 1970. After that it need not be remembered. */
  readonly #revoked = new Map<string, number>();
  /** By the id of the link. The lists are empty when they are removed, so that no download survives with one. */
  readonly #running = new Map<string, PlacedList<Running>>();
  #sweepAt = SWEEP_AT;

  /** Throws `link_revoked`. */
  check(id: string): void {
    if (this.#revoked.has(id)) throw revoked();
  }

  /** Registers a download until the returned function is called. Throws `link_revoked`. */
  begin(id: string, download: Download): () => void {
    this.check(id);
    const running = this.#running.get(id) ?? new PlacedList<Running>();
    const one = new Running(download);
    running.add(one);
    this.#running.set(id, running);
    return () => {
      running.delete(one);
      if (running.size === 0 && this.#running.get(id) === running) this.#running.delete(id);
    };
  }

  /** Returns the number of aborted downloads. `expires` is in milliseconds since 1970. */
  revoke(id: string, expires: number): number {
    if (this.#revoked.size >= this.#sweepAt) this.#sweep();
    this.#revoked.set(id, expires);
    const running = [...(this.#running.get(id)?.all ?? [])];
    for (const { download } of running) download.end(revoked());
    return running.length;
  }

  /** When a link expires of which a download runs. Null: none does. */
  expiryOf(id: string): number | null {
    return this.#running.get(id)?.all[0]?.download.expires ?? null;
  }

  /** Learns what another gateway of this process has revoked. */
  inherit(other: Revocations): void {
    for (const [id, expires] of other.#revoked) this.#revoked.set(id, expires);
  }

  /** Learns what other processes revoke. Returns a function that stops this. */
  watch(store: LimitStore): () => void {
    return store.watch({
      onRevoked: (id, ms) => void this.revoke(id, Date.now() + ms),
      onBlocked: () => {},
      onUnblocked: () => {},
    });
  }

  /** Like `check`, for a link that another process may have revoked a moment ago. */
  async checkIn(store: LimitStore, id: string): Promise<void> {
    this.check(id);
    try {
      if (!(await store.links.isRevoked(id))) return;
    } catch {
      // This process knows all that was revoked while the store could be asked.
      return;
    }
    throw revoked();
  }

  #sweep(): void {
    const now = Date.now();
    for (const [id, expires] of this.#revoked) if (expires <= now) this.#revoked.delete(id);
    this.#sweepAt = Math.max(SWEEP_AT, this.#revoked.size * 2);
  }
}

const revoked = (): SluicewayError => new SluicewayError('link_revoked', 'The link has been revoked');

/** How long to wait before the store is told again what it has not taken. */
const RETRY_MS = 1000;

/** Revokes a link in all processes that share a store, as soon as that can be asked. */
export async function tellRevoked(store: LimitStore, id: string, expires: number): Promise<void> {
  while (expires > Date.now()) {
    try {
      await store.links.revoke(id, expires);
      return;
    } catch {
      await new Promise<void>((resolve) => {
        setTimeout(resolve, RETRY_MS).unref();
      });
    }
  }
}
