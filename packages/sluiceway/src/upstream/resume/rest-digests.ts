import type { Fields } from '../../http/fields.js';
import { HeldEndSource } from '../../stream/held-end.js';
import type { DigestCheck } from '../../stream/verified-source.js';
import type { TransportResponse } from '../transport.js';
import { ComparedSource } from './compared-source.js';
import { isBreak, type RestPlace } from './resume-policy.js';

/** How a rest is verified against its own digests. */
export interface RestDigests {
  /** Verifies the content of this one response; null if it has no digest. */
  check: DigestCheck | null;
  /** Called with the trailers before the last chunk is delivered. Returns an error to refuse it. Null: no trailers. */
  onTrailers: ((trailers: Fields | null) => Error | null) | null;
}

/**
 * Reads the digests of a response that is about to be used as the rest of some content. Returns a message if it must not
 * be used. `length` is that of its content.
 */
export type ReadRestDigests = (response: TransportResponse, length: number) => RestDigests | string;

export const NO_DIGESTS: RestDigests = { check: null, onTrailers: null };

/** The content of a response from the first new byte on. `delivered` are the last bytes before it. */
export function openRest(
  response: TransportResponse,
  { skip, length }: RestPlace,
  delivered: Buffer,
  { check, onTrailers }: RestDigests,
): ComparedSource {
  let { content } = response;
  // Whether the content is complete is only known after the last byte.
  if (response.contentLength === null || onTrailers !== null)
    content =
      onTrailers === null
        ? // After a break behind the last byte, there is nothing left to request.
          new HeldEndSource(content, length, undefined, isBreak)
        : new HeldEndSource(content, length, onTrailers);
  return new ComparedSource(content, skip, delivered, (bytes) => check?.take(bytes));
}
