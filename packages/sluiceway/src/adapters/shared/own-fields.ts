import type { ServerResponse } from 'node:http';
import type { Fields } from '../../http/fields.js';

/**
 * Adds to the fields of a response what middleware has set of those that add up: otherwise the origin server's take the
 * place of all others of their name, and a session's cookie or the `Vary` of cross-origin requests is lost.
 */
export function keepOwnFields(response: ServerResponse, fields: Fields): void {
  const cookies = response.getHeader('set-cookie');
  if (cookies !== undefined && fields.has('set-cookie'))
    for (const cookie of [cookies].flat()) fields.append('Set-Cookie', String(cookie));
  const vary = response.getHeader('vary');
  if (vary !== undefined && fields.has('vary'))
    fields.set('Vary', [...new Set([String(vary), ...fields.getAll('vary')])].join(', '));
}
