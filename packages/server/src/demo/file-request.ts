/** The part of a file that a response carries: `end` is the first byte that it does not. */
export interface Part {
  start: number;
  end: number;
}

/**
 * What a Range field asks of a file of `size` bytes (RFC 9110 section 14.2): one part, `'unsatisfiable'`, or
 * null where the field is to be ignored because it is absent, malformed or asks for several parts.
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

/** If-None-Match (RFC 9110 section 13.1.2): whether the client has this representation already. */
export function hasMatch(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return (
    ifNoneMatch.trim() === '*' ||
    ifNoneMatch.split(',').some((each) => each.trim().replace(/^W\//, '') === etag)
  );
}

/** If-Range (RFC 9110 section 13.1.5): whether a part fits to what the client has. Absent, it does. */
export function isSameRepresentation(
  ifRange: string | undefined,
  etag: string,
  lastModified: string,
): boolean {
  return ifRange === undefined || ifRange === etag || ifRange === lastModified;
}
