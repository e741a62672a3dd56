import { isIP } from 'node:net';
import type { ReadonlyFields } from '../http/fields.js';
import { type ForwardedFacts, plainAddress } from '../http/forwarded.js';
import { isHostValue } from '../http/framing.js';
import { splitMembers } from '../http/list-members.js';
import type { TrustedPeers } from './trusted-peers.js';

/** What is believed of the client that a request comes from, by the names of RFC 7239. */
export interface ForwardedClient {
  /** Its address, without a port; null where it is not known. */
  readonly for: string | null;
  /** The authority that it asked for; null where it named none. */
  readonly host: string | null;
  readonly proto: 'http' | 'https';
}

/** One hop as a proxy has described it: an element of Forwarded, or a member of X-Forwarded-For. */
interface Hop {
  for: string | undefined;
  host?: string | undefined;
  proto?: string | undefined;
}

/**
 * Reads who sent a request. Of an untrusted peer that is the peer itself, as the connection shows it. Of a trusted one
 * it is what it says: the address in `X-Forwarded-For` (or in Forwarded, where there is no such field) that is next
 * to the last trusted one from the right; whatever stands left of it was the client's to write. Where all are
 * trusted, it is the first.
 *
 * A port is dropped and what is no address is skipped, but where a trusted proxy says that it does not know its
 * peer or keeps it secret (`unknown`, `_name`), nobody else does: null.
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

/** The farthest hop of which trusted proxies tell, from the nearest one on. */
function findClient(
  chain: readonly Hop[],
  peer: string | null,
  peers: TrustedPeers,
): { address: string | null; hop: Hop | null } {
  let found: { address: string | null; hop: Hop | null } = { address: peer, hop: null };
  for (const hop of chain.toReversed()) {
    if (hop.for === undefined) continue;
    if (isUnnamed(hop.for)) return { address: null, hop };
    // The word of nginx for a peer on a Unix socket: believed like one of ours, or the client of which we know no more.
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

/** A node (RFC 7239 section 6) as other programs write it too: IPv6 with or without brackets, a port, a zone. */
function toAddress(node: string): string | null {
  const text = /^\[(.*)\](?::\S*)?$/.exec(node)?.[1] ?? /^([^:]*):[^:]*$/.exec(node)?.[1] ?? node;
  const plain = plainAddress(text);
  return plain !== null && isIP(plain) !== 0 ? plain : null;
}

/** The elements of Forwarded (RFC 7239 section 4), in order; pairs that are none are left out. */
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
