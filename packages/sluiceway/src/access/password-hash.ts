import { scrypt, timingSafeEqual } from 'node:crypto';
import { BcryptThread, findBcrypt } from './bcrypt-thread.js';

/** The hash of a password. */
export interface PasswordHash {
  matches(password: string): Promise<boolean>;
}

/** A comparison at cost 15 takes 2.5 s of CPU time; at 17, 10 s. */
const MAX_BCRYPT_COST = 15;
const MAX_SCRYPT_BYTES = 256 * 1024 * 1024;

/** `$2a$`, `$2b$` and `$2y$` are the same algorithm. The letters mark bugs of old implementations. */
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** The PHC string format, as passlib writes it: base64 without padding. */
const SCRYPT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Parses hashes. All bcrypt hashes share a thread. */
export class PasswordHashReader {
  #thread: BcryptThread | null = null;

  /** Throws if the text is not a supported hash. The message does not repeat it. */
  parse(text: string): PasswordHash {
    const cost = BCRYPT.exec(text)?.[1];
    if (cost !== undefined) return this.#bcrypt(text, Number(cost));
    const [, ln, r, p, salt = '', digest = ''] = SCRYPT.exec(text) ?? [];
    if (ln === undefined)
      throw new TypeError('must be a bcrypt hash ($2y$…, from htpasswd -B) or a scrypt hash ($scrypt$…)');
    return new ScryptHash(
      { logN: Number(ln), r: Number(r), p: Number(p) },
      Buffer.from(salt, 'base64'),
      Buffer.from(digest, 'base64'),
    );
  }

  #bcrypt(hash: string, cost: number): PasswordHash {
    if (cost < 4 || cost > MAX_BCRYPT_COST)
      throw new RangeError(`must have a cost from 4 to ${MAX_BCRYPT_COST}, not ${cost}`);
    const thread = (this.#thread ??= new BcryptThread(findBcrypt()));
    return { matches: (password) => thread.matches(password, hash) };
  }
}

/** RFC 7914. Node computes it on its thread pool. */
class ScryptHash implements PasswordHash {
  readonly #options: { N: number; r: number; p: number; maxmem: number };
  readonly #salt: Buffer;
  readonly #digest: Buffer;

  constructor({ logN, r, p }: { logN: number; r: number; p: number }, salt: Buffer, digest: Buffer) {
    const bytes = 128 * r * (2 ** logN + p + 2);
    if (logN < 1 || r < 1 || p < 1 || bytes > MAX_SCRYPT_BYTES)
      throw new RangeError('must have ln, r and p of at least 1 that need at most 256 MiB');
    if (salt.length < 8 || digest.length < 16 || digest.length > 64)
      throw new RangeError('must have a salt of at least 8 bytes and a hash of 16 to 64 bytes');
    this.#options = { N: 2 ** logN, r, p, maxmem: bytes + 1024 };
    this.#salt = salt;
    this.#digest = digest;
  }

  async matches(password: string): Promise<boolean> {
    const derived = await new Promise<Buffer>((resolve, reject) => {
      scrypt(password, this.#salt, this.#digest.length, this.#options, (error, key) => {
        if (error === null) resolve(key);
        else reject(error);
      });
    });
    return timingSafeEqual(derived, this.#digest);
  }
}
