import { SluicewayError } from '../errors.js';
import type { LocationBase } from './location.js';
import { isUnderBase, joinPath } from './target.js';

/** Which URLs name this proxy, as a client writes them. */
export interface OwnPlace {
  /** `host[:port]` by which the client may have asked for the proxy. */
  hosts: readonly string[];
  protocol: 'http' | 'https';
  /** What stands before each path in the client's URLs; `''`, or `/like/this`. */
  prefix: string;
}

/** The place of an origin server: the base URL, and what the request says in Host. */
export interface UpstreamPlace {
  base: LocationBase;
  host: string;
}

const HTTP_URL = /^(https?):\/\/([^/?#]*)(.*)$/is;
const SCHEME = /^[a-z][\w+.-]*:/i;

/**
 * The value of `Destination` for the origin server (RFC 4918 section 10.3) where the client's names this proxy: an
 * absolute URL, or an absolute path. Prefix, host and scheme become those of the upstream; a user name in the URL is
 * left out. Null where it names another server: it passes as it is.
 *
 * A proxy in front may have ended TLS without saying so, so that `http` and `https` of the same host are the same.
 *
 * Throws `http_request_error` where the upstream has a base path, and the origin server would look outside of it.
 */
export function mapDestination(value: string, own: OwnPlace, upstream: UpstreamPlace): string | null {
  const mapped = mapReference(value, own, upstream);
  if (mapped !== null || upstream.base.path === '' || upstream.base.path === '/') return mapped;
  const [, scheme = '', authority = '', rest = ''] = HTTP_URL.exec(value) ?? [];
  const isElsewhere =
    scheme === '' ? SCHEME.test(value) : !isNamed([upstream.host, upstream.base.host], scheme, authority);
  if (isElsewhere || (scheme !== '' && isUnderBase(upstream.base, pathOf(rest)))) return null;
  throw new SluicewayError('http_request_error', 'The Destination leads out of the base path');
}

/**
 * The value of `If` (RFC 4918 section 10.4) with its resource tags mapped as `mapDestination` does it. State tokens and
 * entity tags, which stand in parentheses, stay as they are, and so does whatever names another server.
 */
export function mapIfTags(value: string, own: OwnPlace, upstream: UpstreamPlace): string {
  let mapped = '';
  let isInList = false;
  let i = 0;
  while (i < value.length) {
    const char = value.charAt(i);
    const closing = char === '<' ? '>' : char === '"' ? '"' : '';
    const end = closing === '' ? i : value.indexOf(closing, i + 1);
    if (end < 0) return mapped + value.slice(i);
    if (char === '(' || char === ')') isInList = char === '(';
    const text = value.slice(i, end + 1);
    mapped += char === '<' && !isInList ? `<${mapTag(text.slice(1, -1), own, upstream)}>` : text;
    i = end + 1;
  }
  return mapped;
}

function mapTag(tag: string, own: OwnPlace, upstream: UpstreamPlace): string {
  try {
    return mapReference(tag, own, upstream) ?? tag;
  } catch {
    // A condition about a place outside of the base path reaches nothing there.
    return tag;
  }
}

function mapReference(value: string, own: OwnPlace, { base, host }: UpstreamPlace): string | null {
  const [, scheme = '', authority = '', afterAuthority = ''] = HTTP_URL.exec(value) ?? [];
  if (scheme === '' && !/^\/(?!\/)/.test(value)) return null;
  if (scheme !== '' && !isOwn(own, scheme, authority)) return null;
  const reference = scheme === '' ? value : afterAuthority;
  const path = pathOf(reference);
  if (path !== own.prefix && !path.startsWith(`${own.prefix}/`) && path !== '') return null;
  if (path === '' && own.prefix !== '') return null;
  const mapped = joinPath(base, path.slice(own.prefix.length) || '/') + reference.slice(path.length);
  return scheme === '' ? mapped : `${base.protocol}//${host}${mapped}`;
}

const pathOf = (reference: string): string => /^[^?#]*/.exec(reference)?.[0] ?? '';

function isOwn({ hosts, protocol }: OwnPlace, scheme: string, authority: string): boolean {
  // A front that names its port in Host names that of its own scheme.
  return isNamed(hosts, scheme, authority) || isNamed(hosts.map(withoutPort(protocol)), scheme, authority);
}

/** Whether an authority is one of the hosts, for a scheme that says which port goes without saying. */
function isNamed(hosts: readonly string[], scheme: string, authority: string): boolean {
  const plain = withoutPort(scheme);
  const host = plain(authority.slice(authority.lastIndexOf('@') + 1));
  return hosts.some((each) => plain(each) === host);
}

const withoutPort =
  (scheme: string) =>
  (host: string): string =>
    host.toLowerCase().replace(scheme.toLowerCase() === 'https' ? /:(?:443)?$/ : /:(?:80)?$/, '');
