/** A part of a representation, as a response says it (RFC 9110 section 14.4). Positions count from 0. */
export interface ContentRange {
  first: number;
  /** The last byte that is in it. */
  last: number;
  /** Bytes of the whole; null where the sender does not know. */
  total: number | null;
}

const RANGE = /^bytes +(\d{1,15})-(\d{1,15})\/(?:(\d{1,15})|\*)$/i;
const UNSATISFIED = /^bytes +\*\/(\d{1,15})$/i;

/** Null for what is none in bytes, or cannot be. */
export function parseContentRange(value: string | undefined): ContentRange | null {
  const [, firstText, lastText, totalText] = RANGE.exec(value ?? '') ?? [];
  if (firstText === undefined) return null;
  const first = Number(firstText);
  const last = Number(lastText);
  const total = totalText === undefined ? null : Number(totalText);
  return first > last || (total !== null && last >= total) ? null : { first, last, total };
}

/** How long a representation is of which a range was asked that it does not have (416); null where that is not said. */
export function parseUnsatisfiedRange(value: string | undefined): number | null {
  const [, total] = UNSATISFIED.exec(value ?? '') ?? [];
  return total === undefined ? null : Number(total);
}

/** A request for the bytes from `first` to `last` (RFC 9110 section 14.1.2); null: to the end. */
export const formatRange = (first: number, last: number | null): string => `bytes=${first}-${last ?? ''}`;
