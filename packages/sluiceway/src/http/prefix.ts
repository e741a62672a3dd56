/** A path prefix without a slash at its end; `''` for the root. */
export type PathPrefix = string;

/** Segments as they go on the wire: no empty ones, no query, nothing that would have to be escaped. */
const PREFIX = /^(?:\/[\x21\x22\x24-\x2e\x30-\x3e\x40-\x5b\x5d-\x7e]+)*\/?$/;

/**
 * Checks a prefix such as `/files`. Throws a `TypeError`. It is compared byte for byte: a request that spells it
 * with other escapes (`/%66iles`) is another path.
 */
export function parsePathPrefix(prefix: string): PathPrefix {
  if (typeof prefix !== 'string' || !PREFIX.test(prefix))
    throw new TypeError("must be a path such as '/files', without a query and empty segments");
  const segments = prefix.split('/');
  if (segments.some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment)))
    throw new TypeError('must not have dot segments');
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}

/**
 * The request-target without the prefix, or null where its path does not begin with it. Whole segments count:
 * `/files` is no prefix of `/filesystem`, nor of `/files%2Fa`. What is left of exactly the prefix is `/`.
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
 * Whether the path of a request-target is exactly the prefix, with no slash after it: the request asks for the mount
 * point itself. False for the prefix `''`.
 */
export function isMountPoint(target: string, prefix: PathPrefix): boolean {
  const start = pathStart(target);
  if (start < 0 || prefix === '' || !target.startsWith(prefix, start)) return false;
  const next = target.charAt(start + prefix.length);
  return next === '' || next === '?';
}

/**
 * The request-target in two: the first `count` segments of its path as they were sent, and the target without them.
 * Null where its path has fewer. `collapses` says that several slashes are one, as a router may be set up to see it.
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

/** Where the path of a target in origin-form or absolute-form begins; -1 where it has none. */
function pathStart(target: string): number {
  if (target.startsWith('/')) return 0;
  const scheme = /^https?:\/\/[^/?#]*/i.exec(target);
  return scheme === null ? -1 : scheme[0].length;
}
