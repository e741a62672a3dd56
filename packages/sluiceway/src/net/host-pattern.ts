import ipaddr from 'ipaddr.js';
import type { BaseTarget } from '../http/target.js';
import { embeddedIPv4, parseAddress } from './address-class.js';
import { pathForms, patternForms } from './path-forms.js';

/** A host, or the URLs under one. */
export interface HostPattern {
  /** Null for either. */
  protocol: BaseTarget['protocol'] | null;
  /** Without `*.` where there is one; null for every host. */
  hostname: string | null;
  /** Hosts below `hostname`, and not that itself. */
  isSuffix: boolean;
  /** Null for every port. */
  port: number | null;
  /** Percent-encoded where it is not ASCII, with escapes in capital letters. Null for every path. */
  path: string | null;
  /** Every path that begins with `path`. */
  isPrefix: boolean;
}

const PATTERN = /^(?:(https?):\/\/)?(\[[\da-f:.]+\]|[^/:@?#[\]\s]+)(?::(\d{1,5}))?(\/[^?#\s]*)?$/i;

/**
 * Reads `files.example.com`, `*.example.com`, `*`, with a scheme, a port or a path where they hold for that only:
 * `https://example.com:8443/public/*`. Names are compared as the URL standard writes them, without a dot at the end.
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
 * Of the URL that is judged: what several patterns are compared with. A class, since V8 keeps what an object with a getter
 * of its own refers to until the next full garbage collection.
 */
export class JudgedTarget {
  readonly base: BaseTarget;
  /** Without the query, and with escapes in capital letters. */
  readonly path: string;
  #forms: readonly string[] | null | undefined;

  constructor(base: BaseTarget, pathAndQuery: string) {
    this.base = base;
    this.path = capitalizeEscapes(pathAndQuery.split('?', 1)[0] ?? '');
  }

  /** Of `path`: see `pathForms`. */
  get forms(): readonly string[] | null {
    if (this.#forms === undefined) this.#forms = pathForms(this.path);
    return this.#forms;
  }
}

/** Whether a pattern lets a URL in: only where no server can take its path for one that the pattern does not have. */
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

/** A segment that begins with `..`: more than one server has taken such a one for `..` itself. */
const UPWARD = /[/\\]\.\./;

/** RFC 3986 section 6.2.2.1. */
const capitalizeEscapes = (path: string): string =>
  path.replace(/%[\da-f]{2}/gi, (escape) => escape.toUpperCase());

/**
 * Whether a pattern shuts a URL out: where any server may take its path for one that the pattern has, whatever the
 * case of its letters and whether or not it ends with a slash; and where that cannot be told.
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

/** The IPv4 address that an IPv6 one leads to (IPv4-mapped, NAT64); any other host as it is. */
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
