import {
  ALGORITHMS,
  type Digest,
  type DigestField,
  formatDigest,
  isSameDigest,
  mayGiveDigest,
  readDigest,
} from '../../http/digest.js';
import type { Fields, ReadonlyFields } from '../../http/fields.js';
import {
  algorithmsOf,
  DigestCheck,
  type ExpectedDigest,
  type Verification,
} from '../../stream/verified-source.js';
import { NO_DIGESTS, type RestDigests } from '../../upstream/resume/rest-digests.js';
import type { TransportResponse } from '../../upstream/transport.js';
import { announcedDigests, readGiven } from '../request/given-digests.js';
import { toMismatch } from './verify-content.js';

const FIELDS: readonly DigestField[] = ['Repr-Digest', 'Content-Digest'];

/**
 * Verifies the responses that resume content against their digests (RFC 9530). `Content-Digest` covers the content of
 * one response. `Repr-Digest` covers the whole representation: it must be the same in all responses, and if the content
 * is the whole representation, it is verified together with the content.
 */
export class RestVerifier {
  readonly #verification: Verification | null;
  /** Whether the content is the whole representation. */
  readonly #isWhole: boolean;
  /** The known digests of the representation. */
  readonly #known: Digest[];

  /** `head`: that of the first response, or null if it has no digest. `verification`: that of the whole content. */
  constructor(verification: Verification | null, isWhole: boolean, head: ReadonlyFields | null) {
    this.#verification = verification;
    this.#isWhole = isWhole;
    this.#known = head === null ? [] : readAll(head);
    if (verification?.isWhole === true)
      this.#known.push(...verification.expected.map(({ digest }) => digest));
  }

  /** Returns a message if the response must not be used. `length` is that of its content. */
  read({ headers }: TransportResponse, length: number): RestDigests | string {
    if (!mayGiveDigest(headers)) return NO_DIGESTS;
    const announced = announcedDigests(headers, FIELDS);
    const given = readAll(headers);
    const fault = this.#check(given, announced.includes('Repr-Digest'));
    if (fault !== null) return fault;
    this.#expect(given, 'Repr-Digest of the rest');

    const expected = this.#readContentDigest(headers);
    const awaits = announced.includes('Content-Digest');
    const algorithms = awaits ? ALGORITHMS : algorithmsOf({ expected, trailers: [] });
    const check = algorithms.length === 0 ? null : new DigestCheck(expected, algorithms, length, toMismatch);
    if (announced.length === 0) return { check, onTrailers: null };
    return { check, onTrailers: (trailers) => this.#readTrailers(trailers, announced, check) };
  }

  #readTrailers(
    trailers: Fields | null,
    announced: readonly DigestField[],
    check: DigestCheck | null,
  ): Error | null {
    if (trailers === null) return null;
    if (announced.includes('Content-Digest')) check?.expected.push(...this.#readContentDigest(trailers));
    if (!announced.includes('Repr-Digest')) return null;
    const given = readAll(trailers);
    for (const digest of given) {
      const known = this.#known.find(({ algorithm }) => algorithm === digest.algorithm);
      if (known !== undefined && !isSameDigest(known, digest))
        return toMismatch({ digest: known, by: 'Repr-Digest' }, digest);
    }
    this.#expect(given, 'the trailer Repr-Digest of the rest');
    return null;
  }

  /** Ignores a `Content-Digest` of the whole in a part. It is wrong but harmless, since the whole is verified anyway. */
  #readContentDigest(fields: ReadonlyFields): ExpectedDigest[] {
    const isVerified = (digest: Digest): boolean =>
      this.#verification?.isWhole === true &&
      this.#verification.expected.some((each) => isSameDigest(each.digest, digest));
    return readGiven(fields, ['Content-Digest']).filter(({ digest }) => !isVerified(digest));
  }

  #check(given: readonly Digest[], isAnnounced: boolean): string | null {
    for (const digest of given) {
      const known = this.#known.find(({ algorithm }) => algorithm === digest.algorithm);
      if (known !== undefined && !isSameDigest(known, digest))
        return `the rest is of a representation with ${formatDigest(digest)}, not ${formatDigest(known)}`;
    }
    // The content before was not hashed, so the digest could not be verified.
    if (this.#isWhole && this.#verification === null && (given.length > 0 || isAnnounced))
      return 'the rest has a Repr-Digest, and the content before it had none';
    return null;
  }

  #expect(given: readonly Digest[], by: string): void {
    this.#known.push(...given);
    const verification = this.#verification;
    if (verification?.isWhole !== true) return;
    const algorithms = algorithmsOf(verification);
    for (const digest of given)
      if (algorithms.includes(digest.algorithm)) verification.expected.push({ digest, by });
  }
}

/** The `Repr-Digest` of each algorithm. */
const readAll = (fields: ReadonlyFields): Digest[] =>
  ALGORITHMS.flatMap((algorithm) => readDigest(fields, 'Repr-Digest', [algorithm]) ?? []);
