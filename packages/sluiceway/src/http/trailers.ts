import { Fields, isToken, type ReadonlyFields } from './fields.js';
import { isForwardingField } from './forwarded.js';
import { isHopByHop, nominatedBy } from './hop-by-hop.js';

/**
 * Fields that must be known before the content, or that a trailer must not be able to change: routing, request
 * modifiers, authentication, cookies, and instructions for later requests (RFC 9110 section 6.5.1). Forwarding fields
 * are checked separately.
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

/** The only fields about the content or its framing that can be known only after it. */
const DIGESTS = new Set(['content-digest', 'content-md5']);

/** `nominated` are the names that Connection in the head has removed (RFC 9110 section 7.6.1). */
function mayPass(name: string, nominated: ReadonlySet<string> | null): boolean {
  const lower = name.toLowerCase();
  if (FORBIDDEN.has(lower) || isHopByHop(lower) || nominated?.has(lower) === true) return false;
  if (lower.startsWith('content-')) return DIGESTS.has(lower);
  return !lower.startsWith('if-') && !isForwardingField(lower);
}

/** Keeps the trailer fields that may be forwarded. Returns null if none is left. */
export function retainTrailers(
  trailers: Fields | null,
  nominated: ReadonlySet<string> | null = null,
): Fields | null {
  if (trailers === null) return null;
  trailers.retain((name) => mayPass(name, nominated));
  return trailers.size === 0 ? null : trailers;
}

/** Returns the trailers of a message that may be forwarded. Takes trailers and head as Node's parser gives them. */
export function readTrailers(rawTrailers: string[], rawHead: string[]): Fields | null {
  if (rawTrailers.length === 0) return null;
  return retainTrailers(Fields.fromParser(rawTrailers), nominatedBy(Fields.fromParser(rawHead)));
}

/** Returns the announced trailers of a head that may be forwarded. The head must still have its Connection field. */
export function announcedTrailers(head: ReadonlyFields): string[] {
  const names = head.list('trailer');
  if (names.length === 0) return names;
  const nominated = nominatedBy(head);
  return names.filter((name) => isToken(name) && mayPass(name, nominated));
}
