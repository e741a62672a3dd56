import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { domainToASCII } from 'node:url';
import { classifyAddress } from './address-class.js';
import { clientKey } from './client-key.js';
import { codeOf, type DnsAnswer, DnsClient } from './dns-client.js';
import {
  candidates,
  type NameServiceFiles,
  parseHosts,
  parseSearch,
  systemFiles,
  usesDnsFirst,
  WatchedFile,
} from './name-service.js';
import { type ResolvedAddress, type Resolver, type ServiceRecord, toDnsError } from './resolver.js';
import { BoundedLookup, type SystemLookup } from './system-lookup.js';

/**
 * Until DNS has answered once, the operating system is asked in addition after this time, because the name servers may
 * be unreachable from here.
 */
const UNPROVEN_MS = 1000;

/** How long the known address families of this machine are cached. */
const INTERFACES_MS = 5000;

export interface SystemResolverOptions {
  files?: NameServiceFiles;
  /** Name servers, with ports. Default: those of resolv.conf. */
  servers?: readonly string[];
  lookup?: SystemLookup;
  /** Whether this class queries DNS itself. Default: on Linux and the BSDs. */
  asksDns?: boolean;
}

/**
 * macOS and Windows select name servers by name (VPNs) and have additional sources, which only their own resolvers
 * know.
 */
const ASKS_DNS = process.platform !== 'darwin' && process.platform !== 'win32';

/**
 * Finds what the operating system's resolver finds, if possible without a thread per lookup: in the hosts file, then in
 * DNS with the search domains of resolv.conf. Names that DNS does not know are looked up by the operating system, which
 * can have other sources (mDNS, NIS, spellings such as `127.1`): see `BoundedLookup`. If the Name Service Switch lists
 * other sources before DNS, and on macOS and Windows, only the operating system is used.
 *
 * Concurrent lookups of one name are shared, except those of clients that are queued. Results are not cached.
 */
export class SystemResolver implements Resolver {
  readonly #hosts: WatchedFile<ReturnType<typeof parseHosts>>;
  readonly #search: WatchedFile<ReturnType<typeof parseSearch>>;
  readonly #usesDnsFirst: WatchedFile<boolean>;
  readonly #servers: readonly string[] | undefined;
  readonly #lookup: SystemLookup;
  readonly #asksDns: boolean;
  /** DNS queries in progress. */
  readonly #asking = new Map<string, Promise<DnsAnswer>>();
  /** By client and name: lookups wait in their client's queue. */
  readonly #running = new Map<string, Promise<ResolvedAddress[]>>();
  #client: DnsClient | null = null;
  #clientOf = -1;
  /** Whether a name server has answered. */
  #isProven = false;
  #families: { hasIPv6: boolean; at: number } | null = null;

  constructor(options: SystemResolverOptions = {}) {
    const { files = systemFiles, servers, lookup = new BoundedLookup(), asksDns = ASKS_DNS } = options;
    this.#hosts = new WatchedFile(files.hosts, parseHosts);
    this.#search = new WatchedFile(files.resolv, (text) => parseSearch(text, process.env));
    this.#usesDnsFirst = new WatchedFile(files.nsswitch, usesDnsFirst);
    this.#servers = servers;
    this.#lookup = lookup;
    this.#asksDns = asksDns;
  }

  resolve(hostname: string, client: string | null = null): Promise<ResolvedAddress[]> {
    // Empty if the name is invalid.
    const ascii = domainToASCII(hostname);
    const name = ascii === '' || isIP(ascii) !== 0 ? hostname.toLowerCase() : ascii;
    const asker = clientKey(client);
    const key = `${asker} ${name}`;
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = this.#resolve(name, asker)
      .catch((error: unknown) => {
        throw toDnsError(hostname, error);
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }

  /** Asks the name servers of resolv.conf, for exactly this name. */
  async resolveSrv(name: string): Promise<ServiceRecord[]> {
    try {
      return await this.#dnsClient().askForServices(name.replace(/\.$/, ''));
    } catch (error) {
      throw toDnsError(name, error);
    }
  }

  async #resolve(name: string, client: string): Promise<ResolvedAddress[]> {
    const bare = name.replace(/\.$/, '');
    if (!this.#asksDns || !this.#isConfigurationKnown || !this.#usesDnsFirst.value || !isDnsName(bare))
      return this.#lookup.lookup(name, client);
    const known = this.#hosts.value.get(bare);
    if (known !== undefined) return this.#sort(known.map(toResolved));
    // RFC 6761 section 6.3: never query DNS for these names.
    if (bare === 'localhost' || bare.endsWith('.localhost')) return this.#sort(LOOPBACK.map(toResolved));
    const asked = this.#askOnce(name);
    const answer = this.#isProven ? await asked : await Promise.race([asked, late(UNPROVEN_MS)]);
    if (answer === null) return this.#askBoth(asked, name, client);
    if (answer.kind === 'found') return this.#sort(answer.addresses);
    if (answer.kind === 'failed' && !mayBeOurs(answer.error, bare)) throw answer.error;
    return this.#lookup.lookup(name, client);
  }

  /** Uses the first source that returns an address. */
  async #askBoth(asked: Promise<DnsAnswer>, name: string, client: string): Promise<ResolvedAddress[]> {
    const looked = this.#lookup.lookup(name, client);
    const fromDns = asked.then((answer) => {
      if (answer.kind === 'found') return this.#sort(answer.addresses);
      throw answer.error;
    });
    try {
      return await Promise.any([looked, fromDns]);
    } catch {
      return looked;
    }
  }

  /** False if the resolver's configuration cannot be read. Then only the operating system can look names up. */
  get #isConfigurationKnown(): boolean {
    return this.#usesDnsFirst.isKnown && this.#hosts.isKnown && this.#search.isKnown;
  }

