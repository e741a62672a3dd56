import { SluicewayError } from '../errors.js';

/** Aborts one download. */
type End = (error: SluicewayError) => void;

/** The number of remembered links at which expired ones are first removed. */
const SWEEP_AT = 10_000;

/** Remembers revoked links and aborts their downloads. The state is local to this process. */
export class Revocations {
  /** When each revoked link expires, in milliseconds since 1970. After that it need not be remembered. */
  readonly #revoked = new Map<string, number>();
  readonly #running = new Map<string, Set<End>>();
  #sweepAt = SWEEP_AT;

  /** Throws `link_revoked`. */
  check(id: string): void {
    if (this.#revoked.has(id)) throw revoked();
  }

  /** Registers a download until the returned function is called. Throws `link_revoked`. */
  begin(id: string, end: End): () => void {
    this.check(id);
    const running = this.#running.get(id) ?? new Set();
    this.#running.set(id, running.add(end));
    return () => {
      running.delete(end);
      if (running.size === 0 && this.#running.get(id) === running) this.#running.delete(id);
    };
  }

  /** Returns the number of aborted downloads. `expires` is in milliseconds since 1970. */
  revoke(id: string, expires: number): number {
    if (this.#revoked.size >= this.#sweepAt) this.#sweep();
    this.#revoked.set(id, expires);
    const running = [...(this.#running.get(id) ?? [])];
    for (const end of running) end(revoked());
    return running.length;
  }

  #sweep(): void {
    const now = Date.now();
    for (const [id, expires] of this.#revoked) if (expires <= now) this.#revoked.delete(id);
    this.#sweepAt = Math.max(SWEEP_AT, this.#revoked.size * 2);
  }
}

const revoked = (): SluicewayError => new SluicewayError('link_revoked', 'The link has been revoked');
