import type { ServerResponse } from 'node:http';
import type { Fields } from '../../http/fields.js';

/** Reports whether the lines that middleware has set and those of the proxy belong together. */
export const isCumulative = (name: string): boolean => /^(?:set-cookie|vary)$/i.test(name);

/**
 * Adds cumulative fields that middleware has set to a response. Otherwise the origin server's lines would replace them,
 * and a session's cookie or a CORS `Vary` would be lost.
 */
export function keepOwnFields(response: ServerResponse, fields: Fields): void {
  const cookies = response.getHeader('set-cookie');
  if (cookies !== undefined && fields.has('set-cookie'))
    for (const cookie of [cookies].flat()) fields.append('Set-Cookie', String(cookie));
  const vary = response.getHeader('vary');
  if (vary !== undefined && fields.has('vary'))
    fields.set('Vary', [...new Set([String(vary), ...fields.getAll('vary')])].join(', '));
}
