import { SluicewayError } from '../errors.js';
import {
  ALGORITHMS,
  type Digest,
  type DigestAlgorithm,
  type DigestField,
  isSameDigest,
  readDigest,
} from '../http/digest.js';
import type { Fields } from '../http/fields.js';
import type { ChunkSource } from './chunk-source.js';
import { ContentHash } from './content-hash.js';
import { HeldEndSource } from './held-end.js';
import { PassThrough } from './pass-through.js';

/** A digest that content must have. */
export interface ExpectedDigest {
  digest: Digest;
  /** The source of the digest: the name of a field, or a description. */
  by: string;
}

/** What content is verified against. */
export interface Verification {
  /** Digests of algorithms with which the content is hashed can be added until the last byte has arrived. */
  expected: ExpectedDigest[];
  /** Digest fields that may follow as trailers. If there are any, content is hashed with every algorithm. */
  trailers: readonly DigestField[];
  /** Whether the content is the whole representation, so that its `Repr-Digest` is that of the content. */
  isWhole: boolean;
  /** The length of the content in bytes; null if unknown. */
  length: number | null;
  /** `actual` is the digest of the content. */
  toError(expected: ExpectedDigest, actual: Digest): Error;
}

/**
 * The same content. Fails unless it has the expected digests. Content that fails never looks complete: with an announced
 * length, the chunk with the last byte is not delivered, and without one, the end is not delivered. So no content is held
 * back while it arrives, and none is copied.
 */
export class VerifiedSource extends PassThrough {
  readonly #verification: Verification;
  readonly #hash: ContentHash;
  #received = 0;

  constructor(source: ChunkSource, verification: Verification) {
    const { length, trailers } = verification;
    // Trailers follow the last byte, which must not be delivered before they have been read.
    super(length !== null && trailers.length > 0 ? new HeldEndSource(source, length) : source);
    this.#verification = verification;
    this.#hash = toHash(verification);
  }

  override chunk(bytes: Uint8Array, done: () => void): void {
    const error = this.#take(bytes);
    if (error === null) this.sink.chunk(bytes, done);
    else this.refuse(done, error);
  }

  override end(): void {
    const error = this.#check(this.trailers);
    if (error === null) this.sink.end();
    else this.fail(error);
  }

  /** Hashes a chunk. Returns an error if it must not be delivered. */
  #take(bytes: Uint8Array): Error | null {
    const { length } = this.#verification;
    const before = this.#received;
    this.#received += bytes.length;
    if (bytes.length === 0) return null;
    if (length !== null && before >= length)
      return new SluicewayError(
        'http_protocol_error',
        `Content is longer than the announced ${length} bytes`,
      );
    this.#hash.update(bytes);
    return length === null || this.#received < length ? null : this.#check(this.trailers);
  }

  #check(trailers: Fields | null): Error | null {
    return findMismatch(this.#verification, this.#hash.digests(), trailers);
  }
}

/** The error if empty content does not have the expected digests; null if it does. */
export const findMismatchOfNone = (verification: Verification): Error | null =>
  findMismatch(verification, toHash(verification).digests(), null);

/**
 * Verifies the next `length` bytes of some content, which have their own digests: those of one part. Digests of the
 * algorithms can be added to `expected` until the last of these bytes has arrived.
 */
export class DigestCheck {
  readonly expected: ExpectedDigest[];
  readonly #hash: ContentHash;
  readonly #toError: Verification['toError'];
  #left: number;

  constructor(
    expected: ExpectedDigest[],
    algorithms: readonly DigestAlgorithm[],
    length: number,
    toError: Verification['toError'],
  ) {
    this.expected = expected;
    this.#hash = new ContentHash(algorithms);
    this.#left = length;
    this.#toError = toError;
  }

  get isOver(): boolean {
    return this.#left === 0;
  }

  /** Hashes the bytes that belong to the part. Returns an error if they must not be delivered. */
  take(bytes: Uint8Array): Error | null {
    if (this.isOver) return null;
    const part = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#hash.update(part);
    this.#left -= part.length;
    if (!this.isOver) return null;
    const { expected } = this;
    return findMismatch({ expected, trailers: [], toError: this.#toError }, this.#hash.digests(), null);
  }
}

/** The algorithms that verified content is hashed with. */
export const algorithmsOf = ({
  expected,
  trailers,
}: Pick<Verification, 'expected' | 'trailers'>): readonly DigestAlgorithm[] =>
  trailers.length > 0
    ? ALGORITHMS
    : ALGORITHMS.filter((each) => expected.some(({ digest }) => digest.algorithm === each));

const toHash = (verification: Verification): ContentHash => new ContentHash(algorithmsOf(verification));

function findMismatch(
  { expected, trailers: names, toError }: Pick<Verification, 'expected' | 'trailers' | 'toError'>,
  actual: readonly Digest[],
  trailers: Fields | null,
): Error | null {
  for (const each of [...expected, ...names.flatMap((name) => toExpected(name, trailers))]) {
    const other = actual.find(({ algorithm }) => algorithm === each.digest.algorithm);
    if (other !== undefined && !isSameDigest(each.digest, other)) return toError(each, other);
  }
  return null;
}

function toExpected(name: DigestField, trailers: Fields | null): ExpectedDigest[] {
  const digest = trailers === null ? null : readDigest(trailers, name);
  return digest === null ? [] : [{ digest, by: `the trailer ${name}` }];
}
