import type { Checker } from '../../options/checker.js';

/** Digests of content (RFC 9530), by SHA-256 and SHA-512. */
export interface DigestOptions {
  /**
   * Whether `Content-Digest` and `Repr-Digest` of origin servers are verified while the content passes. A response with
   * another digest is broken off before its end. Default true. A digest that the application expects always is.
   */
  verify?: boolean;
  /**
   * What becomes of a client's wish for a part of a file whose digest the application expects. `whole` (default): it
   * gets the whole file (200), since a part cannot be verified. `unverified`: the part passes unverified, with the
   * digest of the whole in `Repr-Digest` for the client to verify what it has put together.
   */
  ranges?: 'whole' | 'unverified';
  /**
   * Whether responses without a digest get one after their content, as the trailer field `Repr-Digest`: where it can be
   * sent without a change of the framing, which over HTTP/1.1 is content of unknown length. Default false.
   */
  trailer?: boolean;
}

/** Checked values of `DigestOptions`. */
export interface DigestSettings {
  verifies: boolean;
  relaysParts: boolean;
  sendsTrailer: boolean;
}

export function resolveDigests(check: Checker, options: DigestOptions | undefined): DigestSettings {
  const given = check.group('digests', options, ['verify', 'ranges', 'trailer']);
  return {
    verifies: check.boolean('digests.verify', given.verify, true),
    relaysParts:
      check.oneOf('digests.ranges', given.ranges, ['whole', 'unverified'], 'whole') === 'unverified',
    sendsTrailer: check.boolean('digests.trailer', given.trailer, false),
  };
}
