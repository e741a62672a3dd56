/** A path prefix without a trailing slash. `''` for the root. */
export type PathPrefix = string;

/** Segments as sent on the wire: no empty ones, no query, nothing that requires escaping. */
const PREFIX = /^(?:\/[\x21\x22\x24-\x2e\x30-\x3e\x40-\x5b\x5d-\x7e]+)*\/?$/;

/**
 * Checks a prefix such as `/files`. Throws a `TypeError`. Prefixes are compared byte for byte: a request that escapes
 * it differently (`/%66iles`) has another path.
 */
export function parsePathPrefix(prefix: string): PathPrefix {
  if (typeof prefix !== 'string' || !PREFIX.test(prefix))
    throw new TypeError("must be a path such as '/files', without a query or empty segments");
  const segments = prefix.split('/');
  if (segments.some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment)))
    throw new TypeError('must not have dot segments');
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}

/**
 * Removes the prefix from a request-target. Returns null if the path does not begin with it. Only whole segments match:
 * `/files` is not a prefix of `/filesystem` or `/files%2Fa`. A path equal to the prefix becomes `/`.
 */
export function stripTargetPrefix(target: string, prefix: PathPrefix): string | null {
  const start = pathStart(target);
  if (start < 0) return null;
  if (!target.startsWith(prefix, start)) return null;
  const rest = target.slice(start + prefix.length);
  const next = rest.charAt(0);
  if (next !== '' && next !== '/' && next !== '?') return null;
  return target.slice(0, start) + (next === '/' ? rest : `/${rest}`);
}

/**
 * Reports whether the path of a request-target equals the prefix, without a slash after it, so that the request is for
 * the mount point itself. False for the prefix `''`.
 */
export function isMountPoint(target: string, prefix: PathPrefix): boolean {
  const start = pathStart(target);
  if (start < 0 || prefix === '' || !target.startsWith(prefix, start)) return false;
  const next = target.charAt(start + prefix.length);
  return next === '' || next === '?';
}

/**
 * Splits a request-target: the first `count` segments of its path as sent, and the target without them. Returns null if
 * the path has fewer segments. With `collapses`, several slashes count as one, as routers can be configured.
 */
export function splitTarget(
  target: string,
  count: number,
  collapses: boolean,
): { prefix: string; rest: string } | null {
  const start = pathStart(target);
  if (start < 0) return null;
  const path = /^[^?]*/.exec(target.slice(start))?.[0] ?? '';
  const segment = collapses ? /\/+[^/]*/y : /\/[^/]*/y;
  for (let i = 0; i < count; i++) if (!segment.test(path)) return null;
  const end = segment.lastIndex;
  const rest = target.slice(start + end);
  return {
    prefix: path.slice(0, end),
    rest: target.slice(0, start) + (rest.startsWith('/') ? rest : `/${rest}`),
  };
}

/** Returns where the path of a target in origin-form or absolute-form begins. -1 if it has none. */
function pathStart(target: string): number {
  if (target.startsWith('/')) return 0;
  const scheme = /^https?:\/\/[^/?#]*/i.exec(target);
  return scheme === null ? -1 : scheme[0].length;
}
