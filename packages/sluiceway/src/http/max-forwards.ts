import type { ReadonlyFields } from './fields.js';

/**
 * Returns how many servers may still forward a request, or null for no limit. The field applies only to OPTIONS and
 * TRACE (RFC 9110 section 7.6.2). At 0, the proxy itself is the final recipient.
 */
export function maxForwards(method: string, fields: ReadonlyFields): number | null {
  if (method !== 'OPTIONS' && method !== 'TRACE') return null;
  const value = fields.get('max-forwards');
  return value !== undefined && /^[0-9]{1,15}$/.test(value) ? Number(value) : null;
}
