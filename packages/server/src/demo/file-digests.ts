import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Seed, seededViews } from './seeded-content.js';

/** The SHA-256 of seeded content by its size. Computes each digest once. */
export class FileDigests {
  readonly #seed: Seed;
  readonly #digests = new Map<number, Promise<string>>();

  constructor(seed: Seed) {
    this.#seed = seed;
  }

  /** Returns the digest in hex. Takes seconds for a large file, in steps of a few milliseconds. */
  get(size: number): Promise<string> {
    let digest = this.#digests.get(size);
    if (digest === undefined) {
      digest = this.#compute(size);
      this.#digests.set(size, digest);
    }
    return digest;
  }

  async #compute(size: number): Promise<string> {
    const hash = createHash('sha256');
    for (const view of seededViews(this.#seed, 0, size)) {
      hash.update(view);
      await nextTurn();
    }
    return hash.digest('hex');
  }
}
