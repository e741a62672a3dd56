import type { Fields } from '../../http/fields.js';
import { HeldEndSource } from '../../stream/held-end.js';
import type { DigestCheck } from '../../stream/verified-source.js';
import type { TransportResponse } from '../transport.js';
import { ComparedSource } from './compared-source.js';
import { isBreak, type RestPlace } from './resume-policy.js';

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

/** The content of a response from the byte on that is wanted. `delivered` are the last bytes that came before it. */
export function openRest(
  response: TransportResponse,
  { skip, length }: RestPlace,
  delivered: Buffer,
  { check, onTrailers }: RestDigests,
): ComparedSource {
  let { content } = response;
  // All that can tell whether this was all of it comes after the last byte.
  if (response.contentLength === null || onTrailers !== null)
    content =
      onTrailers === null
        ? // A break behind the last byte leaves nothing to ask for.
          new HeldEndSource(content, length, undefined, isBreak)
        : new HeldEndSource(content, length, onTrailers);
  return new ComparedSource(content, skip, delivered, (bytes) => check?.take(bytes));
}