  /** All clients that look up a name share the query. */
  #askOnce(name: string): Promise<DnsAnswer> {
    const asking = this.#asking.get(name);
    if (asking !== undefined) return asking;
    const asked = this.#askDns(name).finally(() => this.#asking.delete(name));
    this.#asking.set(name, asked);
    return asked;
  }

  /**
   * Walks through the search domains like glibc: tries the next one if there is no answer or the server cannot tell.
   */
  async #askDns(name: string): Promise<DnsAnswer> {
    const search = this.#search.value;
    const client = this.#dnsClient();
    let failed: DnsAnswer | null = null;
    let none: DnsAnswer | null = null;
    for (const candidate of candidates(name, search)) {
      const answer = await client.ask(candidate);
      const isSilent = answer.kind === 'failed' && !ANSWERS.has(codeOf(answer.error));
      if (!isSilent) this.#isProven = true;
      if (answer.kind === 'found' || isSilent) return answer;
      if (answer.kind === 'failed') failed ??= answer;
      else none ??= answer;
    }
    return failed ?? none ?? NO_CANDIDATE;
  }

  /** The client for the name servers that resolv.conf names now. */
  #dnsClient(): DnsClient {
    // Looking at the file updates the number of its changes.
    const changes = this.#search.isKnown ? this.#search.changes : 0;
    if (this.#client === null || this.#clientOf !== changes) this.#client = new DnsClient(this.#servers);
    this.#clientOf = changes;
    return this.#client;
  }

  /** IPv6 comes first if this machine has a global IPv6 address (RFC 6724 rules 1 and 6), else IPv4. */
  #sort(addresses: readonly ResolvedAddress[]): ResolvedAddress[] {
    const now = performance.now();
    if (this.#families === null || now - this.#families.at > INTERFACES_MS)
      this.#families = { hasIPv6: hasGlobalIPv6(), at: now };
    const first = this.#families.hasIPv6 ? 6 : 4;
    return [
      ...addresses.filter(({ family }) => family === first),
      ...addresses.filter(({ family }) => family !== first),
    ];
  }
}

/** Shared by every proxy of the process. */
export const systemResolver: Required<Resolver> = new SystemResolver();

const LOOPBACK: readonly string[] = ['127.0.0.1', '::1'];

/** A server has answered, but could not resolve the name. */
const ANSWERS: ReadonlySet<string> = new Set(['ESERVFAIL', 'EREFUSED', 'ENOTIMP', 'EFORMERR']);

const NO_CANDIDATE: DnsAnswer = {
  kind: 'none',
  error: Object.assign(new Error('There is no name to look up'), { code: 'ENOTFOUND' }),
};

/**
 * The operating system interprets other names in its own ways or refuses them: numbers, spaces, names that are too
 * long.
 */
function isDnsName(name: string): boolean {
  if (name.length === 0 || name.length > 253 || /^[\d.]+$|(?:^|\.)0x[\da-f]*$/.test(name)) return false;
  return name.split('.').every((label) => /^[\w-]{1,63}$/.test(label));
}

/**
 * Reports whether the operating system may know more after DNS failed: DNS is unreachable from here, or the name is of
 * a kind that has other sources. A silent or broken server would fail for the operating system too, and take longer.
 */
function mayBeOurs(error: Error, name: string): boolean {
  const code = codeOf(error);
  if (code === 'ETIMEOUT') return false;
  return !ANSWERS.has(code) || !name.includes('.') || name.endsWith('.local');
}

function hasGlobalIPv6(): boolean {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.some(({ address, family, internal }) => {
    if (internal || family !== 'IPv6') return false;
    return classifyAddress(address).allowed;
  });
}

const toResolved = (address: string): ResolvedAddress => ({ address, family: isIP(address) === 6 ? 6 : 4 });

const late = (ms: number): Promise<null> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms, null).unref();
  });
