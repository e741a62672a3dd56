import { Fields, isToken, type ReadonlyFields } from './fields.js';
import { isForwardingField } from './forwarded.js';
import { isHopByHop, nominatedBy } from './hop-by-hop.js';

/**
 * Fields that must be known before the content, or that a late line must not be able to change: routing, request
 * modifiers, authentication, cookies, what a browser shall do later (RFC 9110 section 6.5.1). Forwarding fields are
 * others.
 */
const FORBIDDEN = new Set([
  'host',
  'cache-control',
  'expect',
  'max-forwards',
  'pragma',
  'range',
  'authorization',
  'www-authenticate',
  'authentication-info',
  'proxy-authentication-info',
  'cookie',
  'set-cookie',
  'set-cookie2',
  'clear-site-data',
  'strict-transport-security',
  'alt-svc',
  'age',
  'expires',
  'date',
  'location',
  'retry-after',
  'vary',
  'warning',
  'via',
  'cdn-loop',
  'early-data',
]);

/** Of what describes or frames the content, only these can be known after it and no sooner. */
const DIGESTS = new Set(['content-digest', 'content-md5']);

/** `nominated` are the names that Connection in the head has removed (RFC 9110 section 7.6.1). */
function mayPass(name: string, nominated: ReadonlySet<string> | null): boolean {
  const lower = name.toLowerCase();
  if (FORBIDDEN.has(lower) || isHopByHop(lower) || nominated?.has(lower) === true) return false;
  if (lower.startsWith('content-')) return DIGESTS.has(lower);
  return !lower.startsWith('if-') && !isForwardingField(lower);
}

/** Keeps the trailer fields that may be passed on; null where none is left. */
export function retainTrailers(
  trailers: Fields | null,
  nominated: ReadonlySet<string> | null = null,
): Fields | null {
  if (trailers === null) return null;
  trailers.retain((name) => mayPass(name, nominated));
  return trailers.size === 0 ? null : trailers;
}

/** The trailers that may be passed on, of a message with this head: both as Node's parser gives them. */
export function readTrailers(rawTrailers: string[], rawHead: string[]): Fields | null {
  if (rawTrailers.length === 0) return null;
  return retainTrailers(Fields.fromParser(rawTrailers), nominatedBy(Fields.fromParser(rawHead)));
}

/** Of the trailers that a head announces those that may be passed on. Connection must still be in it. */
export function announcedTrailers(head: ReadonlyFields): string[] {
  const names = head.list('trailer');
  if (names.length === 0) return names;
  const nominated = nominatedBy(head);
  return names.filter((name) => isToken(name) && mayPass(name, nominated));
}
