import { encodeSpaces } from './encode-url.js';
import type { BaseTarget } from './target.js';

/**
 * Excludes control characters and backslashes. Browsers remove some of them from a URL and treat `\` as `/`, so
 * `/<tab>/host` would be another host to them.
 */
const PLAIN = /^[\x21-\x5b\x5d-\x7e\x80-\xff]*$/;
/** A `..` segment in any spelling, which leads out of the base. */
const UPWARD = /\/(?:\.|%2e){2}(?:\/|$)/i;

/** The parts of a base that determine whether a URL is under it. */
export type LocationBase = Pick<BaseTarget, 'protocol' | 'host' | 'path'>;

/**
 * Rewrites Location or Content-Location if the origin server's value is under `base`: an absolute URL, one without a
 * scheme, or a path. The result is a path of this proxy: the base path is replaced by `mountPath` (`''`, or a path such
 * as `/like/this`). Query and fragment are kept byte for byte.
 *
 * Returns null if the value is elsewhere, is relative to the request's own path, or is ambiguous. It then passes
 * unchanged. The result is never a URL that a browser would resolve to another host.
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
  // Also protects against a mount path that a client chooses.
  if (!PLAIN.test(rewritten) || !/^\/(?!\/)/.test(rewritten)) return null;
  return rewritten + (end < 0 ? '' : reference.slice(end));
}

/** Returns path, query and fragment of a URL at the base's host or of an absolute path. Null for anything else. */
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
