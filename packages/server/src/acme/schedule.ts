import type { X509Certificate } from 'node:crypto';

const MINUTE_MS = 60_000;

/** The pause after the first failure. It doubles with each further one. Authorities limit failures to a few per hour. */
const FIRST_PAUSE_MS = 5 * MINUTE_MS;
const LONGEST_PAUSE_MS = 6 * 60 * MINUTE_MS;

/**
 * When to renew a certificate, in milliseconds since 1970: after two thirds of its life. `random` is from 0 to 1 and moves
 * the time by up to a twentieth of the life, so that certificates of the same day do not stay together.
 */
export function renewalTime({ validFrom, validTo }: X509Certificate, random: number): number {
  const begin = Date.parse(validFrom);
  const life = Date.parse(validTo) - begin;
  return begin + life * (2 / 3 + (random - 0.5) / 10);
}

/** The pause after a number of failures, at least as long as the authority asks for. */
export function retryPauseMs(failures: number, retryAfterMs: number, random: number): number {
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10), LONGEST_PAUSE_MS);
  return Math.max(pause, Math.min(retryAfterMs, 24 * 60 * MINUTE_MS)) + random * MINUTE_MS;
}
