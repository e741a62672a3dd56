import { encodeUrl } from '../http/encode-url.js';
import { type BaseTarget, parseBaseTarget } from '../http/target.js';

/** Where to connect and what to request. */
export interface Target {
  base: BaseTarget;
  /** Request-target in origin-form. */
  path: string;
}

/**
 * The target of a URL. Keeps it byte for byte, except for spaces and characters beyond ASCII, which are encoded. Throws
 * a `TypeError`.
 */
export function toTarget(url: string | URL): Target {
  const base = parseBaseTarget(typeof url === 'string' ? encodeUrl(url) : url);
  const path = base.path === '' ? '/' : base.path;
  return { base, path: base.query === '' ? path : `${path}?${base.query}` };
}
