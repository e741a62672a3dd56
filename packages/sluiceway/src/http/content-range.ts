/** The range of a 206 (RFC 9110 section 14.4). Positions count from 0. */
export interface ContentRange {
  first: number;
  /** Position of the last byte, inclusive. */
  last: number;
  /** Bytes of the range. */
  length: number;
  /** Bytes of the whole representation. Null if the sender does not know. */
  total: number | null;
  /** False if a number exceeds 2^53 - 1 and is therefore only an approximation of the number sent. */
  isExact: boolean;
}

const RANGE = /^bytes +(\d{1,19})-(\d{1,19})\/(?:(\d{1,19})|\*)$/i;
const UNSATISFIED = /^bytes +\*\/(\d{1,19})$/i;
const MAX_LENGTH = 2n ** 63n - 1n;

/** Parses a range in bytes. Returns null if it is missing, invalid, in another unit, or has a number above 2^63 - 1. */
export function parseContentRange(value: string | undefined): ContentRange | null {
  const [, firstText, lastText, totalText] = RANGE.exec(value ?? '') ?? [];
  if (firstText === undefined || lastText === undefined) return null;
  const first = Number(firstText);
  const last = Number(lastText);
  const total = totalText === undefined ? null : Number(totalText);
  if (!isSafe(first) || !isSafe(last) || !isSafe(total ?? 0))
    return parseLarge(firstText, lastText, totalText ?? null);
  if (first > last || (total !== null && last >= total)) return null;
  return { first, last, length: last - first + 1, total, isExact: true };
}

/**
 * Returns the position of an empty range, which some servers send as `bytes 11-10/11` instead of 416: the position
 * after the end of the representation, which is its length. Returns null for anything else.
 */
export function parseEmptyRange(value: string | undefined): number | null {
  const [, first, last, total] = RANGE.exec(value ?? '') ?? [];
  const isEmpty = total !== undefined && first === total && Number(last) === Number(total) - 1;
  return isEmpty && isSafe(Number(total)) ? Number(total) : null;
}

function parseLarge(firstText: string, lastText: string, totalText: string | null): ContentRange | null {
  const first = BigInt(firstText);
  const last = BigInt(lastText);
  const total = totalText === null ? null : BigInt(totalText);
  if (first > last || last >= (total ?? MAX_LENGTH) || (total ?? 0n) > MAX_LENGTH) return null;
  return {
    first: Number(first),
    last: Number(last),
    length: Number(last - first + 1n),
    total: total === null ? null : Number(total),
    isExact: false,
  };
}

/**
 * Returns the length of the representation from the Content-Range of a 416. Null if the field does not give it as a
 * number up to 2^53 - 1.
 */
export function parseUnsatisfiedRange(value: string | undefined): number | null {
  const [, total] = UNSATISFIED.exec(value ?? '') ?? [];
  return total !== undefined && isSafe(Number(total)) ? Number(total) : null;
}

/** Formats a range request for the bytes `first` to `last` (RFC 9110 section 14.1.2). Null: to the end. */
export const formatRange = (first: number, last: number | null): string => `bytes=${first}-${last ?? ''}`;

const isSafe = Number.isSafeInteger;
