import { type Fields, isToken, type ReadonlyFields } from './fields.js';

/** What the proxy itself knows of the client's request. */
export interface ForwardedFacts {
  /** Address of the peer as the socket names it; null where there is none (a Unix socket). */
  clientAddress: string | null;
  /** The Host that the client asked for; null where it named none. */
  host: string | null;
  proto: 'http' | 'https';
  /** Whether the peer's own forwarding fields may be believed. */
  trusted: boolean;
}

/** Which further fields are set. */
export interface ForwardedExtras {
  /** X-Forwarded-Port: the port that the client asked for, whether or not it stands in Host. */
  port: boolean;
  /** X-Forwarded-Prefix: `mountPath`, what was taken off the client's path before this proxy; null sets none. */
  prefix: string | null;
}

const NO_EXTRAS: ForwardedExtras = { port: false, prefix: null };

/**
 * Sets X-Forwarded-For, -Host and -Proto, and those that `extras` names, and keeps Forwarded (RFC 7239) true where a trusted peer sent it.
 *
 * An untrusted peer's copies are replaced, and whatever else it claims in an `X-Forwarded-*` field, Forwarded or
 * X-Real-IP is removed. A trusted peer's chain gets the peer's address appended, folded into one line, and its
 * Host, Proto and Port are kept, and its Prefix stands before ours. A peer without an address adds nothing to a chain, and gets no field if untrusted.
 */
export function setForwardedFields(
  fields: Fields,
  facts: ForwardedFacts,
  { port, prefix }: ForwardedExtras = NO_EXTRAS,
): void {
  const address = facts.clientAddress === null ? null : plainAddress(facts.clientAddress);
  // No proxy means `X_Forwarded_For`; one that is trusted has passed it on from its client.
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

/** The port of an authority, or the one that goes without saying. */
const portOf = (host: string, proto: string): string =>
  /:(\d+)$/.exec(host)?.[1] ?? (proto.toLowerCase() === 'https' ? '443' : '80');

/** What X-Forwarded-Prefix says: each proxy has added what it took off the path. `''` where that is nothing. */
export function forwardedPrefix(fields: ReadonlyFields): string {
  return fields
    .list('x-forwarded-prefix')
    .filter((member) => /^\/[\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e]*$/.test(member))
    .map((member) => member.replace(/\/$/, ''))
    .join('');
}

/** One element of Forwarded (RFC 7239 section 4). A null host is left out, a null address is `unknown`. */
export function formatForwardedElement(element: {
  for: string | null;
  host: string | null;
  proto: 'http' | 'https';
}): string {
  const host = element.host === null || element.host === '' ? '' : `;host=${formatValue(element.host)}`;
  return `for=${formatForwardedNode(element.for)}${host};proto=${element.proto}`;
}

/** A node (RFC 7239 section 6): IPv6 is bracketed and therefore quoted; what is no address is `unknown`. */
export function formatForwardedNode(address: string | null): string {
  const plain = address === null ? null : plainAddress(address);
  if (plain === null) return 'unknown';
  return plain.includes(':') ? `"[${plain}]"` : plain;
}

/**
 * An address as other programs expect it: no zone, no brackets, an IPv4-mapped one as IPv4. Null for anything
 * that does not look like an address.
 */
export function plainAddress(address: string): string | null {
  const zone = address.indexOf('%');
  let plain = zone < 0 ? address : address.slice(0, zone);
  if (plain.startsWith('[') && plain.endsWith(']')) plain = plain.slice(1, -1);
  // So a dual-stack listener names its IPv4 peers.
  if (plain.includes('.') && /^::ffff:/i.test(plain)) plain = plain.slice(7);
  return ADDRESS.test(plain) ? plain : null;
}

/** Tells addresses from names, no more: the text comes from the operating system. */
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f]{0,4}:[\da-f:]*(?:\d{1,3}(?:\.\d{1,3}){3})?)$/i;

/** Whether any name starts as the forwarding fields do: most requests are spared the closer look. */
function mayClaim(fields: Fields): boolean {
  const raw = fields.raw;
  for (let i = 0; i < raw.length; i += 2) {
    const first = (raw[i] ?? '').charCodeAt(0) | 0x20;
    if (first === 0x78 || first === 0x66) return true;
  }
  return false;
}

/**
 * Whether a field says who the client is: Forwarded, X-Real-IP and whatever begins with `X-Forwarded-`, in any case.
 * Also with `_` for `-`: what CGI and its like make of a name is the same (RFC 3875 section 4.1.18).
 */
export const isForwardingField = (name: string): boolean =>
  /^(?:forwarded$|x[-_]real[-_]ip$|x[-_]forwarded[-_])/i.test(name);

/** Folds all lines of a list into one, with `member` last. */
function appendToList(fields: Fields, name: string, member: string): void {
  const lines = fields.getAll(name).filter((line) => line !== '');
  lines.push(member);
  fields.set(name, lines.join(', '));
}

/** Where a trusted peer sent several lines, its own is the last. */
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
