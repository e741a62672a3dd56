import { encodeSpaces } from './encode-url.js';
import type { BaseTarget } from './target.js';

/**
 * No control characters or backslashes: browsers drop some of them from a URL and take `\` for `/`, so that
 * `/<tab>/host` is another host to them.
 */
const PLAIN = /^[\x21-\x5b\x5d-\x7e\x80-\xff]*$/;
/** A segment `..`, however it is written: it leads out of the base. */
const UPWARD = /\/(?:\.|%2e){2}(?:\/|$)/i;

/** What of a base decides whether a URL points into it. */
export type LocationBase = Pick<BaseTarget, 'protocol' | 'host' | 'path'>;

/**
 * The value for Location or Content-Location where the origin server's points under `base`: an absolute URL, one
 * without a scheme, or a path. It becomes a path of this proxy: that of the base is taken off, as joining had put it
 * there, and `mountPath` (`''`, or `/like/this`) is put in its place. Query and fragment are kept byte for byte.
 *
 * Null where the value points elsewhere, is relative to the request's own path, or could be read in more than one way:
 * it passes as it is. Never yields what a browser would take for another host.
 */
export function rewriteLocation(value: string, base: LocationBase, mountPath: string): string | null {
  // Browsers encode them too.
  const location = encodeSpaces(value);
  if (!PLAIN.test(location)) return null;
  const reference = withoutAuthority(location, base);
  if (reference === null) return null;
  const end = reference.search(/[?#]/);
  const path = end < 0 ? reference : reference.slice(0, end);
  const basePath = base.path.endsWith('/') ? base.path.slice(0, -1) : base.path;
  const isUnderBase = path === basePath || path.startsWith(`${basePath}/`);
  if (!isUnderBase || UPWARD.test(path)) return null;
  const rewritten = mountPath + path.slice(basePath.length) || '/';
  // Also where a client can choose what the mount path is.
  if (!PLAIN.test(rewritten) || !/^\/(?!\/)/.test(rewritten)) return null;
  return rewritten + (end < 0 ? '' : reference.slice(end));
}

/** Path, query and fragment of a URL at the base's host, or of an absolute path; null for anything else. */
function withoutAuthority(location: string, base: LocationBase): string | null {
  const scheme = /^https?:(?=\/\/)/i.exec(location)?.[0].toLowerCase();
  if (scheme === undefined && !location.startsWith('//')) return location.startsWith('/') ? location : null;
  if ((scheme ?? base.protocol) !== base.protocol) return null;
  const start = (scheme?.length ?? 0) + 2;
  const rest = location.slice(start);
  const end = rest.search(/[/?#]/);
  const authority = (end < 0 ? rest : rest.slice(0, end)).toLowerCase();
  const defaultPort = base.protocol === 'https:' ? /:(?:443)?$/ : /:(?:80)?$/;
  if (authority.replace(defaultPort, '') !== base.host.toLowerCase()) return null;
  return end < 0 ? '' : rest.slice(end);
}
