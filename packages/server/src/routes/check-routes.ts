import type { Checker } from 'sluiceway/options';
import { isObject } from '../config/library-options.js';
import { ACTIONS, type RouteValues } from '../config/route-options.js';
import { parseHostPattern } from './host-pattern.js';
import { formatPattern, type PathPattern, parsePattern, parsePrefix } from './path-pattern.js';
import type { RouteMatch } from './route-table.js';

/** Reads which requests a route matches; null if there is a problem. `written` is the route as written. */
export function readMatch(
  check: Checker,
  at: string,
  route: RouteValues,
  written: unknown,
): RouteMatch | null {
  const has = (name: string): boolean => isObject(written) && written[name] !== undefined;
  const actions = ACTIONS.filter((name) => has(name));
  if (actions.length !== 1) {
    const given = actions.length === 0 ? '' : `, not ${actions.join(' and ')}`;
    check.problem(at, `must have exactly one of ${ACTIONS.join(', ')}${given}`);
  }
  if (has('path') && has('pattern')) check.problem(at, 'must have either path or pattern');
  if (route.proxy?.['stripPrefix'] === true && has('pattern'))
    check.problem(`${at}.proxy.stripPrefix`, 'needs path; a pattern has no prefix');
  if (route.proxy !== undefined) check.boolean(`${at}.proxy.stripPrefix`, route.proxy['stripPrefix'], false);

  const path = readPath(check, at, route);
  const given = typeof route.host === 'string' ? [route.host] : (route.host ?? []);
  const hosts = given.map((host, i) =>
    check.parsed(Array.isArray(route.host) ? `${at}.host[${i}]` : `${at}.host`, host, null, parseHostPattern),
  );
  if (path === null || !hosts.every((host) => host !== null)) return null;
  return { hosts: [...new Set(hosts)], path, methods: readMethods(route.methods) };
}

function readPath(check: Checker, at: string, { path, pattern }: RouteValues): PathPattern | null {
  if (pattern !== undefined) return check.parsed(`${at}.pattern`, pattern, null, parsePattern);
  return check.parsed(`${at}.path`, path, null, parsePrefix);
}

function readMethods(methods: readonly string[] | undefined): ReadonlySet<string> | null {
  if (methods === undefined) return null;
  return new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods);
}

/** The name of a route without a name: `files.example.com/videos/** GET`. */
export function describeMatch({ hosts, path, methods }: RouteMatch): string {
  const pattern = formatPattern(path);
  const words = [`${hosts.join(',')}${pattern}`];
  if (methods !== null) words.push([...methods].join(','));
  return words.join(' ');
}

/** Reports routes that match the same requests as an earlier one: they would never be used. */
export function checkDuplicates(check: Checker, matches: readonly (RouteMatch | null)[]): void {
  const seen = new Map<string, { index: number; methods: ReadonlySet<string> | null }[]>();
  for (const [index, match] of matches.entries()) {
    if (match === null) continue;
    for (const host of match.hosts.length === 0 ? [''] : match.hosts) {
      const key = `${host} ${formatPattern(match.path)}`;
      const others = seen.get(key) ?? [];
      const other = others.find(({ methods }) => overlap(methods, match.methods));
      if (other !== undefined)
        check.problem(`routes[${index}]`, `is for the same requests as routes[${other.index}]`);
      seen.set(key, [...others, { index, methods: match.methods }]);
      if (other !== undefined) break;
    }
  }
}

/** A route that names methods is more specific than one that does not. */
function overlap(a: ReadonlySet<string> | null, b: ReadonlySet<string> | null): boolean {
  if (a === null || b === null) return a === b;
  return [...a].some((method) => b.has(method));
}
