import ipaddr from 'ipaddr.js';
import { embeddedIPv4, parseAddress } from './address-class.js';

/**
 * Returns the key by which a client is counted and recognized. It is the same for every spelling of the address:
 *
 * - an IPv4 address, also if it is IPv4-mapped (`::ffff:192.0.2.7`) or NAT64 (`64:ff9b::192.0.2.7`);
 * - the /64 of an IPv6 address, or the network of `ipv6Bits`. A host usually has a whole /64, and changes its address within it (RFC 8981). An IPv6
 *   zone (`%eth0`) is ignored;
 * - the whole link-local IPv6 address: all hosts on all links have the same /64.
 *
 * Returns `''` for null and for text that is not an address: clients with an unknown address share one key.
 */
export function clientKey(address: string | null, ipv6Bits = 64): string {
  const parsed = address === null ? null : parseAddress(address);
  if (parsed === null) return '';
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  const embedded = embeddedIPv4(parsed);
  if (embedded !== null) return embedded.toString();
  if (parsed.range() === 'linkLocal') return parsed.toString();
  const network = parsed.parts.slice(0, Math.ceil(ipv6Bits / 16)).map((part, index) => {
    const bits = Math.min(16, ipv6Bits - 16 * index);
    return ((part >> (16 - bits)) << (16 - bits)).toString(16);
  });
  return `${network.join(':')}${network.length < 8 ? '::' : ''}/${ipv6Bits}`;
}
