import { isToken, type ReadonlyFields } from './fields.js';

/**
 * Whether a member of `Upgrade` is a protocol that we would pass on: `protocol-name ["/" protocol-version]`, both
 * tokens, and no version of HTTP. Behind HTTP/2 a client could speak to the origin server past every rule of ours, and
 * servers take many spellings for it: `h2c`, `h2`, `h2c-17`, `HTTP/2.0`, in any case, in quotes.
 */
function isForwarded(protocol: string): boolean {
  const slash = protocol.indexOf('/');
  const name = slash < 0 ? protocol : protocol.slice(0, slash);
  const version = slash < 0 ? '1' : protocol.slice(slash + 1);
  return isToken(name) && isToken(version) && !HTTP.test(name);
}

/** Also `h3`, the names of drafts such as `h2-14`, and names in single quotes, which are tokens. */
const HTTP = /^[^a-z0-9]*(?:h[23]c?|http)(?![a-z])/i;

/**
 * The protocols that a request asks its connection to change to (RFC 9110 section 7.8), or null: there is no
 * `Upgrade` that `Connection` confirms, or it is HTTP/1.0. No version of HTTP is among them, nor what is no protocol.
 */
export function wantedProtocol(httpVersion: string, fields: ReadonlyFields): string | null {
  if (httpVersion === '1.0' || !fields.has('upgrade')) return null;
  if (!fields.list('connection').some((option) => option.toLowerCase() === 'upgrade')) return null;
  const wanted = listProtocols(fields);
  return wanted.length === 0 ? null : wanted.join(', ');
}

/**
 * What a 426 offers, for its client: a response of that status must have it (RFC 9110 section 15.5.22). `''` where
 * there is nothing that we would pass on.
 */
export function offeredProtocols(fields: ReadonlyFields): string {
  return listProtocols(fields).join(', ');
}

const listProtocols = (fields: ReadonlyFields): string[] => fields.list('upgrade').filter(isForwarded);

/** Whether the protocol that the origin server switched to is one of those that were asked for. */
export function isAgreed(wanted: string, switchedTo: string | undefined): boolean {
  if (switchedTo === undefined || !isForwarded(switchedTo)) return false;
  const chosen = switchedTo.toLowerCase();
  return wanted.split(',').some((protocol) => protocol.trim().toLowerCase() === chosen);
}
