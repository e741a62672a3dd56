import { boolean, oneOf } from '../../options/kinds.js';
import type { OptionsOf, SettingsOf } from '../../options/spec.js';

/** Digests of content (RFC 9530), by SHA-256 and SHA-512. */
export const digestOptions = {
  /**
   * Verify content against the `Repr-Digest` or `Content-Digest` that the origin server sends, and cut off a
   * response that does not match before its end. On by default, because nothing is hashed if the origin
   * server sends no digest, and a server that sends one wants it verified. A digest that the application
   * expects is always verified. Default: `true`.
   */
  verify: boolean({
    default: true,
    doc: 'Verify content against the `Repr-Digest` or `Content-Digest` that the origin server sends, and cut off a response that does not match before its end. On by default, because nothing is hashed if the origin server sends no digest, and a server that sends one wants it verified. A digest that [the application expects](digests.md#require-a-digest) is always verified.',
  }),
  /**
   * What a client gets that asks for a range of a file whose digest the application expects: the whole file
   * (`whole`: 200), since a part cannot be verified, a refusal (`refuse`: 416), or the part without
   * verification (`unverified`), with the digest of the whole file in `Repr-Digest`. `whole` and `refuse` are
   * safe: an attacker who can break a download must not be able to replace its rest, which clients request as
   * a range. `whole` is the default, because clients that download the whole file start again then. `refuse`
   * is for clients that read files in parts, some of which treat a 200 as the part that they requested: see
   * clients. Default: `'whole'`.
   */
  ranges: oneOf(['whole', 'refuse', 'unverified'], {
    default: 'whole',
    doc: 'What a client gets that asks for a range of a file whose digest the application expects: the whole file (`whole`: 200), since a part cannot be verified, a refusal (`refuse`: 416), or the part without verification (`unverified`), with the digest of the whole file in `Repr-Digest`. `whole` and `refuse` are safe: an attacker who can break a download must not be able to replace its rest, which clients request as a range. `whole` is the default, because clients that download the whole file start again then. `refuse` is for clients that read files in parts, some of which treat a 200 as the part that they requested: see [clients](clients.md#a-200-in-answer-to-a-range).',
  }),
  /**
   * Send a `Repr-Digest` after the content, as a trailer field, with responses to GET that have no digest.
   * Over HTTP/1.1 this needs content of unknown length. Off by default, because few clients read trailers and
   * all content must be hashed for it. Default: `false`.
   */
  trailer: boolean({
    default: false,
    doc: 'Send a `Repr-Digest` [after the content](digests.md#a-digest-for-the-client), as a trailer field, with responses to GET that have no digest. Over HTTP/1.1 this needs content of unknown length. Off by default, because few clients read trailers and all content must be hashed for it.',
  }),
};

export interface DigestOptions extends OptionsOf<typeof digestOptions> {}
export interface DigestValues extends SettingsOf<typeof digestOptions> {}

/** Checked values of `DigestOptions`. */
export interface DigestSettings {
  verifies: boolean;
  relaysParts: boolean;
  refusesParts: boolean;
  sendsTrailer: boolean;
}

export const toDigestSettings = (given: DigestValues): DigestSettings => ({
  verifies: given.verify,
  relaysParts: given.ranges === 'unverified',
  refusesParts: given.ranges === 'refuse',
  sendsTrailer: given.trailer,
});
