import { SluicewayError } from '../errors.js';
import { encodeUrlBytes } from '../http/encode-url.js';
import { type Target, toTarget } from './target.js';
import type { TransportResponse } from './transport.js';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Whether two targets are the same URL. */
export const isSameTarget = (one: Target, other: Target): boolean =>
  isSameOrigin(one, other) && one.base.address === other.base.address && one.path === other.path;

/** RFC 6454 section 5. */
export const isSameOrigin = (one: Target, other: Target): boolean =>
  one.base.protocol === other.base.protocol && one.base.host === other.base.host;

/**
 * The method of the request that follows a redirect (RFC 9110 sections 15.4.2 to 15.4.4, and as browsers do): GET after a
 * 303, and GET instead of POST after a 301 or 302. HEAD stays HEAD.
 */
export function redirectedMethod(method: string, status: number): string {
  if (status === 303) return method === 'HEAD' ? method : 'GET';
  return method === 'POST' && (status === 301 || status === 302) ? 'GET' : method;
}

/**
 * The target of a redirect (RFC 9110 section 15.4), or null if the response is none. Throws if the redirect must not be
 * followed: no usable `Location` or several, a scheme other than http and https, from https to http.
 */
export function decideRedirect(from: Target, response: TransportResponse): Target | null {
  if (!REDIRECTS.has(response.status)) return null;
  const [location, ...more] = new Set(response.headers.getAll('location'));
  if (location === undefined) throw refused('a redirect without Location');
  // A component that checked one of them could not know which one is followed.
  if (more.length > 0) throw refused('a redirect with several Locations');
  const next = resolveLocation(from, location);
  if (from.base.protocol === 'https:' && next.base.protocol === 'http:') {
    throw refused('a redirect from https: to http:');
  }
  return next;
}

/** Keeps absolute forms byte for byte, since a signature may cover them. Resolves only relative paths. */
function resolveLocation(from: Target, location: string): Target {
  const { protocol, host } = from.base;
  try {
    const text = encodeUrlBytes(location.replace(/#.*$/s, ''));
    if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return toTarget(text);
    if (text.startsWith('//')) return toTarget(protocol + text);
    if (text.startsWith('/')) return toTarget(`${protocol}//${host}${text}`);
    return toTarget(new URL(text, `${protocol}//${host}${from.path}`));
  } catch (cause) {
    throw refused('a redirect to an unusable Location', cause);
  }
}

export function refused(what: string, cause?: unknown): SluicewayError {
  return new SluicewayError('too_many_redirects', `The origin server sent ${what}`, { cause });
}
