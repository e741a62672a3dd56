import { type ClientConnection, onceClosed } from '../../net/client-connection.js';
import type { Pools } from '../pools.js';
import type { RequestClient } from '../transport.js';
import type { Http2Pool } from './pool.js';

type ClientPools = Pools<Http2Pool>;

/**
 * Connections of clients that authenticate connections (NTLM, Negotiate). A session of HTTP/2 carries requests of many
 * clients at once, so each of these clients gets sessions of its own until its connection closes.
 */
export class PrivatePools {
  readonly #create: () => ClientPools;
  readonly #byClient = new Map<ClientConnection, Map<string | null, ClientPools>>();
  /** Of clients that have left, or that are not known. */
  readonly #closing = new Set<Promise<void>>();
  readonly #all = new Set<ClientPools>();
  #isClosed = false;

  constructor(create: () => ClientPools) {
    this.#create = create;
  }

  /** Clients with pools of their own. */
  get size(): number {
    return this.#all.size;
  }

  find(client: RequestClient | null): ClientPools | undefined {
    if (client === null || this.#byClient.size === 0) return undefined;
    return this.#byClient.get(client.connection)?.get(client.address);
  }

  /** Pools for a client that has none. Where `client` is null they are for the request that `use` sends, and end with it. */
  open(client: RequestClient | null, use: (pools: ClientPools) => void): void {
    const pools = this.#create();
    this.#all.add(pools);
    if (client === null || client.connection.destroyed || this.#isClosed) {
      use(pools);
      this.#close(pools);
      return;
    }
    const found = this.#byClient.get(client.connection);
    const own = found ?? new Map<string | null, ClientPools>();
    own.set(client.address, pools);
    if (found === undefined) {
      this.#byClient.set(client.connection, own);
      onceClosed(client.connection, () => {
        this.#byClient.delete(client.connection);
        for (const each of own.values()) this.#close(each);
      });
    }
    use(pools);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const pools of this.#all) this.#close(pools);
    await Promise.all(this.#closing);
  }

  destroy(): void {
    this.#isClosed = true;
    for (const pools of this.#all) pools.destroy();
  }

  #close(pools: ClientPools): void {
    const closed = pools.close().then(() => {
      this.#closing.delete(closed);
      this.#all.delete(pools);
    });
    this.#closing.add(closed);
  }
}
