import type { Fields } from '../../http/fields.js';
import { HeldEndSource } from '../../stream/held-end.js';
import { SkippedSource } from '../../stream/skipped-source.js';
import type { DigestCheck } from '../../stream/verified-source.js';
import type { TransportResponse } from '../transport.js';
import { isBreak, type RestPlace } from './resume-policy.js';
import type { Rest } from './resumed-content.js';

/** What is to be verified of a rest by the digests that come with it. */
export interface RestDigests {
  /** Of the content of this one response; null for nothing. */
  check: DigestCheck | null;
  /** Told the trailers before the last chunk is delivered. Returns why it must not be, or null. Null: none are awaited. */
  onTrailers: ((trailers: Fields | null) => Error | null) | null;
}

/**
 * Reads the digests of a response that is about to be taken for the rest of some content. Returns in words why it must not
 * be. `length` is that of its content.
 */
export type ReadRestDigests = (response: TransportResponse, length: number) => RestDigests | string;

export const NO_DIGESTS: RestDigests = { check: null, onTrailers: null };

/** The content of a response from the byte on that is wanted. */
export function toRest(
  response: TransportResponse,
  { end, skip, length }: RestPlace,
  digests: RestDigests,
): Rest {
  const { check, onTrailers } = digests;
  let { content } = response;
  // All that can tell whether this was all of it comes after the last byte.
  if (response.contentLength === null || onTrailers !== null)
    content =
      onTrailers === null
        ? // A break behind the last byte leaves nothing to ask for.
          new HeldEndSource(content, length, undefined, isBreak)
        : new HeldEndSource(content, length, onTrailers);
  if (skip > 0) content = new SkippedSource(content, skip, (bytes) => check?.take(bytes));
  return { content, end, check };
}
