/** The part of a file that a response carries, from `start` up to, but not including, `end`. */
export interface Part {
  start: number;
  end: number;
}

/**
 * Parses a Range field for a file of `size` bytes (RFC 9110 section 14.2). Returns one part, `'unsatisfiable'`, or null
 * if the field has to be ignored because it is absent, malformed or asks for several parts.
 */
export function readRange(range: string | undefined, size: number): Part | 'unsatisfiable' | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range?.trim() ?? '');
  if (!match) return null;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return null;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  if (last !== '' && Number(last) < Number(first)) return null;
  if (Number(first) >= size) return 'unsatisfiable';
  return { start: Number(first), end: last === '' ? size : Math.min(Number(last) + 1, size) };
}

/** If-None-Match (RFC 9110 section 13.1.2): whether the client already has this representation. */
export function hasMatch(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return (
    ifNoneMatch.trim() === '*' ||
    ifNoneMatch.split(',').some((each) => each.trim().replace(/^W\//, '') === etag)
  );
}

/** If-Range (RFC 9110 section 13.1.5): whether a part matches what the client has. True if the field is absent. */
export function isSameRepresentation(
  ifRange: string | undefined,
  etag: string,
  lastModified: string,
): boolean {
  return ifRange === undefined || ifRange === etag || ifRange === lastModified;
}
