import { type ClientConnection, onceClosed } from '../../net/client-connection.js';
import type { Pools } from '../pools.js';
import type { RequestClient } from '../transport.js';
import type { Http2Pool } from './pool.js';

type ClientPools = Pools<Http2Pool>;

/**
 * Connections of clients that authenticate connections (NTLM, Negotiate). An HTTP/2 session carries requests of many
 * clients at once, so each of these clients gets its own sessions until its connection closes.
 */
export class PrivatePools {
  readonly #create: () => ClientPools;
  readonly #byClient = new Map<ClientConnection, Map<string | null, ClientPools>>();
  /** Pools of clients that have left or are unknown. */
  readonly #closing = new Set<Promise<void>>();
  readonly #all = new Set<ClientPools>();
  #isClosed = false;

  constructor(create: () => ClientPools) {
    this.#create = create;
  }

  /** The number of clients with their own pools. */
  get size(): number {
    return this.#all.size;
  }

  find(client: RequestClient | null): ClientPools | undefined {
    if (client === null || this.#byClient.size === 0) return undefined;
    return this.#byClient.get(client.connection)?.get(client.address);
  }

  /** Opens pools for a client that has none. If `client` is null, they serve only the request that `use` sends. */
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
