import { isIP } from 'node:net';
import { DnsClient } from './dns-client.js';
import { type ResolvedAddress, type Resolver, type ServiceRecord, toDnsError } from './resolver.js';

/** Resolves names at the given name servers only: no hosts file, no search domains, and no operating system. */
export class NameServers implements Resolver {
  readonly #client: DnsClient;

  /** Addresses, with ports if they are not 53: `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`. */
  constructor(servers: readonly string[]) {
    this.#client = new DnsClient(servers);
  }

  async resolve(hostname: string): Promise<ResolvedAddress[]> {
    const family = isIP(hostname);
    if (family !== 0) return [{ address: hostname, family: family === 6 ? 6 : 4 }];
    const answer = await this.#client.ask(hostname.replace(/\.$/, ''));
    if (answer.kind === 'found') return answer.addresses;
    throw toDnsError(hostname, answer.error);
  }

  async resolveSrv(name: string): Promise<ServiceRecord[]> {
    try {
      return await this.#client.askForServices(name.replace(/\.$/, ''));
    } catch (error) {
      throw toDnsError(name, error);
    }
  }
}
