import { isToken, type ReadonlyFields } from './fields.js';

/**
 * Reports whether the proxy forwards a member of `Upgrade`: `protocol-name ["/" protocol-version]`, both tokens, and
 * not a version of HTTP. Over HTTP/2, a client could bypass all rules of the proxy. Servers accept many spellings of
 * it: `h2c`, `h2`, `h2c-17`, `HTTP/2.0`, in any case, in quotes.
 */
function isForwarded(protocol: string): boolean {
  const slash = protocol.indexOf('/');
  const name = slash < 0 ? protocol : protocol.slice(0, slash);
  const version = slash < 0 ? '1' : protocol.slice(slash + 1);
  return isToken(name) && isToken(version) && !HTTP.test(name);
}

/** Also `h3`, draft names such as `h2-14`, and names in single quotes, which are tokens. */
const HTTP = /^[^a-z0-9]*(?:h[23]c?|http)(?![a-z])/i;

/**
 * Returns the protocols that a request asks to switch to (RFC 9110 section 7.8). Null if there is no `Upgrade` that
 * `Connection` confirms, or for HTTP/1.0. Versions of HTTP and invalid members are excluded.
 */
export function wantedProtocol(httpVersion: string, fields: ReadonlyFields): string | null {
  if (httpVersion === '1.0' || !fields.has('upgrade')) return null;
  if (!fields.list('connection').some((option) => option.toLowerCase() === 'upgrade')) return null;
  const wanted = listProtocols(fields);
  return wanted.length === 0 ? null : wanted.join(', ');
}

/**
 * Returns the protocols that a 426 offers its client; the status requires the field (RFC 9110 section 15.5.22). `''` if
 * the proxy would forward none of them.
 */
export function offeredProtocols(fields: ReadonlyFields): string {
  return listProtocols(fields).join(', ');
}

const listProtocols = (fields: ReadonlyFields): string[] => fields.list('upgrade').filter(isForwarded);

/** Reports whether the protocol that the origin server switched to was requested. */
export function isAgreed(wanted: string, switchedTo: string | undefined): boolean {
  if (switchedTo === undefined || !isForwarded(switchedTo)) return false;
  const chosen = switchedTo.toLowerCase();
  return wanted.split(',').some((protocol) => protocol.trim().toLowerCase() === chosen);
}
