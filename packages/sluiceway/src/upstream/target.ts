import { encodeUrl } from '../http/encode-url.js';
import { type BaseTarget, parseBaseTarget } from '../http/target.js';

/** An exact place: where to connect and what to ask for. */
export interface Target {
  base: BaseTarget;
  /** Request-target in origin-form. */
  path: string;
}

/**
 * The target that a URL names: byte for byte, but for spaces and characters beyond ASCII, which are encoded. Throws a
 * `TypeError`.
 */
export function toTarget(url: string | URL): Target {
  const base = parseBaseTarget(typeof url === 'string' ? encodeUrl(url) : url);
  const path = base.path === '' ? '/' : base.path;
  return { base, path: base.query === '' ? path : `${path}?${base.query}` };
}
