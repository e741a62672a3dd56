import { BoundedMap } from './bounded-map.js';

/** The number of wrong passwords in a row that a client may send, and the time after which it regains one attempt. */
const ATTEMPTS = 10;
const REGAIN_MS = 5000;

/** The number of clients to remember. Each takes about 200 bytes. */
const MAX_CLIENTS = 10_000;

interface Attempts {
  left: number;
  /** When `left` was computed, by `performance.now()`. */
  at: number;
}

/** Slows down password guessing. Each client has a number of attempts, which it regains over time. */
export class AttemptLimit {
  readonly #clients = new BoundedMap<Attempts>(MAX_CLIENTS);

  /** Takes an attempt. Returns false if none is left. */
  take(client: string): boolean {
    const left = this.#leftOf(client);
    if (left < 1) return false;
    this.#clients.set(client, { left: left - 1, at: performance.now() });
    return true;
  }

  /** Returns an attempt whose password was right or could not be verified. */
  giveBack(client: string): void {
    const left = this.#leftOf(client) + 1;
    if (left >= ATTEMPTS) this.#clients.delete(client);
    else this.#clients.set(client, { left, at: performance.now() });
  }

  #leftOf(client: string): number {
    const attempts = this.#clients.get(client);
    if (attempts === undefined) return ATTEMPTS;
    return Math.min(ATTEMPTS, attempts.left + (performance.now() - attempts.at) / REGAIN_MS);
  }
}
