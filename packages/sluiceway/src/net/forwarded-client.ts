import { isIP } from 'node:net';
import type { ReadonlyFields } from '../http/fields.js';
import { type ForwardedFacts, plainAddress } from '../http/forwarded.js';
import { isHostValue } from '../http/framing.js';
import { splitMembers } from '../http/list-members.js';
import type { TrustedPeers } from './trusted-peers.js';

/** The client behind a request, as far as it is trusted. The members have the names of RFC 7239. */
export interface ForwardedClient {
  /** Its address, without a port. Null if unknown. */
  readonly for: string | null;
  /** The authority that it requested. Null if there is none. */
  readonly host: string | null;
  readonly proto: 'http' | 'https';
}

/** One hop as described by a proxy: an element of Forwarded, or a member of X-Forwarded-For. */
interface Hop {
  for: string | undefined;
  host?: string | undefined;
  proto?: string | undefined;
}

/**
 * Determines the client of a request. For an untrusted peer, this is the peer itself, from the data of the connection.
 * For a trusted peer, it is the rightmost untrusted address in `X-Forwarded-For` (or in Forwarded, without that field);
 * everything to the left of it can be forged by the client. If all addresses are trusted, it is the first one.
 *
 * Ports are removed, and values that are not addresses are skipped. If a trusted proxy states that its peer is unknown
 * or hidden (`unknown`, `_name`), the result is null.
 */
export function readForwardedClient(
  fields: ReadonlyFields,
  facts: ForwardedFacts,
  peers: TrustedPeers,
): ForwardedClient {
  const peer = facts.clientAddress === null ? null : plainAddress(facts.clientAddress);
  if (!facts.trusted) return { for: peer, host: facts.host, proto: facts.proto };
  const hops = readForwarded(fields);
  const chain = fields.has('x-forwarded-for') ? fields.list('x-forwarded-for').map(toHop) : hops;
  const { address, hop: client } = findClient(chain, peer, peers);
  const hop = (chain === hops ? client : null) ?? hops.at(-1);
  const host = fields.list('x-forwarded-host').at(-1) ?? hop?.host;
  const proto = (fields.list('x-forwarded-proto').at(-1) ?? hop?.proto)?.toLowerCase();
  return {
    for: address,
    host: host === undefined || host === '' || !isHostValue(host) ? facts.host : host,
    proto: proto === 'http' || proto === 'https' ? proto : facts.proto,
  };
}

const toHop = (member: string): Hop => ({ for: member });

/** Returns the farthest hop that trusted proxies describe, starting from the nearest one. */
function findClient(
  chain: readonly Hop[],
  peer: string | null,
  peers: TrustedPeers,
): { address: string | null; hop: Hop | null } {
  let found: { address: string | null; hop: Hop | null } = { address: peer, hop: null };
  for (const hop of chain.toReversed()) {
    if (hop.for === undefined) continue;
    if (isUnnamed(hop.for)) return { address: null, hop };
    // nginx's value for a peer on a Unix socket. The hop is a trusted proxy if Unix sockets are trusted; otherwise it
    // is the client, with an unknown address.
    if (/^unix:?$/i.test(hop.for)) {
      if (peers.unix) continue;
      return { address: null, hop };
    }
    const address = toAddress(hop.for);
    if (address === null) continue;
    found = { address, hop };
    if (!peers.includes(address)) break;
  }
  return found;
}

/** RFC 7239 sections 6.2 and 6.3, with or without a port. */
const isUnnamed = (node: string): boolean => /^(?:unknown|_[\w.-]*)(?::|$)/i.test(node);

/**
 * Parses a node (RFC 7239 section 6), also as other programs write it: IPv6 with or without brackets, a port, a zone.
 */
function toAddress(node: string): string | null {
  const text = /^\[(.*)\](?::\S*)?$/.exec(node)?.[1] ?? /^([^:]*):[^:]*$/.exec(node)?.[1] ?? node;
  const plain = plainAddress(text);
  return plain !== null && isIP(plain) !== 0 ? plain : null;
}

/** Returns the elements of Forwarded (RFC 7239 section 4), in order. Invalid pairs are skipped. */
function readForwarded(fields: ReadonlyFields): Hop[] {
  if (!fields.has('forwarded')) return [];
  return fields
    .getAll('forwarded')
    .flatMap((line) => splitMembers(line, ','))
    .filter((element) => element.trim() !== '')
    .map((element) => {
      const pairs = new Map(splitMembers(element, ';').map(readPair));
      return { for: pairs.get('for'), host: pairs.get('host'), proto: pairs.get('proto') };
    });
}

function readPair(pair: string): [name: string, value: string] {
  const equals = pair.indexOf('=');
  const value = pair.slice(equals + 1).trim();
  const quoted = /^"(.*)"$/.exec(value)?.[1]?.replace(/\\(.)/g, '$1');
  return [pair.slice(0, Math.max(0, equals)).trim().toLowerCase(), quoted ?? value];
}
