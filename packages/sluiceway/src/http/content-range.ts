/** A part of a representation, as a response says it (RFC 9110 section 14.4). Positions count from 0. */
export interface ContentRange {
  first: number;
  /** The last byte that is in it. */
  last: number;
  /** Bytes of the part. */
  length: number;
  /** Bytes of the whole; null where the sender does not know. */
  total: number | null;
  /** False where one of the numbers is beyond 2^53 - 1 and so is only close to what the sender has said. */
  isExact: boolean;
}

const RANGE = /^bytes +(\d{1,19})-(\d{1,19})\/(?:(\d{1,19})|\*)$/i;
const UNSATISFIED = /^bytes +\*\/(\d{1,19})$/i;
const MAX_LENGTH = 2n ** 63n - 1n;

/** Null for what is none in bytes, cannot be one, or has a number beyond 2^63 - 1. */
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
 * Where a part of no bytes lies, of which some servers say `bytes 11-10/11` instead of answering 416: the position after
 * the end of the representation, which is its length. Null for anything else.
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
 * How long a representation is of which a range was asked that it does not have (416); null where that is not said, or
 * not as a number up to 2^53 - 1.
 */
export function parseUnsatisfiedRange(value: string | undefined): number | null {
  const [, total] = UNSATISFIED.exec(value ?? '') ?? [];
  return total !== undefined && isSafe(Number(total)) ? Number(total) : null;
}

/** A request for the bytes from `first` to `last` (RFC 9110 section 14.1.2); null: to the end. */
export const formatRange = (first: number, last: number | null): string => `bytes=${first}-${last ?? ''}`;

const isSafe = Number.isSafeInteger;
