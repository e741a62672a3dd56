import { createHash } from 'node:crypto';
import type { TransferRecord } from '../../src/index.js';
import { until } from './until.js';

/** A digest as a member of `Repr-Digest` and `Content-Digest`. */
export const memberOf = (content: string | Uint8Array, algorithm: 'sha256' | 'sha512' = 'sha256'): string =>
  `sha-${algorithm.slice(3)}=:${createHash(algorithm).update(content).digest('base64')}:`;

/** The same digest in the form of `sha256sum` and container images. */
export const hexOf = (content: string | Uint8Array, algorithm: 'sha256' | 'sha512' = 'sha256'): string =>
  `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`;

/** The record of a response that was refused because of its digest. */
export const MISMATCH = { outcome: 'upstream_invalid', error: 'http_response_digest_mismatch' } as const;

/** Waits for the first record and returns the records: a client sees the end before it is recorded. */
export async function ended(records: readonly TransferRecord[]): Promise<readonly TransferRecord[]> {
  await until(() => records.length > 0, 'the transfer had ended');
  return records;
}
