import {
  DEFAULT_METHODS,
  type LinkConditions,
  readExpires,
  readSigned,
  resolveClientIp,
  resolveExpires,
  resolveMethods,
} from '../access/link-conditions.js';
import { formatDigest, parseDigest } from '../http/digest.js';
import { encodeSpaces, encodeUrl } from '../http/encode-url.js';
import { isFieldValue, isToken } from '../http/fields.js';
import { isFramingField, isHopByHop } from '../http/hop-by-hop.js';
import { parseSidecar } from '../http/sidecar.js';
import { parseBaseTarget } from '../http/target.js';
import { Checker } from '../options/checker.js';
import type { Duration, Size } from '../units.js';

/** What a link permits. */
export interface GrantOptions {
  /**
   * http: or https: URL of the file. The gateway requests it byte for byte, except that spaces and non-ASCII characters
   * are encoded as browsers do. It must not have a user name or a fragment: put credentials into `headers`.
   */
  url: string | URL;
  /**
   * URLs of the same file on other servers. If a server fails, the next one is used, in this order. They do not get
   * `headers`. Default: none.
   */
  mirrors?: readonly (string | URL)[];
  /**
   * When the link expires: a date, or a time from now such as `'1h'`. At most ten years from now, rounded up to a whole
   * second. Required.
   */
  expires: Date | Duration;
  /** The name under which a browser saves the file. Default: the name that the origin server gives. */
  filename?: string;
  /** Whether a browser saves the file or shows it (sandboxed). Default `attachment`. */
  disposition?: 'attachment' | 'inline';
  /** Replaces the origin server's media type. Default: the origin server's. */
  contentType?: string;
  /** Allowed methods. A request with another method is refused with 405. Default GET and HEAD. */
  methods?: readonly string[];
  /**
   * The hash of the file: `'sha256:<hex>'` or a member of `Repr-Digest`, or the same with SHA-512. A response with
   * other content is aborted before its end. Default: not checked.
   */
  digest?: string;
  /**
   * Where the checksum file of the file is: a path relative to the file's, such as `'{name}.sha256'` or `'SHA256SUMS'`,
   * or a URL. As the option `digests.sidecar`, which says what happens if it cannot be read. Not together with `digest`.
   * Default: as the gateway's options say.
   */
  digestSidecar?: string;
  /**
   * The length of the file in bytes. A response without a length gets it, and a file of another length is refused or
   * aborted. Default: not known.
   */
  size?: Size;
  /** `identity`: the file is requested without content coding, as with the option `acceptEncoding`. Default: the gateway's. */
  acceptEncoding?: 'pass' | 'identity';
  /** Maximum bytes of the whole file, and of what is sent of it. Default: the gateway's limit. */
  maxBytes?: Size;
  /** Bytes per second of all downloads of this link together. Default: no limit. */
  rate?: Size;
  /**
   * Address or CIDR range from which the link works. An IPv6 address covers its /64; write `/128` for a single address.
   * Default: any address.
   */
  clientIp?: string;
  /** Binds the link to the first client (IPv4 address, or IPv6 /64) that gets content of the file. Default false. */
  singleUse?: boolean;
  /**
   * Fields for the origin server, such as `Authorization`. Allowed only in an encrypted link, because signed links are
   * readable. Not allowed: fields that frame the message, fields of a single connection, and fields that select bytes
   * (`Range`, `If-*`). Default: none.
   */
  headers?: Readonly<Record<string, string>>;
}

/** The checked content of a link. Absent members are null. */
export interface Grant extends LinkConditions {
  url: string;
  mirrors: readonly string[];
  filename: string | null;
  disposition: 'attachment' | 'inline';
  contentType: string | null;
  /** As a member of `Repr-Digest`. */
  digest: string | null;
  digestSidecar: string | null;
  /** In bytes. */
  size: number | null;
  acceptEncoding: 'pass' | 'identity' | null;
  maxBytes: number | null;
  /** Bytes per second. */
  rate: number | null;
  singleUse: boolean;
  headers: Readonly<Record<string, string>>;
}

/** A grant, and the id of the key that authenticates it. */
export interface SignedGrant {
  grant: Grant;
  key: string;
}

/** A grant as a link carries it. Absent members have their defaults. */
export interface PackedGrant extends Omit<GrantOptions, 'expires'> {
  /** Seconds since 1970. */
  expires: number;
}

type Members = { [member in keyof GrantOptions]?: unknown };

const MEMBERS = [
  'url',
  'mirrors',
  'expires',
  'filename',
  'disposition',
  'contentType',
  'methods',
  'digest',
  'digestSidecar',
  'size',
  'acceptEncoding',
  'maxBytes',
  'rate',
  'clientIp',
  'singleUse',
  'headers',
] as const satisfies readonly (keyof GrantOptions)[];

/** The limit of common file systems, in UTF-8. */
const MAX_FILENAME_BYTES = 255;
const MEDIA_TYPE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*;[\t\x20-\x7e]*)?$/;
/** Fields that the proxy sets itself, and fields by which only the client selects bytes. */
const REFUSED_FIELDS: ReadonlySet<string> = new Set([
  'host',
  'via',
  'cdn-loop',
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
]);

/**
 * Checks a grant before it is signed. Throws an `OptionsError` that lists every problem. The error contains neither the
 * URL nor values of `headers`. `readable` means that the link is not encrypted.
 */
