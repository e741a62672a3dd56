/** A path of a route, segment by segment. */
export interface PathPattern {
  readonly segments: readonly string[];
  /** Whether any segments can follow: a prefix, or a pattern with `**` at the end. */
  readonly isOpen: boolean;
}

/** Characters that a path has on the wire (RFC 3986 section 3.3), without `?` and `#`. */
const PATH = /^\/[\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e]*$/;

/**
 * `/files` matches that path and everything below. A trailing slash makes no difference. Throws a `TypeError`, also for a `*`:
 * it would stand for itself, which is rarely what is meant.
 */
export function parsePrefix(text: string): PathPattern {
  checkPath(text, '/files');
  if (text.includes('*'))
    throw new TypeError('must not contain *: everything below it is included; for wildcards use pattern');
  return { segments: segmentsOf(text.replace(/\/$/, '')), isOpen: true };
}

/** A whole path, with `*` in segments and `**` as its end. Throws a `TypeError`. */
export function parsePattern(text: string): PathPattern {
  checkPath(text, '/videos/*.mp4');
  const segments = segmentsOf(text);
  const isOpen = segments.at(-1) === '**';
  if (isOpen) segments.pop();
  if (segments.some((segment) => segment.includes('**')))
    throw new TypeError('must have ** only as the whole last segment');
  return { segments, isOpen };
}

function checkPath(text: string, example: string): void {
  if (!PATH.test(text))
    throw new TypeError(
      `must be a path such as '${example}', percent-encoded where it is not ASCII, without a query`,
    );
  if (text.includes('//')) throw new TypeError('must not have empty segments');
  if (segmentsOf(text).some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment)))
    throw new TypeError('must not have dot segments');
}

/** `''` has no segments, and `/` has an empty one: `/files/` and `/files` are different paths. */
export const segmentsOf = (path: string): string[] => (path === '' ? [] : path.slice(1).split('/'));

/** Whether a pattern matches a path. */
export function matches({ segments, isOpen }: PathPattern, path: readonly string[]): boolean {
  if (isOpen ? path.length < segments.length : path.length !== segments.length) return false;
  return segments.every((segment, i) => matchesGlob(segment, path[i] ?? ''));
}

/** `*` matches any characters. Takes time proportional to the product of the lengths at most. */
function matchesGlob(glob: string, text: string): boolean {
  if (!glob.includes('*')) return glob === text;
  let [g, t, star, retry] = [0, 0, -1, 0];
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g;
      g += 1;
      retry = t;
    } else if (g < glob.length && glob[g] === text[t]) {
      g += 1;
      t += 1;
    } else if (star >= 0) {
      g = star + 1;
      retry += 1;
      t = retry;
    } else return false;
  }
  return glob.slice(g).replaceAll('*', '') === '';
}

/**
 * Negative if `a` is more specific. At the first segment that differs in kind, a literal comes before one with `*`, more
 * literal characters before fewer, and any segment before an open end. The end of a whole path comes before all. Patterns
 * of the same kinds are compared by the length of their literal parts.
 */
export function comparePatterns(a: PathPattern, b: PathPattern): number {
  const length = Math.max(a.segments.length, b.segments.length);
  for (let i = 0; i <= length; i++) {
    const difference = rankAt(b, i) - rankAt(a, i);
    if (difference !== 0) return difference;
  }
  return 0;
}

const LITERAL = Number.MAX_SAFE_INTEGER - 1;
const WHOLE = Number.MAX_SAFE_INTEGER;

/** How specific a pattern is at a segment. */
function rankAt({ segments, isOpen }: PathPattern, at: number): number {
  const segment = segments[at];
  if (segment === undefined) return isOpen ? -1 : WHOLE;
  return segment.includes('*') ? segment.replaceAll('*', '').length : LITERAL;
}

export const formatPattern = ({ segments, isOpen }: PathPattern): string =>
  `/${[...segments, ...(isOpen ? ['**'] : [])].join('/')}`;

/** Normalizes a pattern like the paths of `pathForms`: decoded, and in lower case. */
export function looseForm({ segments, isOpen }: PathPattern): PathPattern {
  const decode = (segment: string): string =>
    segment
      .replaceAll(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return { segments: segments.map(decode), isOpen };
}
