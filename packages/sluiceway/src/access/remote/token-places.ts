import type { ReadonlyFields } from '../../http/fields.js';

/** A token, and the text around it. `rest` is null if nothing is left. */
interface Found {
  value: string;
  rest: string | null;
}

/**
 * Reads a cookie (RFC 6265 section 5.4). Null if there is none; `malformed` if there are several of that name, since the
 * origin server could use another one.
 */
export function readCookie(fields: ReadonlyFields, name: string): Found | 'malformed' | null {
  const pairs = fields
    .getAll('cookie')
    .flatMap((line) => line.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '');
  const isWanted = (pair: string): boolean => pair.startsWith(`${name}=`);
  return found(
    pairs.filter(isWanted).map((pair) => pair.slice(name.length + 1).replace(/^"(.*)"$/, '$1')),
    pairs.filter((pair) => !isWanted(pair)).join('; '),
  );
}

/** Reads a parameter of a query. A token has no character that needs an escape. */
export function readParameter(query: string, name: string): Found | 'malformed' | null {
  const pairs = query.split('&');
  const isWanted = (pair: string): boolean => pair.startsWith(`${name}=`);
  return found(
    pairs.filter(isWanted).map((pair) => pair.slice(name.length + 1)),
    pairs.filter((pair) => !isWanted(pair)).join('&'),
  );
}

function found(values: readonly string[], rest: string): Found | 'malformed' | null {
  const [value, ...more] = values;
  if (value === undefined) return null;
  return more.length > 0 ? 'malformed' : { value, rest: rest === '' ? null : rest };
}
