/** A quota, and what is left of it, for the fields of draft-ietf-httpapi-ratelimit-headers-11. */
export interface Quota {
  /** Letters, digits, `-` and `_`. */
  name: string;
  /** Null: it is not consumed over time. */
  windowSeconds: number | null;
  unit: 'requests' | 'content-bytes' | 'concurrent-requests';
  limit: number;
  remaining: number;
  /** Null if unknown. */
  resetSeconds: number | null;
}

/** Integers of structured fields have at most 15 digits (RFC 9651 section 3.3.1). */
const MAX_INTEGER = 999_999_999_999_999;

const toInteger = (value: number): string => String(Math.max(0, Math.min(MAX_INTEGER, Math.floor(value))));

/** The value of `RateLimit-Policy` (section 3). */
export const formatPolicies = (quotas: readonly Quota[]): string =>
  quotas
    .map(({ name, limit, unit, windowSeconds }) => {
      const ofUnit = unit === 'requests' ? '' : `;qu="${unit}"`;
      const window = windowSeconds === null ? '' : `;w=${toInteger(Math.max(1, windowSeconds))}`;
      return `"${name}";q=${toInteger(limit)}${ofUnit}${window}`;
    })
    .join(', ');

/** The value of `RateLimit` (section 4). */
export const formatRateLimits = (quotas: readonly Quota[]): string =>
  quotas
    .map(({ name, remaining, resetSeconds }) => {
      const reset = resetSeconds === null ? '' : `;t=${toInteger(Math.ceil(resetSeconds))}`;
      return `"${name}";r=${toInteger(remaining)}${reset}`;
    })
    .join(', ');
