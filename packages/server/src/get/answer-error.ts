import { SluicewayError } from 'sluiceway';
import { parseRetryAfter } from 'sluiceway/options';
import { GetError } from './get-error.js';
import { type Answer, mayPass } from './origin.js';

/** Statuses that another attempt may change. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The error of a response that is not the file. */
export function statusError({ status, headers }: Answer): GetError {
  return new GetError('status', `the server answered with ${status}`, {
    status,
    isTransient: TRANSIENT.has(status),
    retryAfterMs: parseRetryAfter(headers.get('retry-after')),
  });
}

/** Any other exception is a bug, and is thrown again. */
export function toGetError(error: unknown): GetError {
  if (error instanceof GetError) return error;
  if (!(error instanceof SluicewayError)) throw error;
  const isDigest = error.code === 'http_response_digest_mismatch' || error.code === 'digest_unavailable';
  return new GetError(isDigest ? 'digest' : 'network', error.message, {
    cause: error,
    isTransient: mayPass(error),
  });
}
