import { Checker, OptionsError } from '../check.js';
import { SluicewayError } from '../errors.js';
import { isFieldValue, isToken } from '../http/fields.js';
import { isFramingField, isHopByHop } from '../http/hop-by-hop.js';
import { parseBaseTarget } from '../http/target.js';
import { createTrustedPeers } from '../net/trusted-peers.js';
import { type Duration, parseDurationMs, type Size } from '../units.js';

/** What a link shall permit. */
export interface GrantOptions {
  /**
   * http: or https: URL of the file, as the gateway will ask for it, byte for byte. No user name, no fragment: put
   * credentials into `headers`.
   */
  url: string | URL;
  /**
   * When the link ends: a moment, or a time from now such as `'1h'`; at most ten years ahead, rounded up to a whole
   * second. There is no link without an end.
   */
  expires: Date | Duration;
  /** The name under which a browser saves the file. Default: what the origin server says. */
  filename?: string;
  /** Whether a browser saves the file or shows it (sandboxed). Default `attachment`. */
  disposition?: 'attachment' | 'inline';
  /** Replaces the media type that the origin server says. */
  contentType?: string;
  /** Default GET and HEAD. Another is refused with 405. */
  methods?: readonly string[];
  /** Bytes of the whole file, and of what is sent of it. Default: the gateway's limit. */
  maxBytes?: Size;
  /** Bytes per second of all downloads of this link together. Default: no limit. */
  rate?: Size;
  /** Address or CIDR range from which the link works. Default: any. */
  clientIp?: string;
  /** The link belongs to the first client that gets a successful response. Default false. */
  singleUse?: boolean;
  /**
   * Fields for the origin server, such as `Authorization`. Only in an encrypted link: the other form is readable. Not
   * those that frame the message, concern one connection, or decide which bytes are sent (`Range`, `If-*`).
   */
  headers?: Readonly<Record<string, string>>;
}

/** What a link permits, checked. Absent members are null. */
export interface Grant {
  url: string;
  /** Seconds since 1970. */
  expires: number;
  filename: string | null;
  disposition: 'attachment' | 'inline';
  contentType: string | null;
  methods: readonly string[];
  maxBytes: number | null;
  /** Bytes per second. */
  rate: number | null;
  clientIp: string | null;
  singleUse: boolean;
  headers: Readonly<Record<string, string>>;
}

/** As a link carries it: what is not there has its default. */
export interface PackedGrant extends Omit<GrantOptions, 'expires'> {
  /** Seconds since 1970. */
  expires: number;
}

type Members = { [member in keyof GrantOptions]?: unknown };

const MEMBERS = [
  'url',
  'expires',
  'filename',
  'disposition',
  'contentType',
  'methods',
  'maxBytes',
  'rate',
  'clientIp',
  'singleUse',
  'headers',
] as const satisfies readonly (keyof GrantOptions)[];

export const DEFAULT_METHODS: readonly string[] = ['GET', 'HEAD'];
const MAX_LIFETIME_MS = 10 * 366 * 86_400_000;
/** The last second of the year 9999: whoever counts in milliseconds is beyond it. */
const MAX_EXPIRES = 253_402_300_799;
/** What file systems take, in UTF-8. */
const MAX_FILENAME_BYTES = 255;
const MEDIA_TYPE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*;[\t\x20-\x7e]*)?$/;
/** Neither can be a request for a file. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE']);
/** What the proxy says of itself, and what the client alone decides: which bytes it gets. */
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
 * Checks a grant before it is signed. Throws an `OptionsError` with every problem, none of which repeats the URL or a
 * value of `headers`. `readable` says that everybody will be able to read the link.
 */
export function resolveGrant(options: GrantOptions, readable: boolean, now: number = Date.now()): Grant {
  const check = new Checker('sign');
  check.required('', options);
  if (options === undefined || !check.unknownKeys('', options, MEMBERS)) check.throwIfAny();
  check.required('url', options.url);
  check.required('expires', options.expires);
  const expires = check.parsed('expires', options.expires, 0, (value) => parseExpires(value, now));
  const grant = resolveMembers(check, options, expires);
  if (readable && Object.keys(grant.headers).length > 0)
    check.problem('headers', 'must not be in a signed link, which everybody can read: encrypt it');
  check.throwIfAny();
  return grant;
}

/**
 * What a link has carried. That it was signed says who has written it, not that it makes sense: a signer in another
 * language may have its own ideas. Throws `link_invalid` for what `resolveGrant` would not have let pass.
 */
export function readGrant(packed: unknown): Grant {
  const check = new Checker('link');
  try {
    check.required('', packed);
    if (!check.unknownKeys('', packed, MEMBERS) || packed === undefined) check.throwIfAny();
    const members = packed as Members;
    check.required('url', members.url);
    check.required('expires', members.expires);
    const expires = check.integer('expires', members.expires, 0, { min: 1, max: MAX_EXPIRES });
    const grant = resolveMembers(check, members, expires);
    check.throwIfAny();
    return grant;
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    const problems = error.problems.map(({ path, message }) => `${path} ${message}`.trim());
    throw new SluicewayError('link_invalid', `What the link says is not valid: ${problems.join('; ')}`);
  }
}

