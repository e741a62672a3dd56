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
  /** Who says so: the name of a field, or words for whoever it is. */
  by: string;
}

/** What is to be verified of content. */
export interface Verification {
  /** More may be added until the last byte has come, by algorithms with which the content is hashed. */
  expected: ExpectedDigest[];
  /** Fields that may give more among the trailers. Content is hashed with every algorithm then. */
  trailers: readonly DigestField[];
  /** Whether the content is the whole representation, so that its `Repr-Digest` is that of the content. */
  isWhole: boolean;
  /** Bytes of the content; null where only its end tells. */
  length: number | null;
  /** `actual` is what the content hashes to. */
  toError(expected: ExpectedDigest, actual: Digest): Error;
}

/**
 * The same content, which fails unless it has the digests that it must have. What fails is never complete: of content
 * with an announced length the chunk with the last byte is not delivered, and of other content the end is not, which
 * whoever frames it anew needs to say that it is whole. So nothing is held back while content comes, and nothing is
 * copied.
 */
export class VerifiedSource extends PassThrough {
  readonly #verification: Verification;
  readonly #hash: ContentHash;
  #received = 0;

  constructor(source: ChunkSource, verification: Verification) {
    const { length, trailers } = verification;
    // Trailers come after the last byte, which must not be delivered before they have been read.
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

  /** Hashes a chunk. Returns why it must not be delivered, or null. */
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

/** Why content of no bytes is not what it must be; null where it is. */
export const findMismatchOfNone = (verification: Verification): Error | null =>
  findMismatch(verification, toHash(verification).digests(), null);

/**
 * The next bytes of some content, which must have digests too: those of a part of it. `expected` may grow until the last
 * of them has come, by algorithms of the hash.
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

  /** Hashes what is left of the part, at the most. Returns why these bytes must not be delivered, or null. */
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

/** The algorithms with which verified content is hashed. */
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
