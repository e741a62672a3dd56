import { SluicewayError } from '../errors.js';

/** The configured base URL of an upstream, split for the wire. */
export interface BaseTarget {
  protocol: 'http:' | 'https:';
  /** A name in ASCII, or an address. IPv6 without brackets. */
  hostname: string;
  port: number;
  /** The address of `hostname` that is used, if it was resolved before: see `Destination`. */
  address?: string | undefined;
  /** The value of the Host field: no default port, IPv6 in brackets. */
  host: string;
  /** As written. `''` if there is none. Escapes such as `%2F` are kept. */
  path: string;
  /** Without the question mark. `''` if there is none. */
  query: string;
}

/** The four forms of RFC 9112 section 3.2. Nothing is decoded or normalized. */
export interface RequestTarget {
  form: 'origin' | 'absolute' | 'asterisk' | 'authority';
  /** `host[:port]` of the absolute form and the authority form, else null. */
  authority: string | null;
  /** `*` for the asterisk form. `''` for the authority form and for an absolute form without a path. */
  path: string;
  /** Without the question mark. Null if there is no question mark. */
  query: string | null;
}

/** Visible ASCII without `#`, and obs-text: each character is one byte on the wire, and none can end the line. */
const WIRE_TEXT = /^[\x21\x22\x24-\x7e\x80-\xff]*$/;

/** Reports whether text can be part of a request-target without encoding. */
export const isWireText = (text: string): boolean => WIRE_TEXT.test(text);