export function resolveGrant(options: GrantOptions, readable: boolean, now: number = Date.now()): Grant {
  const check = new Checker('sign');
  check.required('', options);
  if (options === undefined || !check.unknownKeys('', options, MEMBERS)) check.throwIfAny();
  check.required('url', options.url);
  const grant = resolveMembers(check, options, resolveExpires(check, options.expires, now));
  if (readable && Object.keys(grant.headers).length > 0)
    check.problem('headers', 'must not be in a signed link, which is readable: use an encrypted one');
  check.throwIfAny();
  return grant;
}

/** Reads the content of a link. Throws `link_invalid` for anything that `resolveGrant` would refuse. */
export function readGrant(packed: unknown): Grant {
  const check = new Checker('link');
  return readSigned(check, () => {
    check.required('', packed);
    if (!check.unknownKeys('', packed, MEMBERS) || packed === undefined) check.throwIfAny();
    const members = packed as Members;
    check.required('url', members.url);
    return resolveMembers(check, members, readExpires(check, members.expires));
  });
}

/** Omits members that have their default. */
export function packGrant(grant: Grant): PackedGrant {
  const {
    url,
    mirrors,
    expires,
    filename,
    disposition,
    contentType,
    methods,
    digest,
    digestSidecar,
    size,
    acceptEncoding,
    maxBytes,
    rate,
    clientIp,
  } = grant;
  return {
    url,
    ...(mirrors.length > 0 && { mirrors }),
    expires,
    ...(filename !== null && { filename }),
    ...(disposition !== 'attachment' && { disposition }),
    ...(contentType !== null && { contentType }),
    ...(methods !== DEFAULT_METHODS && { methods }),
    ...(digest !== null && { digest }),
    ...(digestSidecar !== null && { digestSidecar }),
    ...(size !== null && { size }),
    ...(acceptEncoding !== null && { acceptEncoding }),
    ...(maxBytes !== null && { maxBytes }),
    ...(rate !== null && { rate }),
    ...(clientIp !== null && { clientIp }),
    ...(grant.singleUse && { singleUse: true }),
    ...(Object.keys(grant.headers).length > 0 && { headers: grant.headers }),
  };
}

function resolveMembers(check: Checker, members: Members, expires: number): Grant {
  if (members.digest !== undefined && members.digestSidecar !== undefined)
    check.problem('digestSidecar', 'must not be given together with digest');
  return {
    url: check.parsed('url', members.url, '', parseUrl),
    mirrors: check.list('mirrors', members.mirrors, (path, mirror) =>
      check.parsed(path, mirror, '', parseUrl),
    ),
    expires,
    filename: check.parsed('filename', members.filename, null, parseFilename),
    disposition: check.oneOf('disposition', members.disposition, ['attachment', 'inline'], 'attachment'),
    contentType: check.parsed('contentType', members.contentType, null, parseMediaType),
    methods: resolveMethods(check, members.methods),
    digest: check.parsed('digest', members.digest, null, (digest) => formatDigest(parseDigest(digest))),
    digestSidecar: check.parsed('digestSidecar', members.digestSidecar, null, parseSidecarText),
    size: check.bytes('size', members.size, null),
    acceptEncoding: check.oneOf('acceptEncoding', members.acceptEncoding, ['pass', 'identity'], null),
    maxBytes: check.bytes('maxBytes', members.maxBytes, null, { min: 1 }),
    rate: check.bytes('rate', members.rate, null, { min: 1 }),
    clientIp: resolveClientIp(check, members.clientIp),
    singleUse: check.boolean('singleUse', members.singleUse, false),
    headers: resolveHeaders(check, members.headers),
  };
}

function parseUrl(url: unknown): string {
  if (typeof url === 'string') {
    parseBaseTarget(encodeUrl(url));
    return encodeSpaces(url);
  }
  // This reports the detailed problem.
  parseBaseTarget(url as URL);
  return (url as URL).href;
}

function parseSidecarText(text: unknown): string {
  parseSidecar(text);
  return text as string;
}

function parseFilename(filename: unknown): string {
  if (typeof filename !== 'string' || filename === '') throw new TypeError('must be a non-empty string');
  if (/[\p{Cc}\p{Cs}]/u.test(filename))
    throw new TypeError('must not contain control characters or lone surrogates');
  if (Buffer.byteLength(filename) > MAX_FILENAME_BYTES)
    throw new RangeError(`must be at most ${MAX_FILENAME_BYTES} bytes long in UTF-8`);
  return filename;
}

function parseMediaType(type: unknown): string {
  if (typeof type !== 'string' || !MEDIA_TYPE.test(type))
    throw new TypeError("must be a media type such as 'video/mp4' or 'text/plain; charset=utf-8'");
  return type;
}

function resolveHeaders(check: Checker, headers: unknown): Readonly<Record<string, string>> {
  const names = new Set<string>();
  const entries = check.record('headers', headers, (path, name, value): [string, string] => {
    const lower = name.toLowerCase();
    if (!isToken(name)) check.problem('headers', `must have valid names, not ${JSON.stringify(name)}`);
    else if (isFramingField(name) || isHopByHop(name) || REFUSED_FIELDS.has(lower))
      check.problem(path, 'must not be set by a link');
    // No value in the message: it may be a secret.
    if (typeof value !== 'string' || !isFieldValue(value)) check.problem(path, 'must be a valid value');
    if (names.has(lower)) check.problem(path, 'must not appear twice');
    names.add(lower);
    return [name, String(value)];
  });
  return Object.fromEntries(entries);
}
