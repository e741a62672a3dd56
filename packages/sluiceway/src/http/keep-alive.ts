import type { ReadonlyFields } from './fields.js';

/** Reports whether the sender of a response accepts another request on its connection (RFC 9112 section 9.3). */
export function allowsReuse(httpVersion: '1.0' | '1.1', fields: ReadonlyFields): boolean {
  const connection = fields.get('connection');
  if (connection === undefined) return httpVersion === '1.1';
  // Fast path: nearly every origin server sends exactly this.
  if (connection === 'keep-alive' && fields.getAll('connection').length === 1) return true;
  const options = fields.list('connection').map((option) => option.toLowerCase());
  if (options.includes('close')) return false;
  return httpVersion === '1.1' || options.includes('keep-alive');
}

/**
 * Returns how long the sender keeps an idle connection, in milliseconds, from `Keep-Alive: timeout=5`. The result is
 * one second less, so that the proxy closes first. Infinity if the field does not say.
 */
export function idleLimitMs(fields: ReadonlyFields): number {
  const field = fields.get('keep-alive');
  const seconds = field === undefined ? null : /(?:^|[,;\s])timeout=([0-9]{1,9})/i.exec(field);
  return seconds === null ? Number.POSITIVE_INFINITY : Math.max(0, Number(seconds[1]) * 1000 - 1000);
}
