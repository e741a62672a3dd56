import ipaddr from 'ipaddr.js';
import type { BaseTarget } from '../http/target.js';
import { embeddedIPv4, parseAddress } from './address-class.js';
import { pathForms, patternForms } from './path-forms.js';

/** A host, or the URLs under one. */
export interface HostPattern {
  /** Null for either. */
  protocol: BaseTarget['protocol'] | null;
  /** Without a leading `*.`. Null for every host. */
  hostname: string | null;
  /** Matches hosts below `hostname`, but not `hostname` itself. */
  isSuffix: boolean;
  /** Null for every port. */
  port: number | null;
  /** Non-ASCII characters are percent-encoded, with upper-case escapes. Null for every path. */
  path: string | null;
  /** Matches every path that begins with `path`. */
  isPrefix: boolean;
}

const PATTERN = /^(?:(https?):\/\/)?(\[[\da-f:.]+\]|[^/:@?#[\]\s]+)(?::(\d{1,5}))?(\/[^?#\s]*)?$/i;

/**
 * Parses `files.example.com`, `*.example.com` or `*`, optionally with a scheme, a port or a path to restrict it to:
 * `https://example.com:8443/public/*`. Names are compared as normalized by the URL standard, without a trailing dot.
 * Throws a `TypeError`.
 */
export function parseHostPattern(text: string): HostPattern {
  const match = typeof text === 'string' ? PATTERN.exec(text) : null;
  if (match === null)
    throw new TypeError('must be a host such as files.example.com or *.example.com, or a URL under one');
  const [, scheme, host = '', port, path] = match;
  const isSuffix = host.startsWith('*.');
  const name = isSuffix ? host.slice(2) : host;
  if (name.includes('*') && host !== '*')
    throw new TypeError('must have * only at its start, as in *.example.com');
  if (path?.slice(0, -1).includes('*') === true)
    throw new TypeError('must have * only at the end of its path');
  const isPrefix = path?.endsWith('*') ?? false;
  const encoded =
    path === undefined ? null : capitalizeEscapes(path.replace(/[^\0-\x7f]+/g, encodeURIComponent));
  return {
    protocol: scheme === undefined ? null : scheme.toLowerCase() === 'https' ? 'https:' : 'http:',
    hostname: host === '*' ? null : normalise(name),
    isSuffix,
    port: port === undefined ? null : Number(port),
    path: isPrefix ? (encoded?.slice(0, -1) ?? null) : encoded,
    isPrefix,
  };
}

/**
 * The parts of a checked URL that patterns are compared with. This is a class because V8 keeps the referents of an
 * object with its own getter until the next full garbage collection.
 */
export class JudgedTarget {
  readonly base: BaseTarget;
  /** Without the query, and with upper-case escapes. */
  readonly path: string;
  #forms: readonly string[] | null | undefined;

  constructor(base: BaseTarget, pathAndQuery: string) {
    this.base = base;
    this.path = capitalizeEscapes(pathAndQuery.split('?', 1)[0] ?? '');
  }

  /** The forms of `path`: see `pathForms`. */
  get forms(): readonly string[] | null {
    if (this.#forms === undefined) this.#forms = pathForms(this.path);
    return this.#forms;
  }
}

/**
 * Reports whether a pattern allows a URL. It does so only if no server can interpret the URL's path as one outside the
 * pattern.
 */
export function allowsTarget(pattern: HostPattern, target: JudgedTarget): boolean {
  if (!matchesPlace(pattern, target.base, target.base.hostname.replace(/\.$/, ''))) return false;
  const { path: start, isPrefix } = pattern;
  const { path } = target;
  if (start === null) return true;
  if (!isPrefix) return path === start;
  if (!path.startsWith(start)) return false;
  const starts = patternForms(start);
  const isInside = (form: string): boolean =>
    !UPWARD.test(form) && starts.some((each) => form.startsWith(each));
  return target.forms?.every(isInside) ?? false;
}

/** A segment that begins with `..`. Several servers have treated such a segment as `..` itself. */
const UPWARD = /[/\\]\.\./;

/** RFC 3986 section 6.2.2.1. */
const capitalizeEscapes = (path: string): string =>
  path.replace(/%[\da-f]{2}/gi, (escape) => escape.toUpperCase());

/**
 * Reports whether a pattern denies a URL. It does so if any server may interpret the URL's path as one that the pattern
 * matches, ignoring letter case and a trailing slash, or if that cannot be determined.
 */
export function deniesTarget(pattern: HostPattern, target: JudgedTarget): boolean {
  const { hostname } = target.base;
  const carried = toCarriedAddress(hostname);
  const isAt = (host: string): boolean => matchesPlace(pattern, target.base, host);
  if (!isAt(hostname.replace(/\.$/, '')) && !isAt(carried)) return false;
  const { path, isPrefix } = pattern;
  if (path === null || target.forms === null) return true;
  const starts = patternForms(path);
  return target.forms.some((form) =>
    starts.some((start) => (isPrefix && form.startsWith(start)) || trimSlashes(form) === trimSlashes(start)),
  );
}

function matchesPlace(pattern: HostPattern, { protocol, port }: BaseTarget, hostname: string): boolean {
  if (pattern.protocol !== null && pattern.protocol !== protocol) return false;
  if (pattern.port !== null && pattern.port !== port) return false;
  if (pattern.hostname === null) return true;
  return pattern.isSuffix ? hostname.endsWith(`.${pattern.hostname}`) : hostname === pattern.hostname;
}

function trimSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}

/** Returns the IPv4 address that an IPv6 address leads to (IPv4-mapped, NAT64). Returns any other host unchanged. */
function toCarriedAddress(hostname: string): string {
  const parsed = hostname.includes(':') ? parseAddress(hostname) : null;
  const carried = parsed instanceof ipaddr.IPv6 ? embeddedIPv4(parsed) : null;
  return carried?.toString() ?? hostname;
}

function normalise(name: string): string {
  try {
    const { hostname } = new URL(`http://${name}/`);
    return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  } catch {
    throw new TypeError('must name a valid host');
  }
}
