import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The kind of network an address belongs to. `class` is a short stable word, `reason` a phrase for logs. */
export interface AddressClass {
  /** True only for public unicast addresses. */
  allowed: boolean;
  class: string;
  reason: string;
}

/**
 * Classifies an address by the IANA special-purpose registries (RFC 6890). Only public unicast is allowed. An IPv6
 * address that embeds an IPv4 address is classified by the IPv4 address if the translation is well known (IPv4-mapped,
 * and NAT64's 64:ff9b::/96). It is refused if it may lead anywhere (6to4, Teredo, ISATAP, IPv4-compatible, local
 * NAT64). Non-canonical forms of an address and zones are refused.
 */
export function classifyAddress(address: string): AddressClass {
  const parsed = parseAddress(address);
  if (parsed === null) return refuse('invalid', `${JSON.stringify(address)} is not an address`);
  if (address.includes('%')) return refuse('zone', `${address} has a zone`);
  return parsed instanceof ipaddr.IPv4 ? classifyIPv4(parsed) : classifyIPv6(parsed);
}

/** Parses canonical forms, as the operating system does. A zone is ignored. Returns null for anything else. */
export function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  const family = isIP(address);
  if (family === 0) return null;
  if (family === 4) return ipaddr.IPv4.parse(address);
  const zone = address.indexOf('%');
  const text = zone < 0 ? address : address.slice(0, zone);
  if (!text.includes('.')) return ipaddr.IPv6.parse(text);
  // ipaddr.js parses `::a.b.c.d` as `::ffff:a.b.c.d`, but a connection would go to another address.
  const tail = text.lastIndexOf(':') + 1;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(text.slice(tail)).octets;
  return ipaddr.IPv6.parse(`${text.slice(0, tail)}${toHex(a, b)}:${toHex(c, d)}`);
}

/** Returns the IPv4 address in an IPv4-mapped (::ffff:0:0/96) or NAT64 (64:ff9b::/96) address, else null. */
export function embeddedIPv4(address: ipaddr.IPv6): ipaddr.IPv4 | null {
  const [a, b, c, d, e, f, high = 0, low = 0] = address.parts;
  if (c !== 0 || d !== 0 || e !== 0) return null;
  const mapped = a === 0 && b === 0 && f === 0xffff;
  const nat64 = a === 0x64 && b === 0xff9b && f === 0;
  return mapped || nat64 ? new ipaddr.IPv4([high >> 8, high & 0xff, low >> 8, low & 0xff]) : null;
}

/** Not in a registry, but not public either: Azure serves its hosts' metadata and DNS at this address. */
const AZURE_HOST = '168.63.129.16';

function classifyIPv4(address: ipaddr.IPv4): AddressClass {
  const text = address.toString();
  if (text === AZURE_HOST) return refuse('cloudMetadata', `${text} belongs to the cloud's host`);
  const range = address.range();
  return range === 'unicast' ? allow(text) : refuse(range, `${text} is in a ${range} range`);
}

function classifyIPv6(address: ipaddr.IPv6): AddressClass {
  const text = address.toRFC5952String();
  const embedded = embeddedIPv4(address);
  if (embedded !== null) {
    const inner = classifyIPv4(embedded);
    return inner.allowed ? allow(text) : refuse(inner.class, `${text} stands for ${inner.reason}`);
  }
  const range: string = address.range();
  if (range !== 'unicast') return refuse(range, `${text} is in a ${range} range`);
  const parts = address.parts;
  const first = parts[0] ?? 0;
  if (parts.slice(0, 6).every((part) => part === 0))
    return refuse('ipv4Compatible', `${text} is IPv4-compatible`);
  // RFC 4291 section 2.4: addresses outside 2000::/3 are not assigned for use on the internet.
  if (first >> 13 !== 1) return refuse('reserved', `${text} is not global unicast`);
  // RFC 5214 section 6.1: the interface identifier embeds any IPv4 address, under any prefix.
  if (parts[5] === 0x5efe && ((parts[4] ?? 0) & 0xfdff) === 0)
    return refuse('isatap', `${text} is an ISATAP address`);
  return allow(text);
}

const allow = (text: string): AddressClass => ({
  allowed: true,
  class: 'unicast',
  reason: `${text} is public`,
});

const refuse = (name: string, reason: string): AddressClass => ({ allowed: false, class: name, reason });

const toHex = (high: number, low: number): string => ((high << 8) | low).toString(16);
