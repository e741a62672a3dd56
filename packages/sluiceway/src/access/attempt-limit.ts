import { BoundedMap } from './bounded-map.js';

/** Wrong passwords in a row that a client may send, and after how long it may send one more. */
const ATTEMPTS = 10;
const REGAIN_MS = 5000;

/** Clients that are remembered; each is some 200 bytes. */
const MAX_CLIENTS = 10_000;

interface Attempts {
  left: number;
  /** When `left` was right. */
  at: number;
}

/** Slows down the guessing of passwords: each client has a number of attempts, which come back with time. */
export class AttemptLimit {
  readonly #clients = new BoundedMap<Attempts>(MAX_CLIENTS);

  /** Takes an attempt; false where none is left. */
  take(client: string): boolean {
    const left = this.#leftOf(client);
    if (left < 1) return false;
    this.#clients.set(client, { left: left - 1, at: performance.now() });
    return true;
  }

  /** For an attempt that was none: the password was right, or could not be verified. */
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
