import type { Fields } from 'sluiceway';
import { parseContentRange } from 'sluiceway/options';
import { type Facts, findDifference, identifiesFile, readFacts } from './facts.js';

/** Bytes before the end of the part that are requested again, to compare them. */
const OVERLAP_BYTES = 4096;
/** The same where neither a strong validator nor a digest proves that the file is the same. */
const WEAK_OVERLAP_BYTES = 1024 * 1024;

/** The request for the rest of a file, or for all of it. */
export interface RestRequest {
  /** Position of the first requested byte. Null: the whole file is requested. */
  first: number | null;
  /** Null: the request is not conditional. */
  ifRange: string | null;
}

export const wholeFile: RestRequest = { first: null, ifRange: null };

/**
 * Decides how to continue a file of which `offset` bytes are there. `isVerified`: a known digest is compared at the end.
 * Then the request is not conditional, since a mirror with another validator may have the same file. Null: the file
 * cannot be continued, because nothing identifies it.
 */
export function decideRequest(offset: number, facts: Facts | null, isVerified: boolean): RestRequest | null {
  if (offset === 0) return wholeFile;
  if (facts === null || !identifiesFile(facts, isVerified)) return null;
  const willVerify = isVerified || facts.digest !== null;
  const ifRange = willVerify ? null : facts.ifRange;
  const overlap = willVerify || ifRange !== null ? OVERLAP_BYTES : WEAK_OVERLAP_BYTES;
  return { first: Math.max(0, offset - overlap), ifRange };
}

export type Judgement =
  /** The content starts at `position` of the file. */
  | { kind: 'content'; position: number; facts: Facts }
  /** The response has the whole file, but it is not the one that was begun. */
  | { kind: 'replaced'; facts: Facts; reason: string }
  /** The response is of another file, or of no use. The whole file must be requested. */
  | { kind: 'different'; reason: string }
  /** The server has not sent the file. */
  | { kind: 'refused' };

/** Judges a response to a request. `known` is what is known about the part of the file; null for none. */
export function judge(
  request: RestRequest,
  status: number,
  headers: Fields,
  known: Facts | null,
  isVerified: boolean,
): Judgement {
  if (status === 416 && request.first !== null) return { kind: 'different', reason: 'it is shorter now' };
  if (status !== 200 && status !== 206) return { kind: 'refused' };
  const facts = readFacts(status, headers);
  if (status === 200) {
    if (known === null) return { kind: 'content', position: 0, facts };
    const reason = findDifference(known, facts, isVerified);
    // The server does not support ranges. What is there is compared and not written again.
    if (reason === null) return { kind: 'content', position: 0, facts: merge(known, facts) };
    return { kind: 'replaced', facts, reason };
  }
  const range = parseContentRange(headers.get('content-range'));
  if (request.first === null)
    return { kind: 'different', reason: 'the server sent a part that was not requested' };
  if (range === null || !range.isExact || range.first !== request.first || known === null)
    return { kind: 'different', reason: 'the server sent another part than the requested one' };
  if (range.total === null && known.total === null)
    return { kind: 'different', reason: 'the server does not tell its length' };
  const reason = findDifference(known, withOmitted(known, facts, request), isVerified);
  if (reason !== null) return { kind: 'different', reason };
  return { kind: 'content', position: range.first, facts: merge(known, facts) };
}

/** A server that has compared the validator can omit fields that it has sent before (RFC 9110 section 15.3.7). */
function withOmitted(known: Facts, facts: Facts, { ifRange }: RestRequest): Facts {
  if (ifRange === null) return facts;
  return {
    ...facts,
    etag: facts.etag ?? known.etag,
    lastModified: facts.lastModified ?? known.lastModified,
    contentEncoding: facts.contentEncoding ?? known.contentEncoding,
  };
}

const merge = (known: Facts, facts: Facts): Facts => ({
  ...known,
  total: known.total ?? facts.total,
  digest: known.digest ?? facts.digest,
});
