import { isIP } from 'node:net';
import { isNoSuchName, type Resolver, type ServiceRecord, toDnsError } from '../../../net/resolver.js';
import { systemResolver } from '../../../net/system-resolver.js';
import type { Resolution, ServerSettings } from '../server-settings.js';

/** One server that a name leads to. */
export interface FoundServer {
  address: string;
  /** Null: that of the URL. */
  port: number | null;
  weight: number;
  /** Its place among the priorities of the records, 0 for the servers that are asked first. */
  priority: number;
}

/** The result of a lookup. `ttlMs`: how long it is valid; null if unknown. */
export interface Found {
  servers: FoundServer[];
  ttlMs: number | null;
}

/** Remembers the addresses of the servers that SRV records name, for the time that they cannot be resolved. */
export type KnownAddresses = Map<string, string[]>;

/**
 * Looks up the servers of a name, in an order that does not change with that of the answer. No servers: the name
 * definitely has none. Rejects if that is not known.
 */
export async function lookUp(
  hostname: string,
  resolution: Resolution,
  resolver: Resolver,
  known: KnownAddresses,
): Promise<Found> {
  try {
    if (resolution === 'srv') return await lookUpServices(hostname, resolver, known);
    const { addresses, ttlMs } = await addressesOf(hostname, resolver);
    return {
      servers: addresses.map((address) => ({ address, port: null, weight: 1, priority: 0 })),
      ttlMs,
    };
  } catch (error) {
    if (isNoSuchName(error)) return { servers: [], ttlMs: null };
    throw toDnsError(hostname, error);
  }
}

async function lookUpServices(name: string, resolver: Resolver, known: KnownAddresses): Promise<Found> {
  const ask = resolver.resolveSrv?.bind(resolver) ?? systemResolver.resolveSrv.bind(systemResolver);
  const records = (await ask(name)).filter((record) => record.name !== '' && record.name !== '.');
  const priorities = [...new Set(records.map(({ priority }) => priority))].toSorted((a, b) => a - b);
  const found = await Promise.all(
    records.map((record) => serversOf(record, priorities.indexOf(record.priority), resolver, known)),
  );
  const names = new Set(records.map((record) => record.name));
  for (const each of known.keys()) if (!names.has(each)) known.delete(each);
  const servers = found.flatMap((each) => each.servers).toSorted(compare);
  if (records.length > 0 && servers.length === 0) throw found.find(({ error }) => error !== null)?.error;
  return { servers, ttlMs: shortest(found.map(({ ttlMs }) => ttlMs)) };
}

/**
 * Each address of the server that a record names is a server with the port and the weight of the record. `priority`: its
 * place among the priorities of all records.
 */
async function serversOf(
  { name, port, weight }: ServiceRecord,
  priority: number,
  resolver: Resolver,
  known: KnownAddresses,
): Promise<Found & { error: unknown }> {
  let ttlMs: number | null = null;
  let error: unknown = null;
  try {
    const found = await addressesOf(name, resolver);
    known.set(name, found.addresses);
    ({ ttlMs } = found);
  } catch (thrown) {
    // The others are usable, and so are the addresses that it had.
    error = thrown;
  }
  const servers = (known.get(name) ?? []).map((address) => ({
    address,
    port,
    // RFC 2782: servers with the weight 0 get a very small share, and all of it if there are no others.
    weight: Math.max(1, weight),
    priority,
  }));
  return { servers, ttlMs, error };
}

async function addressesOf(
  name: string,
  resolver: Resolver,
): Promise<{ addresses: string[]; ttlMs: number | null }> {
  const found = (await resolver.resolve(name)).filter(({ address }) => isIP(address) !== 0);
  const addresses = [...new Set(found.map(({ address }) => address))];
  return {
    addresses: addresses.toSorted((a, b) => isIP(a) - isIP(b) || (a < b ? -1 : 1)),
    ttlMs: shortest(found.map(({ ttl }) => (ttl === undefined ? null : ttl * 1000))),
  };
}

/** Null if one of them is unknown. */
function shortest(ttls: readonly (number | null)[]): number | null {
  let least = Number.POSITIVE_INFINITY;
  for (const ttl of ttls) {
    if (ttl === null) return null;
    least = Math.min(least, ttl);
  }
  return Number.isFinite(least) ? least : null;
}

const compare = (a: FoundServer, b: FoundServer): number =>
  a.priority - b.priority ||
  isIP(a.address) - isIP(b.address) ||
  (a.address === b.address ? (a.port ?? 0) - (b.port ?? 0) : a.address < b.address ? -1 : 1);

/** `_http._tcp.` of the name of a service. */
const SERVICE = /^_[^.]+\._[^.]+\./;

/**
 * The servers behind a name, with the options of the URL that has the name. Host and the name in certificates are the name
 * for which the operator has configured the URL: for a service that is its domain, and not the name in the record, which
 * comes from the network (RFC 6125 section 1.8).
 */
export function toServers(named: ServerSettings, found: readonly FoundServer[]): ServerSettings[] {
  const hostname = named.base.hostname.replace(SERVICE, '');
  const host = named.base.host.replace(SERVICE, '');
  return found.map(({ address, port, weight, priority }) => ({
    ...named,
    base: { ...named.base, hostname, host, address, ...(port !== null && { port }) },
    weight: named.weight * weight,
    priority,
    resolve: null,
  }));
}
