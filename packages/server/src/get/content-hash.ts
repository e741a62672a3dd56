import { createHash, type Hash } from 'node:crypto';
import type { Digest } from 'sluiceway';

/** Formats a digest as `sha256:<hex>`. */
export const describeDigest = ({ algorithm, value }: Digest): string =>
  `${algorithm.replace('-', '')}:${Buffer.from(value).toString('hex')}`;

/** Compares all bytes of a file with its digest, written as `sha256:<hex>`. */
export class ContentHash {
  readonly #hash: Hash;
  readonly #expected: string;
  /** The one that the file must have. */
  readonly digest: string;

  constructor(digest: string) {
    this.digest = digest;
    const [algorithm = '', hex = ''] = digest.split(':');
    this.#hash = createHash(algorithm);
    this.#expected = hex;
  }

  readonly update = (bytes: Uint8Array): void => void this.#hash.update(bytes);

  /** Whether the bytes have the digest. Call it once. */
  matches(): boolean {
    return this.#hash.digest('hex') === this.#expected;
  }
}
