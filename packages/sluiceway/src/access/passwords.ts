import { createHmac, randomBytes } from 'node:crypto';
import { AttemptLimit } from './attempt-limit.js';
import { BoundedMap } from './bounded-map.js';
import type { PasswordHash } from './password-hash.js';

/** `limited`: the password was not looked at, because there were too many wrong ones, or too many wait. */
export type PasswordVerdict = 'right' | 'wrong' | 'limited';

/** Passwords that were right are remembered for so long after their last use, as many as that. */
const REMEMBER_MS = 300_000;
const MAX_REMEMBERED = 10_000;

/** Passwords that may wait to be verified, one after the other. */
const MAX_WAITING = 32;

/**
 * Verifies the passwords of users. A password costs what its hash was made to cost, so:
 *
 * - one is verified at a time, which leaves the other processors, and Node's few threads, to the transfers;
 * - one that was right is remembered, as a digest under a key that nobody knows;
 * - requests that come with the same one share a verification;
 * - a client that sends wrong ones has to wait, before anything is computed.
 *
 * An unknown user costs as much as a known one: the password is compared with the hash of one who exists, always the
 * same for the same name, so that time does not tell either where hashes differ in what they cost.
 */
export class Passwords {
  readonly #users: ReadonlyMap<string, PasswordHash>;
  readonly #hashes: readonly PasswordHash[];
  readonly #key = randomBytes(32);
  /** Until when each digest is remembered. */
  readonly #right = new BoundedMap<number>(MAX_REMEMBERED);
  readonly #running = new Map<string, Promise<PasswordVerdict>>();
  readonly #attempts = new AttemptLimit();
  #last: Promise<unknown> = Promise.resolve();

  /** There has to be a user. */
  constructor(users: ReadonlyMap<string, PasswordHash>) {
    this.#users = users;
    this.#hashes = [...users.values()];
  }

  /** `client` is who is made to wait after wrong passwords. Rejects where the password could not be verified. */
  async verify(user: string, password: string, client: string): Promise<PasswordVerdict> {
    // No NUL is in a user's name, which ends at it.
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
    if (hash === undefined) throw new Error('There is no user');
    return hash;
  }

  #digest(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}
