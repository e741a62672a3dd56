import type { Fields } from 'sluiceway';
import { findValidator, parseContentRange, readDigest } from 'sluiceway/options';
import { describeDigest } from './content-hash.js';

/** What a response says about the file, as far as it identifies the file. */
export interface Facts {
  etag: string | null;
  lastModified: string | null;
  /** The value for `If-Range`: a strong validator (RFC 9110 section 13.1.5). Null if there is none. */
  ifRange: string | null;
  /** The length of the file in bytes. Null if unknown. */
  total: number | null;
  contentEncoding: string | null;
  /** The digest of the file that a response gives, as `sha256:<hex>`. Null if there is none. */
  digest: string | null;
}

/** Reads the facts of a successful response. */
export function readFacts(status: number, headers: Fields): Facts {
  const validator = findValidator(headers);
  const digest = readDigest(headers, 'Repr-Digest');
  return {
    etag: headers.get('etag') ?? null,
    lastModified: headers.get('last-modified') ?? null,
    ifRange: validator?.strength === 'strong' ? validator.value : null,
    total: readTotal(status, headers),
    contentEncoding: headers.get('content-encoding') ?? null,
    digest: digest === null ? null : describeDigest(digest),
  };
}

function readTotal(status: number, headers: Fields): number | null {
  if (status === 206) return parseContentRange(headers.get('content-range'))?.total ?? null;
  const length = headers.get('content-length');
  return length === undefined ? null : Number(length);
}

/** Whether a part of the file can be continued: something identifies the file beyond its length. */
export const identifiesFile = ({ etag, lastModified, digest }: Facts, isVerified: boolean): boolean =>
  etag !== null || lastModified !== null || digest !== null || isVerified;

/**
 * Why a response is not of the same file; null if nothing speaks against it. With `isVerified`, the digest decides at the
 * end, and mirrors may have other validators.
 */
export function findDifference(known: Facts, found: Facts, isVerified: boolean): string | null {
  if (differ(known.total, found.total)) return `its length is ${found.total} bytes instead of ${known.total}`;
  if (known.contentEncoding !== found.contentEncoding) return 'its content coding is different';
  if (differ(known.digest, found.digest)) return 'its digest is different';
  if (isVerified) return null;
  if (differ(known.etag, found.etag)) return 'its ETag is different';
  if (differ(known.lastModified, found.lastModified)) return 'its Last-Modified is different';
  const isRepeated =
    (known.etag !== null && known.etag === found.etag) ||
    (known.lastModified !== null && known.lastModified === found.lastModified);
  return isRepeated ? null : 'the response does not identify it';
}

const differ = <T>(one: T | null, other: T | null): boolean =>
  one !== null && other !== null && one !== other;
