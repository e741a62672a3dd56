import type { ReadonlyFields } from './fields.js';

/**
 * How many servers a request may still be passed on to, or null where nothing limits it (RFC 9110 section 7.6.2:
 * the field counts for OPTIONS and TRACE only). At 0 the proxy itself is the one that is asked.
 */
export function maxForwards(method: string, fields: ReadonlyFields): number | null {
  if (method !== 'OPTIONS' && method !== 'TRACE') return null;
  const value = fields.get('max-forwards');
  return value !== undefined && /^[0-9]{1,15}$/.test(value) ? Number(value) : null;
}
