import type { ReadonlyFields } from './fields.js';
import { parseHttpDate } from './http-date.js';

/** Identifies one state of a representation (RFC 9110 section 8.8). */
export interface Validator {
  field: 'ETag' | 'Last-Modified';
  /** Byte for byte, as it is sent back in `If-Range`. */
  value: string;
  /**
   * A strong validator changes with every byte (RFC 9110 section 8.8.1). An opaque one is not a valid entity tag (Swift
   * and WEBrick send `ETag: abc`). It can be compared but must not be sent, because its effect on a server is
   * undefined.
   */
  strength: 'strong' | 'opaque';
}

const STRONG_ETAG = /^"[\x21\x23-\x7e\x80-\xff]*"$/;
const BARE_ETAG = /^(?!W\/)[\x21\x23-\x7e\x80-\xff]+$/i;

/** Allowed difference between the clocks of the origin server and of this machine (RFC 9110 section 8.8.2.2). */
const SKEW_MS = 60_000;

/**
 * Returns the validator that identifies a representation, or null. An entity tag takes precedence over a date. Beside a
 * weak tag, which can stay the same when bytes change, only a date counts.
 */
export function findValidator(fields: ReadonlyFields, receivedAt: number = Date.now()): Validator | null {
  const [tag, ...moreTags] = fields.getAll('etag');
  if (moreTags.length > 0) return null;
  if (tag !== undefined && STRONG_ETAG.test(tag)) return { field: 'ETag', value: tag, strength: 'strong' };
  if (tag !== undefined && BARE_ETAG.test(tag)) return { field: 'ETag', value: tag, strength: 'opaque' };
  const date = findStrongDate(fields, receivedAt);
  return date === null ? null : { field: 'Last-Modified', value: date, strength: 'strong' };
}

/**
 * Returns `Last-Modified` if it is at least a second older than `Date`: the representation cannot have changed twice
 * within that second (RFC 9110 section 8.8.2.2). For a response without `Date`, the time of receipt is used (section
 * 6.6.1), by a clock that may differ from the origin server's.
 */
function findStrongDate(fields: ReadonlyFields, receivedAt: number): string | null {
  const [value, ...more] = fields.getAll('last-modified');
  const modified = parseHttpDate(value);
  if (value === undefined || more.length > 0 || modified === null) return null;
  const date = fields.has('date') ? parseHttpDate(fields.get('date')) : receivedAt - SKEW_MS;
  return date !== null && date - modified >= 1000 ? value : null;
}
