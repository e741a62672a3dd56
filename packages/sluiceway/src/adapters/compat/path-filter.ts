import type { IncomingMessage } from 'node:http';

/** A path prefix, a glob, several of one kind, or a function of the path and the request. */
export type PathFilter<Request extends IncomingMessage = IncomingMessage> =
  | string
  | readonly string[]
  | ((pathname: string, request: Request) => unknown);

/**
 * Compiles a filter. Paths are compared without dot segments. A string is a character prefix, as in
 * http-proxy-middleware. Throws a `TypeError` for an unsupported glob: the only brackets allowed are braces.
 */
export function compilePathFilter<Request extends IncomingMessage>(
  filter: PathFilter<Request> | undefined,
): (request: Request) => boolean {
  if (filter === undefined) return () => true;
  if (typeof filter === 'function')
    return (request) => Boolean(refusePromise(filter(pathnameOf(request), request)));
  const patterns = typeof filter === 'string' ? [filter] : filter;
  if (!Array.isArray(patterns) || !patterns.every((pattern) => typeof pattern === 'string'))
    throw new TypeError('must be a path, a glob, a list of them, or a function');
  const globs = patterns.filter((pattern) => /[*?{}[\]()!]/.test(pattern));
  if (globs.length === 0)
    return (request) => patterns.some((prefix) => pathnameOf(request).startsWith(prefix));
  if (globs.length < patterns.length) throw new TypeError('must not mix paths with globs');
  const wanted = globs.filter((glob) => !glob.startsWith('!')).map(compileGlob);
  const unwanted = globs.filter((glob) => glob.startsWith('!')).map((glob) => compileGlob(glob.slice(1)));
  return (request) => {
    const path = pathnameOf(request);
    const isWanted = wanted.length === 0 || wanted.some((matches) => matches(path));
    return isWanted && !unwanted.some((matches) => matches(path));
  };
}

/** Refuses a promise: it is always truthy, so every request would match. */
function refusePromise<T>(result: T): T {
  if (!(result instanceof Promise)) return result;
  result.catch(() => {});
  throw new TypeError('pathFilter must not return a promise');
}

function pathnameOf({ url = '/' }: IncomingMessage): string {
  return URL.canParse(url, 'http://0.0.0.0') ? new URL(url, 'http://0.0.0.0').pathname : '';
}

type Match = (path: string) => boolean;

function compileGlob(glob: string): Match {
  if (/[[\]()\\!]/.test(glob)) throw new TypeError(`must not have [ ] ( ) ! or \\ in a glob: '${glob}'`);
  const alternatives = expandBraces(glob).map((each) => each.split('/').map(compileSegment));
  return (path) => alternatives.some((segments) => matchSegments(segments, 0, path.split('/'), 0));
}

/** Returns one pattern for each choice of `{a,b}`. */
function expandBraces(glob: string): string[] {
  const [whole = '', choices] = /\{([^{}]*)\}/.exec(glob) ?? [];
  if (choices === undefined) {
    if (/[{}]/.test(glob)) throw new TypeError(`must have pairs of { and } in a glob: '${glob}'`);
    return [glob];
  }
  return choices.split(',').flatMap((choice) => expandBraces(glob.replace(whole, () => choice)));
}

/** Returns null for `**`, which matches any number of segments. */
function compileSegment(segment: string): RegExp | null {
  if (segment === '**') return null;
  const source = segment
    .replace(/[.+^$|]/g, '\\$&')
    .replace(/\*+/g, '[^/]*')
    .replaceAll('?', '[^/]');
  // Wildcards do not match hidden files.
  return new RegExp(`^${/^[*?]/.test(segment) ? '(?!\\.)' : ''}${source}$`);
}

function matchSegments(
  pattern: readonly (RegExp | null)[],
  at: number,
  path: readonly string[],
  from: number,
): boolean {
  if (at === pattern.length) return from === path.length;
  const segment = pattern[at];
  if (segment !== null && segment !== undefined)
    return (
      from < path.length && segment.test(path[from] ?? '') && matchSegments(pattern, at + 1, path, from + 1)
    );
  for (let next = from; next <= path.length; next += 1) {
    if (matchSegments(pattern, at + 1, path, next)) return true;
    if (path[next]?.startsWith('.')) return false;
  }
  return false;
}
