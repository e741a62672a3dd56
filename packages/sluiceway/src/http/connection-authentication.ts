import { isNamed, type ReadonlyFields } from './fields.js';

/**
 * Authentication schemes that authenticate the connection instead of the request: NTLM, and SPNEGO under its names (RFC
 * 4559 section 6). A scheme inside a quoted string matches too, which only keeps the connection out of the pool.
 */
const CONNECTION_SCHEME = /(?:^|[\s,])(?:ntlm|negotiate|nego2|kerberos)(?![\w!#$%&'*+.^`|~-])/i;

/** Reports whether the request authenticates the connection that carries it. */
export function hasConnectionCredentials({ raw }: ReadonlyFields): boolean {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const isCredentials =
      (name.length === 13 && isNamed(name, 'authorization')) ||
      (name.length === 19 && isNamed(name, 'proxy-authorization'));
    if (isCredentials && CONNECTION_SCHEME.test(raw[i + 1] ?? '')) return true;
  }
  return false;
}

/**
 * Reports whether the response starts, continues or completes such a handshake. That is a challenge or a final token,
 * with any status, or `Persistent-Auth`, by which IIS states that the connection stays authenticated.
 */
export function authenticatesConnection({ raw }: ReadonlyFields): boolean {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (name.length === 15 && isNamed(name, 'persistent-auth')) {
      if (!/^\s*false\s*$/i.test(raw[i + 1] ?? '')) return true;
      continue;
    }
    const isChallenge =
      (name.length === 16 && isNamed(name, 'www-authenticate')) ||
      (name.length === 18 && isNamed(name, 'proxy-authenticate'));
    if (isChallenge && CONNECTION_SCHEME.test(raw[i + 1] ?? '')) return true;
  }
  return false;
}
