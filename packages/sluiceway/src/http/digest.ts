import { type Dictionary, parseDictionary, serializeDictionary } from 'structured-headers';
import { isNamed, type ReadonlyFields } from './fields.js';

/** The active hash algorithms of RFC 9530 section 7.2. All others are broken or only checksums. */
export type DigestAlgorithm = 'sha-256' | 'sha-512';

/** Strongest first. */
export const ALGORITHMS: readonly DigestAlgorithm[] = ['sha-512', 'sha-256'];

/** A hash of bytes. */
export interface Digest {
  readonly algorithm: DigestAlgorithm;
  readonly value: Uint8Array;
}

/** The digest fields of RFC 9530: of the whole representation, and of the content of one message. */
export type DigestField = 'Repr-Digest' | 'Content-Digest';

/** In bytes. */
const LENGTHS: Readonly<Record<DigestAlgorithm, number>> = { 'sha-512': 64, 'sha-256': 32 };

/**
 * All digests of the registry together are shorter. Parsing a field as long as a head permits would block the event
 * loop for a tenth of a second.
 */
const MAX_FIELD_LENGTH = 2048;

/** The form of `sha256sum` and of container images. */
const HEX = /^(?:sha256:([0-9a-f]{64})|sha512:([0-9a-f]{128}))$/i;

/**
 * Returns the strongest digest of a field, so that content is hashed only once. Returns null if there is none. Ignores
 * other algorithms (RFC 9530 section 2), a field that cannot be parsed (RFC 9651 section 4.2), a value of the wrong
 * length, and a field that is too long.
 */
export function readDigest(
  fields: ReadonlyFields,
  name: DigestField,
  algorithms: readonly DigestAlgorithm[] = ALGORITHMS,
): Digest | null {
  const lines = fields.getAll(name);
  if (lines.length === 0) return null;
  const text = lines.join(', ');
  return text.length > MAX_FIELD_LENGTH ? null : findDigest(parseMembers(text), algorithms);
}

/**
 * Reports whether a head may have a digest, or announces trailers, which may have one. Called for every head; nearly
 * all have neither.
 */
export function mayGiveDigest({ raw }: ReadonlyFields): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    // The length excludes nearly every field before any text is compared.
    switch (name.length) {
      case 7:
        if (isNamed(name, 'trailer')) return true;
        break;
      case 11:
        if (isNamed(name, 'repr-digest')) return true;
        break;
      case 14:
        if (isNamed(name, 'content-digest')) return true;
    }
  }
  return false;
}

/** Formats a member of `Repr-Digest` and `Content-Digest`. */
export const formatDigest = ({ algorithm, value }: Digest): string =>
  serializeDictionary(new Map([[algorithm, [value, new Map()]]]));

/** Like `parseDigest`, but accepts a parsed digest too. */
export const toDigest = (given: string | Digest): Digest =>
  typeof given === 'string' ? parseDigest(given) : parseDigest(formatDigest(given));

/**
 * Parses a digest as users write it: `sha256:` and hexadecimal digits, or one member of `Repr-Digest`. Throws a
 * `TypeError` for anything else.
 */
export function parseDigest(text: unknown): Digest {
  const digest = typeof text === 'string' ? (parseHex(text) ?? parseMember(text)) : null;
  if (digest !== null) return digest;
  throw new TypeError(
    "must be 'sha256:' and 64 hexadecimal digits, or 'sha-256=:' with base64 and ':'; or the same with 512",
  );
}

export const isSameDigest = (one: Digest, other: Digest): boolean =>
  one.algorithm === other.algorithm && one.value.every((byte, index) => byte === other.value[index]);

function parseHex(text: string): Digest | null {
  const [, short, long] = HEX.exec(text) ?? [];
  const pairs = (short ?? long)?.match(/../g);
  if (!pairs) return null;
  const value = Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
  return { algorithm: short === undefined ? 'sha-512' : 'sha-256', value };
}

function parseMember(text: string): Digest | null {
  const members = parseMembers(text);
  return members?.size === 1 ? findDigest(members, ALGORITHMS) : null;
}

function parseMembers(text: string): Dictionary | null {
  try {
    return parseDictionary(text);
  } catch {
    return null;
  }
}

function findDigest(members: Dictionary | null, algorithms: readonly DigestAlgorithm[]): Digest | null {
  for (const algorithm of algorithms) {
    const [value] = members?.get(algorithm) ?? [];
    if (value instanceof ArrayBuffer && value.byteLength === LENGTHS[algorithm])
      return { algorithm, value: new Uint8Array(value) };
  }
  return null;
}
