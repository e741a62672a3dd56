import type { SluicewayError } from '../../errors.js';
import { isIdempotent } from '../request-rules.js';
import type { BudgetSettings } from './retry-budget.js';

/** Checked values of `retry`. */
export interface RetrySettings {
  /** Most retries of one request after its first attempt. */
  max: number;
  /** Most requests that are being retried at a time. Null: no limit. */
  maxConcurrent: number | null;
  /** Statuses after which another server is tried. */
  statuses: ReadonlySet<number>;
  /** Bytes of request content that are kept, to send them again. */
  maxContent: number;
  budget: BudgetSettings;
  /** Time to connect while another server can be tried. Null: as for any request. */
  connectTimeoutMs: number | null;
}

/** One attempt that has failed. */
export interface FailedAttempt {
  method: string;
  /** Whether the content can be sent again from its first byte; true if there is none. */
  isContentKept: boolean;
  /** Whether the address of the server was found by the group, and is not in the options. */
  isResolved: boolean;
  /** Whether there was a connection that the request can have been written to. */
  wasConnected: boolean;
}

/** Whether nothing of the request can have reached the server. */
export const isUnsent = (error: SluicewayError, { wasConnected, isResolved }: FailedAttempt): boolean =>
  !wasConnected &&
  (error.retryable ||
    error.code === 'connection_limit_reached' ||
    // Of several addresses of a name some can be allowed.
    (isResolved && error.code === 'destination_ip_prohibited'));

/**
 * Whether a request that failed without a response head may be sent to another server: if the server cannot have got it,
 * or if its method is idempotent (RFC 9110 section 9.2.2).
 */
export function mayRetry(error: SluicewayError, attempt: FailedAttempt): boolean {
  if (!attempt.isContentKept) return false;
  if (isUnsent(error, attempt)) return true;
  return error.source === 'upstream' && isIdempotent(attempt.method);
}

const FIRST_BACKOFF_MS = 25;
const MAX_BACKOFF_MS = 1000;

/** How long to wait before a server is asked again: exponentially longer, half of it random. */
export function backoffMs(rounds: number, random: () => number = Math.random): number {
  const ms = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (rounds - 1));
  return ms / 2 + (ms / 2) * random();
}