/** Leaves out what has its default. */
export function packGrant(grant: Grant): PackedGrant {
  const { url, expires, filename, disposition, contentType, methods, maxBytes, rate, clientIp } = grant;
  return {
    url,
    expires,
    ...(filename !== null && { filename }),
    ...(disposition !== 'attachment' && { disposition }),
    ...(contentType !== null && { contentType }),
    ...(methods !== DEFAULT_METHODS && { methods }),
    ...(maxBytes !== null && { maxBytes }),
    ...(rate !== null && { rate }),
    ...(clientIp !== null && { clientIp }),
    ...(grant.singleUse && { singleUse: true }),
    ...(Object.keys(grant.headers).length > 0 && { headers: grant.headers }),
  };
}

function resolveMembers(check: Checker, members: Members, expires: number): Grant {
  return {
    url: check.parsed('url', members.url, '', parseUrl),
    expires,
    filename: check.parsed('filename', members.filename, null, parseFilename),
    disposition: check.oneOf('disposition', members.disposition, ['attachment', 'inline'], 'attachment'),
    contentType: check.parsed('contentType', members.contentType, null, parseMediaType),
    methods: resolveMethods(check, members.methods),
    maxBytes: check.bytes('maxBytes', members.maxBytes, null, { min: 1 }),
    rate: check.bytes('rate', members.rate, null, { min: 1 }),
    clientIp: check.parsed('clientIp', members.clientIp, null, parseRange),
    singleUse: check.boolean('singleUse', members.singleUse, false),
    headers: resolveHeaders(check, members.headers),
  };
}

function parseExpires(expires: Date | Duration, now: number): number {
  const end = expires instanceof Date ? expires.getTime() : now + parseDurationMs(expires);
  if (Number.isNaN(end)) throw new TypeError('must be a valid date');
  if (end <= now) throw new RangeError('must be in the future');
  if (end - now > MAX_LIFETIME_MS) throw new RangeError('must be at most ten years from now');
  return Math.ceil(end / 1000);
}

function parseUrl(url: unknown): string {
  // It says what else it would have to be.
  parseBaseTarget(url as string | URL);
  return url instanceof URL ? url.href : (url as string);
}

function parseFilename(filename: unknown): string {
  if (typeof filename !== 'string' || filename === '')
    throw new TypeError('must be a string that is not empty');
  if (/[\p{Cc}\p{Cs}]/u.test(filename))
    throw new TypeError('must not contain control characters or halves of surrogate pairs');
  if (Buffer.byteLength(filename) > MAX_FILENAME_BYTES)
    throw new RangeError(`must be at most ${MAX_FILENAME_BYTES} bytes long in UTF-8`);
  return filename;
}

function parseMediaType(type: unknown): string {
  if (typeof type !== 'string' || !MEDIA_TYPE.test(type))
    throw new TypeError("must be a media type such as 'video/mp4' or 'text/plain; charset=utf-8'");
  return type;
}

/** The same list for what is the default, so that it is known again. */
function resolveMethods(check: Checker, methods: unknown): readonly string[] {
  if (methods === undefined) return DEFAULT_METHODS;
  const resolved = check.list('methods', methods, (path, method) => {
    if (typeof method === 'string' && isToken(method) && !REFUSED_METHODS.has(method)) return method;
    check.problem(path, 'must be a method other than CONNECT and TRACE');
    return '';
  });
  if (resolved.some((method) => method !== method.toUpperCase()))
    check.problem('methods', 'must be in capital letters, as methods are');
  if (new Set(resolved).size !== resolved.length) check.problem('methods', 'must not name one twice');
  if (Array.isArray(methods) && methods.length === 0) check.problem('methods', 'must have at least one');
  return resolved.join() === DEFAULT_METHODS.join() ? DEFAULT_METHODS : resolved;
}

function parseRange(range: unknown): string {
  // An address of the interface that it is reached by, and the word for Unix sockets, are no clients of a link.
  if (typeof range === 'string' && /^[0-9A-Fa-f.:/]+$/.test(range)) {
    createTrustedPeers([range]);
    return range;
  }
  throw new TypeError('must be an address or CIDR range');
}

function resolveHeaders(check: Checker, headers: unknown): Readonly<Record<string, string>> {
  const names = new Set<string>();
  const entries = check.record('headers', headers, (path, name, value): [string, string] => {
    const lower = name.toLowerCase();
    if (!isToken(name)) check.problem('headers', `must have valid names, not ${JSON.stringify(name)}`);
    else if (isFramingField(name) || isHopByHop(name) || REFUSED_FIELDS.has(lower))
      check.problem(path, 'must not be set by a link');
    // What a value is may be a secret.
    if (typeof value !== 'string' || !isFieldValue(value)) check.problem(path, 'must be a valid value');
    if (names.has(lower)) check.problem(path, 'must not be there twice');
    names.add(lower);
    return [name, String(value)];
  });
  return Object.fromEntries(entries);
}