/** `host[:port]`, without user information or a character that ends an authority. */
const AUTHORITY = /^[!$%&'()*+,\-.0-9:;=A-Z[\]_a-z~]+$/;
/** Only a path with one of these can contain a dot segment that leads upwards. */
const UPWARD = /\.\.|%2e/i;
/** Characters that some servers treat as a slash, or as the start of a segment's parameters. */
const MAYBE_SLASH = /\\|%2f|%5c/i;
const MAYBE_SEMICOLON = /;|%3b/i;

/**
 * Parses the URL of an upstream. A string is kept as written (`%2F`, dot segments); a `URL` object has only the
 * normalized form. Throws a `TypeError` that does not contain the URL, which can hold a secret.
 */
export function parseBaseTarget(url: string | URL): BaseTarget {
  if (typeof url !== 'string' && !(url instanceof URL))
    throw new TypeError('must be a URL, as a string or an object');
  const text = typeof url === 'string' ? url : url.href;
  if (!/^https?:\/\//i.test(text)) throw new TypeError('must be a URL that starts with http:// or https://');
  // The URL parser removes some of these and turns others into slashes, which would change the URL.
  if (/[\p{Cc}\p{Cs}\s\\]/u.test(text)) {
    throw new TypeError('must not contain spaces, control characters, backslashes or lone surrogates');
  }

  const start = text.indexOf('//') + 2;
  const end = indexOfAny(text, '/?#', start);
  const authority = text.slice(start, end);
  if (authority === '') throw new TypeError('must name a host');
  if (authority.includes('@')) throw new TypeError('must not contain a user name or password');
  if (text.includes('#')) throw new TypeError('must not contain a fragment (#…)');

  const parsed = parseUrl(text);
  const protocol = parsed.protocol === 'https:' ? 'https:' : 'http:';
  const port = parsed.port === '' ? defaultPort(protocol) : Number(parsed.port);
  if (port === 0) throw new TypeError('must not have the port 0');
  const question = text.indexOf('?', end);
  return {
    protocol,
    hostname: parsed.hostname.startsWith('[') ? parsed.hostname.slice(1, -1) : parsed.hostname,
    port,
    host: parsed.host,
    path: encodeNonAscii(text.slice(end, question < 0 ? text.length : question)),
    query: question < 0 ? '' : encodeNonAscii(text.slice(question + 1)),
  };
}

/** Splits the request-target of a client (`request.url`). Throws `http_request_error` if it is not valid. */
export function parseRequestTarget(rawUrl: string): RequestTarget {
  if (!WIRE_TEXT.test(rawUrl)) throw invalidTarget();
  // Two slashes at the start are an empty first segment, not an authority.
  if (rawUrl.charCodeAt(0) === 0x2f) return toRequestTarget('origin', null, rawUrl);
  if (rawUrl === '*') return { form: 'asterisk', authority: null, path: '*', query: null };

  const scheme = /^https?:\/\//i.exec(rawUrl);
  if (scheme === null) {
    if (!AUTHORITY.test(rawUrl)) throw invalidTarget();
    return { form: 'authority', authority: rawUrl, path: '', query: null };
  }
  const end = indexOfAny(rawUrl, '/?', scheme[0].length);
  const authority = rawUrl.slice(scheme[0].length, end);
  // RFC 9110 section 4.2.4: user information in a received URI is an error.
  if (!AUTHORITY.test(authority)) throw invalidTarget();
  return toRequestTarget('absolute', authority, rawUrl.slice(end));
}

/**
 * Like `parseRequestTarget`, with the rules for the method: `*` only for OPTIONS, an authority only for CONNECT. An
 * OPTIONS in absolute form without a path is about the server (RFC 9112 section 3.2.4).
 */
export function readRequestTarget(method: string, rawUrl: string): RequestTarget {
  const target = parseRequestTarget(rawUrl);
  if (target.form === 'authority' && method !== 'CONNECT')
    throw new SluicewayError('http_request_error', 'The authority form is valid only for CONNECT');
  if (method !== 'OPTIONS') {
    if (target.form === 'asterisk') throw invalidTarget();
  } else if (target.path === '' && target.query === null) {
    target.path = '*';
  }
  return target;
}

/**
 * Returns the request-target to send: the path under the base path with exactly one slash between them, and both
 * queries joined by `&`, the base's first. Every byte of all parts is kept. `*` stays unchanged if the base has no
 * path; otherwise it becomes the base path. A null path always becomes the base path.
 *
 * Throws `http_request_error` for a character that cannot be sent, and for dot segments, encoded or not, that lead out
 * of the base path: an origin server that resolves them would serve resources outside the base path.
 */
export function joinTarget(
  base: Pick<BaseTarget, 'path' | 'query'>,
  path: string | null,
  query: string | null,
): string {
  const bare = isBare(base);
  let target: string;
  if (path === null || path === '*') {
    if (path !== null && bare && base.query === '') return '*';
    target = bare ? '/' : base.path;
  } else {
    target = joinPath(base, path);
  }
  if (base.query !== '') target += query ? `?${base.query}&${query}` : `?${base.query}`;
  else if (query !== null) target += `?${query}`;
  if (!WIRE_TEXT.test(target)) throw invalidTarget();
  return target;
}

/** Like `joinTarget`, for a path alone. Its characters are not checked. */
export function joinPath(base: Pick<BaseTarget, 'path'>, path: string): string {
  if (!isBare(base) && UPWARD.test(path) && climbs(path))
    throw new SluicewayError('http_request_error', 'The path leads out of the base path');
  return joinPaths(base.path, path);
}

/** Reports whether a path is the base or under it, however its dot segments are resolved. */
export function isUnderBase(base: Pick<BaseTarget, 'path'>, path: string): boolean {
  const prefix = base.path.endsWith('/') ? base.path.slice(0, -1) : base.path;
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return false;
  const rest = path.slice(prefix.length);
  return !UPWARD.test(rest) || !climbs(rest);
}

const isBare = ({ path }: Pick<BaseTarget, 'path'>): boolean => path === '' || path === '/';

/** Returns the value of the Host field (RFC 9110 section 7.2): IPv6 in brackets, no default port. */
export function hostField(hostname: string, port: number, protocol: 'http:' | 'https:'): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return port === defaultPort(protocol) ? host : `${host}:${port}`;
}

function joinPaths(base: string, path: string): string {
  const ends = base.endsWith('/');
  const starts = path.charCodeAt(0) === 0x2f;
  if (ends && starts) return base + path.slice(1);
  return ends || starts ? base + path : `${base}/${path}`;
}

/**
 * Reports whether a path leads above its start. A segment counts as one step down only if every server sees one
 * segment, and as steps up if any server might: some servers split segments at `%2f` and `\`, and some remove
 * `;parameters` before they resolve dots.
 */
function climbs(path: string): boolean {
  let depth = 0;
  for (const segment of path.split('/')) {
    let ups = 0;
    let named = false;
    for (const part of segment.split(MAYBE_SLASH)) {
      const name = part.split(MAYBE_SEMICOLON, 1)[0]?.replace(/%2e/gi, '.');
      if (name === '..') ups++;
      else if (name !== '' && name !== '.') named = true;
    }
    if (ups > 0) depth -= ups;
    else if (named) depth++;
    if (depth < 0) return true;
  }
  return false;
}

function toRequestTarget(form: 'origin' | 'absolute', authority: string | null, rest: string): RequestTarget {
  const question = rest.indexOf('?');
  if (question < 0) return { form, authority, path: rest, query: null };
  return { form, authority, path: rest.slice(0, question), query: rest.slice(question + 1) };
}

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    // No `cause`: its `input` property has the whole URL.
    throw new TypeError('must be a valid URL');
  }
}

/** Users write Unicode. On the wire it is UTF-8, percent-encoded (RFC 3987 section 3.1). */
function encodeNonAscii(text: string): string {
  return text.replace(/[^\0-\x7f]+/g, encodeURIComponent);
}

function indexOfAny(text: string, stops: string, from: number): number {
  let i = from;
  while (i < text.length && !stops.includes(text.charAt(i))) i++;
  return i;
}

const defaultPort = (protocol: 'http:' | 'https:'): number => (protocol === 'https:' ? 443 : 80);

const invalidTarget = (): SluicewayError =>
  new SluicewayError('http_request_error', 'The request-target is not valid');
