import { isToken, type ReadonlyFields } from '../../../http/fields.js';

/** The part of a request that the choice of a server can depend on. */
export interface BalancedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string | null;
  readonly headers: ReadonlyFields;
  readonly forwarded: { readonly for: string | null };
}

/** Returns the key that decides which server gets a request; null if the request has none. */
export type KeyOf = (request: BalancedRequest) => string | null;

/** Parses `path`, `uri`, `client`, `header:<name>`, `cookie:<name>` or `query:<name>`. Throws a `TypeError`. */
export function parseHashKey(text: string): KeyOf {
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text : text.slice(0, colon);
  const name = colon < 0 ? '' : text.slice(colon + 1);
  if (colon < 0) {
    if (kind === 'path') return ({ path }) => path;
    if (kind === 'uri') return ({ path, query }) => (query === null ? path : `${path}?${query}`);
    // Without the port, which differs between the connections of one client.
    if (kind === 'client') return ({ forwarded }) => forwarded.for;
  } else if (isToken(name)) {
    if (kind === 'header') return ({ headers }) => headers.get(name) ?? null;
    if (kind === 'cookie') return ({ headers }) => readCookie(headers, name);
    if (kind === 'query') return ({ query }) => new URLSearchParams(query ?? '').get(name);
  }
  throw new TypeError(
    "must be 'path', 'uri', 'client', 'header:<name>', 'cookie:<name>' or 'query:<name>', with a token as the name",
  );
}

/** The value of the first cookie with the name (RFC 6265 section 4.2.1). Null if there is none. */
export function readCookie(headers: ReadonlyFields, name: string): string | null {
  for (const line of headers.getAll('cookie')) {
    for (const pair of line.split(';')) {
      const equals = pair.indexOf('=');
      if (equals >= 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
    }
  }
  return null;
}
