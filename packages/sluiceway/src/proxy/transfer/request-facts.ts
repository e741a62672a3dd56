import type { ReadonlyFields } from '../../http/fields.js';
import type { LimitedRequest } from '../../limits/keys.js';

/** What a transfer reads of the client's request. */
export interface RequestFacts extends LimitedRequest {}

/** The bytes of content that a head announces; null if it announces none. */
export function announcedLength(headers: ReadonlyFields | null | undefined): number | null {
  const value = headers?.get('content-length');
  return value === undefined ? null : Number(value);
}
