import { parseHttpDate } from './http-date.js';

/** Returns how many milliseconds to wait (RFC 9110 section 10.2.3). Null if the value is missing or invalid. */
export function parseRetryAfter(value: string | undefined, now: number = Date.now()): number | null {
  if (value === undefined) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = parseHttpDate(value);
  return date === null ? null : Math.max(0, date - now);
}

/** A `Retry-After` of 3 to 7 seconds. Clients that were refused together should not come back together. */
export const retrySoon = (): string => String(3 + Math.floor(Math.random() * 5));
