import type { Checker } from '../options/checker.js';

/** Names that mean something in a link, of whatever form. */
const OWN_NAMES: readonly string[] = [
  'client',
  'content-type',
  'digest',
  'disposition',
  'expires',
  'filename',
  'key',
  'link',
  'max-bytes',
  'methods',
  'mirrors',
  'rate',
  'signature',
  'single-use',
  'url',
];

/** Whether a query parameter of that name is ignored. */
export type IgnoresParameter = (name: string) => boolean;

/** Reads names such as `fbclid`, or `utm_*` for all that begin so. None may be one that links have themselves. */
export function resolveIgnoredParameters(
  check: Checker,
  path: string,
  names: readonly string[] | undefined,
): IgnoresParameter | null {
  const patterns = check.list(path, names, (at, name) => {
    if (typeof name !== 'string' || !/^[\w.~-]+\*?$/.test(name))
      check.problem(at, "must be the name of a parameter such as 'fbclid', or its beginning such as 'utm_*'");
    else if (OWN_NAMES.some((own) => matches(name, own)))
      check.problem(at, 'must not fit a parameter that links have themselves');
    return String(name);
  });
  if (patterns.length === 0) return null;
  return (name) => patterns.some((pattern) => matches(pattern, name));
}

/** A query without the parameters that are ignored, all others as they were. */
export function removeIgnored(query: string, ignores: IgnoresParameter | null): string {
  if (ignores === null) return query;
  return query
    .split('&')
    .filter((part) => !ignores(part.split('=', 1)[0] ?? ''))
    .join('&');
}

const matches = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
