import type { ReadonlyFields } from './fields.js';
import { parseHttpDate } from './http-date.js';

/** What tells one state of a representation from any other, byte for byte (RFC 9110 section 8.8.1). */
export interface Validator {
  field: 'ETag' | 'Last-Modified';
  /** Byte for byte, as it is sent back in `If-Range`. */
  value: string;
}

const STRONG_ETAG = /^"[\x21\x23-\x7e\x80-\xff]*"$/;

/**
 * The strong validator of a response, or null. A date is one only where it is at least a second older than `Date`,
 * since nobody could have changed the representation twice within it (RFC 9110 section 8.8.2.2), and where there is
 * no entity tag, not even a weak one (section 13.1.5).
 */
export function strongValidator(fields: ReadonlyFields): Validator | null {
  const etags = fields.getAll('etag');
  if (etags.length > 0) {
    const [value = ''] = etags;
    return etags.length === 1 && STRONG_ETAG.test(value) ? { field: 'ETag', value } : null;
  }
  const [value, ...more] = fields.getAll('last-modified');
  const modified = parseHttpDate(value);
  const date = parseHttpDate(fields.get('date'));
  if (value === undefined || more.length > 0 || modified === null || date === null) return null;
  return date - modified >= 1000 ? { field: 'Last-Modified', value } : null;
}
