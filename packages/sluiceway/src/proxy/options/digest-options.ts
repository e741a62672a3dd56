import { parseSidecar, type SidecarLocation } from '../../http/sidecar.js';
import { Checker } from '../../options/checker.js';
import { either, group } from '../../options/composites.js';
import type { JsonSchema } from '../../options/json-schema.js';
import { type About, boolean, custom, duration, oneOf } from '../../options/kinds.js';
import type { OptionsOf, SettingsOf } from '../../options/spec.js';
import type { SidecarLimits } from '../../sidecar/sidecar-reader.js';

/** Digests of content (RFC 9530), by SHA-256 and SHA-512. */
const location = {
  type: 'text',
  schema: { type: 'string', minLength: 1 } satisfies JsonSchema,
  read: (check: Checker, path: string, value: unknown): SidecarLocation | undefined =>
    check.parsed(path, value, undefined, parseSidecar),
};

const sidecarFile = custom<string, SidecarLocation | undefined>(location);

const sidecarMembers = {
  /**
   * Where the checksum file is: a path relative to the file, such as `'{name}.sha256'` or `'SHA256SUMS'`, or
   * an `http:` or `https:` URL. `{name}` is the last segment of the file's path, `{path}` its whole path
   * without the first slash, and `{query}` its query with the question mark. A URL may name another server,
   * which gets no field of the client but its `User-Agent`. Required.
   */
  file: custom<string, SidecarLocation | undefined, About & { required: true }>({
    ...location,
    required: true,
    doc: "Where the checksum file is: a path relative to the file, such as `'{name}.sha256'` or `'SHA256SUMS'`, or an `http:` or `https:` URL. `{name}` is the last segment of the file's path, `{path}` its whole path without the first slash, and `{query}` its query with the question mark. A URL may name another server, which gets no field of the client but its `User-Agent`.",
  }),
  /**
   * What happens to a file whose checksum file does not exist, does not list the file or cannot be read: the
   * client gets 502 in place of a successful response (`refuse`), or the file passes without verification
   * (`ignore`). `refuse` is the default, because an attacker who can suppress the checksum file must not be
   * able to replace the file. Default: `'refuse'`.
   */
  missing: oneOf(['refuse', 'ignore'], {
    default: 'refuse',
    doc: 'What happens to a file whose checksum file does not exist, does not list the file or cannot be read: the client gets 502 in place of a successful response (`refuse`), or the file passes without verification (`ignore`). `refuse` is the default, because an attacker who can suppress the checksum file must not be able to replace the file.',
  }),
  /**
   * Time to get the checksum file, with redirects and mirrors. It cannot be read if it takes longer. Default:
   * `10s`.
   */
  timeout: duration({
    default: '10s',
    min: 1,
    doc: 'Time to get the checksum file, with redirects and mirrors. It cannot be read if it takes longer.',
  }),
  /**
   * How long it is remembered what a checksum file says about a file, for up to 1,000 files. Requests with
   * other credentials do not share it, and a file with another digest ends it. Short by default, because a
   * file may be replaced together with its checksum file. `false` turns it off. Default: `10s`.
   */
  cacheFor: duration({
    default: '10s',
    min: 1,
    off: true,
    doc: 'How long it is remembered what a checksum file says about a file, for up to 1,000 files. Requests with other credentials do not share it, and a file with another digest ends it. Short by default, because a file may be replaced together with its checksum file.',
  }),
};

const sidecarGroup = group<SidecarOptions, SidecarValues>(sidecarMembers, {});

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
   * Verify the content of requests against the `Content-Digest` or `Repr-Digest` that the client sends, in
   * the head or as an announced trailer. Content that does not match is cut off before its last byte, and the
   * client gets 400. Off by default, because origin servers that store uploads usually verify them. A
   * `Repr-Digest` of a part (`Content-Range`) and `Content-MD5` are not verified. Default: `false`.
   */
  requests: boolean({
    default: false,
    doc: 'Verify the content of requests against the `Content-Digest` or `Repr-Digest` that the client sends, in the head or as an announced trailer. Content that does not match is cut off before its last byte, and the client gets 400. Off by default, because origin servers that store uploads usually verify them. A `Repr-Digest` of a part (`Content-Range`) and `Content-MD5` are not verified.',
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
  /**
   * Verify files against the digest in a checksum file of the origin server, as `sha256sum` makes them:
   * `'{name}.sha256'` or `'SHA256SUMS'` for a file in the same folder. Or an object with the options below.
   * It costs one more request before each download. Default: none.
   */
  sidecar: either(sidecarFile, sidecarGroup, {
    type: 'text or object',
    takesSecond: (value) => typeof value === 'object',
    doc: "Verify files against the digest in a checksum file of the origin server, as [`sha256sum`](digests.md#checksum-files) makes them: `'{name}.sha256'` or `'SHA256SUMS'` for a file in the same folder. Or an object with the options below. It costs one more request before each download.",
  }),
};

export interface SidecarOptions extends OptionsOf<typeof sidecarMembers> {}
export interface SidecarValues extends SettingsOf<typeof sidecarMembers> {}
export interface DigestOptions extends OptionsOf<typeof digestOptions> {}
export interface DigestValues extends SettingsOf<typeof digestOptions> {}

/** Checked values of `DigestOptions`. */
export interface DigestSettings {
  verifies: boolean;
  verifiesRequests: boolean;
  relaysParts: boolean;
  refusesParts: boolean;
  sendsTrailer: boolean;
  /** Where checksum files are. Null: none are read, unless a link or a call names one. */
  sidecar: SidecarLocation | null;
  sidecarIsRequired: boolean;
  sidecarLimits: SidecarLimits;
}

export function toDigestSettings(given: DigestValues): DigestSettings {
  const { sidecar } = given;
  // Links and calls can name checksum files without the option. Its other members then have their defaults.
  const values = isGroup(sidecar) ? sidecar : { ...defaults(), file: sidecar };
  return {
    verifies: given.verify,
    verifiesRequests: given.requests,
    relaysParts: given.ranges === 'unverified',
    refusesParts: given.ranges === 'refuse',
    sendsTrailer: given.trailer,
    sidecar: values.file ?? null,
    sidecarIsRequired: values.missing === 'refuse',
    sidecarLimits: { timeoutMs: values.timeout, cacheMs: values.cacheFor },
  };
}

const defaults = (): SidecarValues =>
  sidecarGroup.read(new Checker(''), '', { file: '{name}.sha256' } satisfies SidecarOptions);

const isGroup = (given: DigestValues['sidecar']): given is SidecarValues =>
  given !== undefined && 'cacheFor' in given;
