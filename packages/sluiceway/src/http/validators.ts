import type { ReadonlyFields } from './fields.js';
import { parseHttpDate } from './http-date.js';

/** What tells one state of a representation from any other (RFC 9110 section 8.8). */
export interface Validator {
  field: 'ETag' | 'Last-Modified';
  /** Byte for byte, as it is sent back in `If-Range`. */
  value: string;
  /**
   * A strong one changes with every byte (RFC 9110 section 8.8.1). An opaque one is no entity tag by its syntax (Swift and
   * WEBrick send `ETag: abc`): it can be compared, and must not be sent, because no rule says what a server makes of it.
   */
  strength: 'strong' | 'opaque';
}

const STRONG_ETAG = /^"[\x21\x23-\x7e\x80-\xff]*"$/;
const BARE_ETAG = /^(?!W\/)[\x21\x23-\x7e\x80-\xff]+$/i;

/** Clocks of the origin server and of this machine may differ by that much (RFC 9110 section 8.8.2.2). */
const SKEW_MS = 60_000;

/**
 * The validator by which a representation is recognised, or null. An entity tag goes before a date. Beside a weak tag,
 * which may stay the same when bytes change, only a date counts.
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
 * `Last-Modified`, where it is at least a second older than `Date`: nobody can have changed the representation twice
 * within it (RFC 9110 section 8.8.2.2). A response without `Date` has the date of its receipt (section 6.6.1), by a clock
 * that may differ from the origin server's.
 */
function findStrongDate(fields: ReadonlyFields, receivedAt: number): string | null {
  const [value, ...more] = fields.getAll('last-modified');
  const modified = parseHttpDate(value);
  if (value === undefined || more.length > 0 || modified === null) return null;
  const date = fields.has('date') ? parseHttpDate(fields.get('date')) : receivedAt - SKEW_MS;
  return date !== null && date - modified >= 1000 ? value : null;
}
