import { pathForms, patternForms } from '../net/path-forms.js';

/** Matches every path as which a server may interpret a path. */
export type PathPattern = (path: string) => boolean;

/** Parses a path in which `*` stands for any characters. Throws a `TypeError`. */
export function parsePathPattern(pattern: string): PathPattern {
  if (!pattern.startsWith('/') && !pattern.startsWith('*'))
    throw new TypeError('must begin with / or *, as in /files/* or *.iso');
  const globs = [...new Set(patternForms(pattern))].map((form) => form.split('*'));
  return (path) => {
    const forms = pathForms(path);
    // A path that cannot be interpreted could be any.
    return forms === null || forms.some((form) => globs.some((parts) => matchesParts(form, parts)));
  };
}

/** Whether text consists of the parts, in their order, with any characters between them. Linear in the text. */
function matchesParts(text: string, parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts;
  if (rest.length === 0) return text === first;
  if (!text.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
