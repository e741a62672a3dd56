import { type Fields, isToken, type ReadonlyFields } from './fields.js';

/** The proxy's own knowledge of the client's request. */
export interface ForwardedFacts {
  /** Address of the peer from the socket. Null if there is none (a Unix socket). */
  clientAddress: string | null;
  /** The Host that the client requested. Null if there is none. */
  host: string | null;
  proto: 'http' | 'https';
  /** Whether the peer's own forwarding fields are trusted. */
  trusted: boolean;
}

/** Selects additional fields to set. */
export interface ForwardedExtras {
  /** X-Forwarded-Port: the port that the client requested, also if it is implicit in Host. */
  port: boolean;
  /**
   * X-Forwarded-Prefix: `mountPath`, the prefix removed from the client's path before this proxy. Null does not set the
   * field.
   */
  prefix: string | null;
}

const NO_EXTRAS: ForwardedExtras = { port: false, prefix: null };

/**
 * Sets X-Forwarded-For, -Host and -Proto, and the fields that `extras` selects. Updates Forwarded (RFC 7239) if a
 * trusted peer sent it.
 *
 * For an untrusted peer, these fields are replaced, and all other `X-Forwarded-*` fields, Forwarded and X-Real-IP are
 * removed. For a trusted peer, the peer's address is appended to its chain, folded into one line; its Host, Proto and
 * Port are kept; and its Prefix comes before this proxy's. A peer without an address adds nothing to a chain. If it is
 * untrusted, no chain is sent.
 */
export function setForwardedFields(
  fields: Fields,
  facts: ForwardedFacts,
  { port, prefix }: ForwardedExtras = NO_EXTRAS,
): void {
  const address = facts.clientAddress === null ? null : plainAddress(facts.clientAddress);
  // Proxies do not send `X_Forwarded_For`. If a trusted proxy sends it, its client has set it.
  if (mayClaim(fields))
    fields.retain((name) => !isForwardingField(name) || (facts.trusted && !name.includes('_')));
  if (!facts.trusted) {
    if (facts.clientAddress === null) return;
    if (address !== null) fields.append('X-Forwarded-For', address);
    if (facts.host !== null) fields.append('X-Forwarded-Host', facts.host);
    fields.append('X-Forwarded-Proto', facts.proto);
    if (port) fields.append('X-Forwarded-Port', portOf(facts.host ?? '', facts.proto));
    if (prefix !== null && prefix !== '') fields.append('X-Forwarded-Prefix', prefix);
    return;
  }
  if (address !== null) appendToList(fields, 'X-Forwarded-For', address);
  keepLastOr(fields, 'X-Forwarded-Host', facts.host);
  keepLastOr(fields, 'X-Forwarded-Proto', facts.proto);
  if (port) {
    const host = fields.list('x-forwarded-host').at(-1) ?? '';
    const proto = fields.list('x-forwarded-proto').at(-1) ?? facts.proto;
    keepLastOr(fields, 'X-Forwarded-Port', portOf(host, proto));
  }
  if (prefix !== null && prefix !== '') fields.set('X-Forwarded-Prefix', forwardedPrefix(fields) + prefix);
  if (fields.has('forwarded')) {
    appendToList(
      fields,
      'Forwarded',
      formatForwardedElement({ for: address, host: facts.host, proto: facts.proto }),
    );
  }
}

/** Returns the port of an authority, or the default port of the scheme. */
const portOf = (host: string, proto: string): string =>
  /:(\d+)$/.exec(host)?.[1] ?? (proto.toLowerCase() === 'https' ? '443' : '80');

/**
 * Returns the value of X-Forwarded-Prefix, to which each proxy has added what it removed from the path. `''` if nothing
 * was removed.
 */
export function forwardedPrefix(fields: ReadonlyFields): string {
  return fields
    .list('x-forwarded-prefix')
    .filter((member) => /^\/[\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e]*$/.test(member))
    .map((member) => member.replace(/\/$/, ''))
    .join('');
}

/** Formats an element of Forwarded (RFC 7239 section 4). A null host is omitted; a null address is `unknown`. */
export function formatForwardedElement(element: {
  for: string | null;
  host: string | null;
  proto: 'http' | 'https';
}): string {
  const host = element.host === null || element.host === '' ? '' : `;host=${formatValue(element.host)}`;
  return `for=${formatForwardedNode(element.for)}${host};proto=${element.proto}`;
}

/**
 * Formats a node (RFC 7239 section 6). IPv6 is bracketed and therefore quoted. Anything that is not an address is
 * `unknown`.
 */
export function formatForwardedNode(address: string | null): string {
  const plain = address === null ? null : plainAddress(address);
  if (plain === null) return 'unknown';
  return plain.includes(':') ? `"[${plain}]"` : plain;
}

/**
 * Normalizes an address for other programs: no zone, no brackets, IPv4-mapped addresses as IPv4. Returns null for
 * anything that does not look like an address.
 */
export function plainAddress(address: string): string | null {
  const zone = address.indexOf('%');
  let plain = zone < 0 ? address : address.slice(0, zone);
  if (plain.startsWith('[') && plain.endsWith(']')) plain = plain.slice(1, -1);
  // A dual-stack listener reports IPv4 peers like this.
  if (plain.includes('.') && /^::ffff:/i.test(plain)) plain = plain.slice(7);
  return ADDRESS.test(plain) ? plain : null;
}

/** Only distinguishes addresses from names: the text comes from the operating system. */
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f]{0,4}:[\da-f:]*(?:\d{1,3}(?:\.\d{1,3}){3})?)$/i;

/** Reports whether any name starts like a forwarding field. This fast check skips the full one for most requests. */
function mayClaim(fields: Fields): boolean {
  const raw = fields.raw;
  for (let i = 0; i < raw.length; i += 2) {
    const first = (raw[i] ?? '').charCodeAt(0) | 0x20;
    if (first === 0x78 || first === 0x66) return true;
  }
  return false;
}

/**
 * Reports whether a field states who the client is: Forwarded, X-Real-IP and names that begin with `X-Forwarded-`, in
 * any case. `_` counts as `-`, because CGI and similar interfaces map both to the same variable (RFC 3875 section
 * 4.1.18).
 */
export const isForwardingField = (name: string): boolean =>
  /^(?:forwarded$|x[-_]real[-_]ip$|x[-_]forwarded[-_])/i.test(name);

/** Folds all lines of a list into one, with `member` last. */
function appendToList(fields: Fields, name: string, member: string): void {
  const lines = fields.getAll(name).filter((line) => line !== '');
  lines.push(member);
  fields.set(name, lines.join(', '));
}

/** If a trusted peer sent several lines, its own is the last. */
function keepLastOr(fields: Fields, name: string, value: string | null): void {
  const lines = fields.getAll(name);
  const last = lines.at(-1) ?? '';
  if (last !== '') {
    if (lines.length > 1) fields.set(name, last);
  } else if (value === null) {
    fields.delete(name);
  } else {
    fields.set(name, value);
  }
}

function formatValue(text: string): string {
  return isToken(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
