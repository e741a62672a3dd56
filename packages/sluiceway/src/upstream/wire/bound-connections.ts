import { type ClientConnection, onceClosed } from '../../net/client-connection.js';
import type { RequestClient } from '../transport.js';
import type { WireConnection } from './connection.js';

/** How long a client may take between two steps of a handshake before a waiting request gets the room of its connection. */
const HANDSHAKE_GAP_MS = 1000;

interface Bound {
  readonly client: RequestClient;
  /** Stops watching the client's connection. */
  readonly release: () => void;
  isIdle: boolean;
}

/**
 * The connections of a pool that connection-bound authentication (NTLM, Negotiate) ties to one client connection: they
 * serve that client only, and close when it leaves.
 */
export class BoundConnections {
  /** The connection that was used last stands last. */
  readonly #byClient = new Map<ClientConnection, WireConnection[]>();
  readonly #bound = new Map<WireConnection, Bound>();
  readonly #isAwaited: () => boolean;
  #yieldTimer: NodeJS.Timeout | null = null;

  /** `isAwaited` says whether requests wait for room in the pool. */
  constructor(isAwaited: () => boolean) {
    this.#isAwaited = isAwaited;
  }

  /** Takes an idle connection in. Closes it where its client is not known or has left. */
  keep(connection: WireConnection): void {
    const client = connection.boundTo;
    if (client === null || client.connection.destroyed) {
      connection.destroy();
      return;
    }
    const bound = this.#bound.get(connection) ?? this.#bind(connection, client);
    bound.isIdle = true;
  }

  /** An idle connection of the same client, the one that was used last. */
  take(client: RequestClient | null): WireConnection | undefined {
    if (client === null || this.#bound.size === 0) return undefined;
    const own = this.#byClient.get(client.connection) ?? [];
    const connection = own.findLast((each) => this.#isFree(each) && each.boundTo?.address === client.address);
    if (connection === undefined) return undefined;
    (this.#bound.get(connection) as Bound).isIdle = false;
    own.splice(own.indexOf(connection), 1);
    own.push(connection);
    return connection;
  }

  /** Whether the client has a connection of its own, busy or idle. */
  has({ connection, address }: RequestClient): boolean {
    return this.#byClient.get(connection)?.some((each) => each.boundTo?.address === address) === true;
  }

  delete(connection: WireConnection): void {
    const bound = this.#bound.get(connection);
    if (bound === undefined) return;
    this.#bound.delete(connection);
    bound.release();
    const key = bound.client.connection;
    const others = this.#byClient.get(key)?.filter((each) => each !== connection) ?? [];
    if (others.length === 0) this.#byClient.delete(key);
    else this.#byClient.set(key, others);
  }

  /** The idle ones, the one that was bound first at the front. */
  idle(): WireConnection[] {
    return [...this.#bound.keys()].filter((each) => this.#isFree(each));
  }

  /** Closes the oldest idle one once its client has had its time, where requests wait for room. */
  yieldSoon(): void {
    if (this.#yieldTimer !== null || this.#bound.size === 0 || !this.#isAwaited()) return;
    this.#yieldTimer = setTimeout(() => {
      this.#yieldTimer = null;
      if (!this.#isAwaited()) return;
      const before = performance.now() - HANDSHAKE_GAP_MS;
      this.idle()
        .find(({ idleSince }) => idleSince <= before)
        ?.destroy();
      this.yieldSoon();
    }, HANDSHAKE_GAP_MS / 4);
    this.#yieldTimer.unref();
  }

  get size(): number {
    return this.#bound.size;
  }

  #isFree(connection: WireConnection): boolean {
    return this.#bound.get(connection)?.isIdle === true;
  }

  #bind(connection: WireConnection, client: RequestClient): Bound {
    const release = onceClosed(client.connection, () => {
      // A busy one closes when its exchange is over.
      if (this.#isFree(connection)) connection.destroy();
    });
    const bound: Bound = { client, release, isIdle: true };
    this.#bound.set(connection, bound);
    const own = this.#byClient.get(client.connection);
    if (own === undefined) this.#byClient.set(client.connection, [connection]);
    else own.push(connection);
    return bound;
  }
}

export const isSameClient = (a: RequestClient | null | undefined, b: RequestClient | null): boolean =>
  a !== null && a !== undefined && a.connection === b?.connection && a.address === b.address;
