import { Resolver as DnsResolver, type RecordWithTtl } from 'node:dns';
import type { ResolvedAddress, ServiceRecord } from './resolver.js';

/**
 * Timeout of the first attempt at a name server. It doubles with each further attempt. For a server that has been fast,
 * c-ares starts with a quarter of a second, and gives up after less than two seconds.
 */
const TIMEOUT_MS = 2000;
const TRIES = 3;

/** How long a name is retried, because its own name servers can be slow. glibc is similar: it tries twice for 5 s. */
const PATIENCE_MS = 10_000;

/**
 * How long the addresses of one family wait for those of the other. If a server does not answer for a family by then,
 * there are none.
 */
const OTHER_FAMILY_MS = 300;

/** The answer of DNS for a name: addresses, no addresses, or unknown. */
export type DnsAnswer =
  | { kind: 'found'; addresses: ResolvedAddress[] }
  | { kind: 'none'; error: Error }
  | { kind: 'failed'; error: Error };

/** The codes of `node:dns` for a name that does not exist or has no addresses. */
const NONE: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * Queries name servers over its own sockets (c-ares), so that a server that does not answer blocks no thread. `servers`
 * replaces the servers of resolv.conf.
 */
export class DnsClient {
  readonly #resolver: DnsResolver;

  constructor(servers?: readonly string[]) {
    this.#resolver = new DnsResolver({ timeout: TIMEOUT_MS, tries: TRIES });
    if (servers !== undefined) this.#resolver.setServers(servers);
  }

  /** Queries exactly this name, both families at once. IPv4 comes first in the answer. */
  async ask(name: string): Promise<DnsAnswer> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.#askOnce(name);
      const isSilent = answer.kind === 'failed' && codeOf(answer.error) === 'ETIMEOUT';
      if (!isSilent || performance.now() >= until) return answer;
    }
  }

  /** Queries the SRV records of exactly this name. Node does not tell their TTL. */
  askForServices(name: string): Promise<ServiceRecord[]> {
    return new Promise((resolve, reject) => {
      this.#resolver.resolveSrv(name, (error, records) => {
        if (error === null) resolve(records);
        else reject(error);
      });
    });
  }

  #askOnce(name: string): Promise<DnsAnswer> {
    return new Promise((resolve) => {
      const answers: { 4?: ResolvedAddress[] | Error; 6?: ResolvedAddress[] | Error } = {};
      let timer: NodeJS.Timeout | undefined;
      const settle = (): void => {
        clearTimeout(timer);
        resolve(toAnswer(answers[4], answers[6]));
      };
      const take = (family: 4 | 6, error: Error | null, addresses: readonly RecordWithTtl[]): void => {
        answers[family] = error ?? addresses.map(({ address, ttl }) => ({ address, family, ttl }));
        if (answers[4] !== undefined && answers[6] !== undefined) settle();
        else if (error === null && addresses.length > 0) timer = setTimeout(settle, OTHER_FAMILY_MS);
      };
      this.#resolver.resolve4(name, { ttl: true }, (error, addresses) => take(4, error, addresses));
      this.#resolver.resolve6(name, { ttl: true }, (error, addresses) => take(6, error, addresses));
    });
  }
}

function toAnswer(...families: (ResolvedAddress[] | Error | undefined)[]): DnsAnswer {
  const addresses = families.flatMap((each) => (Array.isArray(each) ? each : []));
  if (addresses.length > 0) return { kind: 'found', addresses };
  const errors = families.filter((each) => each instanceof Error);
  // If the query for one family failed, that family may have addresses.
  const failed = errors.find((error) => !NONE.has(codeOf(error)));
  if (failed !== undefined) return { kind: 'failed', error: failed };
  return { kind: 'none', error: errors[0] ?? Object.assign(new Error('No address'), { code: 'ENODATA' }) };
}

export const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '');
