import type { Fields } from './fields.js';
import { isHopByHop } from './hop-by-hop.js';

/**
 * Fields that must be known before the content, or that a late line must not be able to change: framing, routing,
 * request modifiers, authentication, content description, cookies (RFC 9110 section 6.5.1).
 */
const FORBIDDEN = new Set([
  'content-length',
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
  'age',
  'expires',
  'date',
  'location',
  'retry-after',
  'vary',
  'warning',
  'content-encoding',
  'content-type',
  'content-range',
  'via',
  'forwarded',
]);

/** Keeps the trailer fields that may be passed on; null where none is left. */
export function retainTrailers(trailers: Fields | null): Fields | null {
  if (trailers === null) return null;
  trailers.retain((name) => {
    const lower = name.toLowerCase();
    if (FORBIDDEN.has(lower) || isHopByHop(lower)) return false;
    return !lower.startsWith('if-') && !lower.startsWith('x-forwarded-');
  });
  return trailers.size === 0 ? null : trailers;
}
