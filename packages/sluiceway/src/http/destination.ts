import { SluicewayError } from '../errors.js';
import type { LocationBase } from './location.js';
import { isUnderBase, joinPath } from './target.js';

/** The URLs by which clients address this proxy. */
export interface OwnPlace {
  /** `host[:port]` values by which the client may have addressed the proxy. */
  hosts: readonly string[];
  protocol: 'http' | 'https';
  /** Prefix of each path in the client's URLs: `''`, or a path such as `/like/this`. */
  prefix: string;
}

/** The origin server: its base URL, and the Host of the request. */
export interface UpstreamPlace {
  base: LocationBase;
  host: string;
}

const HTTP_URL = /^(https?):\/\/([^/?#]*)(.*)$/is;
const SCHEME = /^[a-z][\w+.-]*:/i;

/**
 * Returns the `Destination` for the origin server (RFC 4918 section 10.3) if the client's value names this proxy, as an
 * absolute URL or an absolute path. Prefix, host and scheme are replaced by the upstream's. A user name in the URL is
 * removed. Returns null if the value names another server; it is then sent unchanged.
 *
 * `http` and `https` of the same host count as equal, because a proxy in front may terminate TLS without saying so.
 *
 * Throws `http_request_error` if the upstream has a base path and the value leads out of it.
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
 * Returns the value of `If` (RFC 4918 section 10.4) with its resource tags mapped as in `mapDestination`. State tokens
 * and entity tags, which are in parentheses, stay unchanged, as do tags that name another server.
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
    // The condition is about a resource outside the base path. It stays unchanged and has no effect on the origin
    // server.
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
  // A front proxy that sends a port in Host uses the port of its own scheme.
  return isNamed(hosts, scheme, authority) || isNamed(hosts.map(withoutPort(protocol)), scheme, authority);
}

/** Reports whether an authority is one of the hosts, without the default port of the scheme. */
function isNamed(hosts: readonly string[], scheme: string, authority: string): boolean {
  const plain = withoutPort(scheme);
  const host = plain(authority.slice(authority.lastIndexOf('@') + 1));
  return hosts.some((each) => plain(each) === host);
}

const withoutPort =
  (scheme: string) =>
  (host: string): string =>
    host.toLowerCase().replace(scheme.toLowerCase() === 'https' ? /:(?:443)?$/ : /:(?:80)?$/, '');
