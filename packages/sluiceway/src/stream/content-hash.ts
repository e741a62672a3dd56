import { createHash, type Hash } from 'node:crypto';
import type { Digest, DigestAlgorithm } from '../http/digest.js';

/** Hashes content while it passes, with each algorithm. Does not keep the content. */
export class ContentHash {
  readonly #hashes: Map<DigestAlgorithm, Hash>;
  #digests: Digest[] | null = null;

  constructor(algorithms: Iterable<DigestAlgorithm>) {
    this.#hashes = new Map(
      Array.from(new Set(algorithms), (algorithm) => [algorithm, createHash(NODE_NAMES[algorithm])]),
    );
  }

  /** Reads the bytes during the call only. */
  update(bytes: Uint8Array): void {
    for (const hash of this.#hashes.values()) hash.update(bytes);
  }

  /** The digests of all bytes so far. Do not call `update` afterwards. */
  digests(): readonly Digest[] {
    this.#digests ??= Array.from(this.#hashes, ([algorithm, hash]) => ({ algorithm, value: hash.digest() }));
    return this.#digests;
  }
}

const NODE_NAMES: Readonly<Record<DigestAlgorithm, string>> = { 'sha-256': 'sha256', 'sha-512': 'sha512' };
