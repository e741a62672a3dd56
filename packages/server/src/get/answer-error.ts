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

/**
 * `digest`: the one that the content must have, as its user has written it; null if none is known. Any other exception
 * is a bug, and is thrown again.
 */
export function toGetError(error: unknown, digest: string | null): GetError {
  if (error instanceof GetError) return error;
  if (!(error instanceof SluicewayError)) throw error;
  const isMismatch = error.code === 'http_response_digest_mismatch';
  const isDigest = isMismatch || error.code === 'digest_unavailable';
  const message = isMismatch && digest !== null ? wrongDigest(digest) : error.message;
  return new GetError(isDigest ? 'digest' : 'network', message, {
    cause: error,
    isTransient: mayPass(error),
  });
}

export const wrongDigest = (digest: string): string => `the content does not have the digest ${digest}`;
