import type { Checker } from '../options/checker.js';

/** Parameters of links, in both forms. */
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

/** Reports whether the gateway ignores query parameters of that name. */
export type IgnoresParameter = (name: string) => boolean;

/**
 * Parses names such as `fbclid`, and patterns such as `utm_*` for all names with that prefix. None may match a
 * parameter of links themselves.
 */
export function resolveIgnoredParameters(
  check: Checker,
  path: string,
  names: readonly string[] | undefined,
): IgnoresParameter | null {
  const patterns = check.list(path, names, (at, name) => {
    if (typeof name !== 'string' || !/^[\w.~-]+\*?$/.test(name))
      check.problem(at, "must be a parameter name such as 'fbclid', or a prefix such as 'utm_*'");
    else if (OWN_NAMES.some((own) => matches(name, own)))
      check.problem(at, 'must not match a parameter of links themselves');
    return String(name);
  });
  if (patterns.length === 0) return null;
  return (name) => patterns.some((pattern) => matches(pattern, name));
}

/** Removes ignored parameters from a query. All others stay unchanged. */
export function removeIgnored(query: string, ignores: IgnoresParameter | null): string {
  if (ignores === null) return query;
  return query
    .split('&')
    .filter((part) => !ignores(part.split('=', 1)[0] ?? ''))
    .join('&');
}

const matches = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
