import { createHmac, randomBytes } from 'node:crypto';
import { AttemptLimit } from './attempt-limit.js';
import { BoundedMap } from './bounded-map.js';
import type { PasswordHash } from './password-hash.js';

/**
 * `limited` means that the password was not checked, because the client sent too many wrong ones or too many passwords
 * are waiting.
 */
export type PasswordVerdict = 'right' | 'wrong' | 'limited';

/** How long after its last use a right password is remembered, and how many are. */
const REMEMBER_MS = 300_000;
const MAX_REMEMBERED = 10_000;

/** The number of passwords that may wait. They are verified one at a time. */
const MAX_WAITING = 32;

/**
 * Verifies passwords. Verification is as expensive as the hash requires, so:
 *
 * - only one password is verified at a time, which leaves the other cores and Node's thread pool to transfers;
 * - a right password is remembered, as a digest under a random key;
 * - concurrent requests with the same password share one verification;
 * - a client that sends wrong passwords is limited before anything is computed.
 *
 * An unknown user takes as long as a known one: the password is compared with an existing user's hash. The same name
 * always uses the same hash, so the time reveals nothing even if hashes differ in cost.
 */
export class Passwords {
  readonly #users: ReadonlyMap<string, PasswordHash>;
  readonly #hashes: readonly PasswordHash[];
  readonly #key = randomBytes(32);
  /** The time until which each digest is remembered. */
  readonly #right = new BoundedMap<number>(MAX_REMEMBERED);
  readonly #running = new Map<string, Promise<PasswordVerdict>>();
  readonly #attempts = new AttemptLimit();
  #last: Promise<unknown> = Promise.resolve();

  /** There must be at least one user. */
  constructor(users: ReadonlyMap<string, PasswordHash>) {
    this.#users = users;
    this.#hashes = [...users.values()];
  }

  /** `client` identifies the client to limit after wrong passwords. Rejects if the password cannot be verified. */
  async verify(user: string, password: string, client: string): Promise<PasswordVerdict> {
    // A user's name contains no NUL, so the separator is unambiguous.
    const digest = this.#digest(`${user}\0${password}`).toString('base64');
    const until = this.#right.get(digest);
    if (until !== undefined && until > performance.now()) {
      this.#remember(digest);
      return 'right';
    }
    const running = this.#running.get(digest);
    if (running !== undefined) return running;
    if (this.#running.size >= MAX_WAITING || !this.#attempts.take(client)) return 'limited';
    const verdict = this.#verifyInTurn(user, password, digest, client);
    this.#running.set(digest, verdict);
    return verdict;
  }

  async #verifyInTurn(
    user: string,
    password: string,
    digest: string,
    client: string,
  ): Promise<PasswordVerdict> {
    const another = this.#anyHash(user);
    const known = this.#users.get(user);
    const comparison = this.#last.then(() => (known ?? another).matches(password));
    this.#last = comparison.catch(() => {});
    let verdict: PasswordVerdict | null = null;
    try {
      const matches = await comparison;
      verdict = known !== undefined && matches ? 'right' : 'wrong';
      if (verdict === 'right') this.#remember(digest);
      return verdict;
    } finally {
      this.#running.delete(digest);
      if (verdict !== 'wrong') this.#attempts.giveBack(client);
    }
  }

  #remember(digest: string): void {
    this.#right.set(digest, performance.now() + REMEMBER_MS);
  }

  #anyHash(user: string): PasswordHash {
    const hash = this.#hashes[this.#digest(user).readUInt32BE() % this.#hashes.length];
    if (hash === undefined) throw new Error('There are no users');
    return hash;
  }

  #digest(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}
