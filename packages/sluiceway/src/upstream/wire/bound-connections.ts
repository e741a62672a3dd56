import { type ClientConnection, onceClosed } from '../../net/client-connection.js';
import type { RequestClient } from '../transport.js';
import type { WireConnection } from './connection.js';

/** How long a client can pause between two steps of a handshake before a waiting request takes its connection's place. */
const HANDSHAKE_GAP_MS = 1000;

interface Bound {
  readonly client: RequestClient;
  /** Stops watching the client's connection. */
  readonly release: () => void;
  isIdle: boolean;
}

/**
 * The connections of a pool that are bound to one client connection, by authentication (NTLM, Negotiate) or by a header of
 * the PROXY protocol. They serve that client only, and close when it leaves.
 */
export class BoundConnections {
  /** For each client, the most recently used connection last. */
  readonly #byClient = new Map<ClientConnection, WireConnection[]>();
  readonly #bound = new Map<WireConnection, Bound>();
  readonly #isAwaited: () => boolean;
  readonly #isHandshake: boolean;
  #yieldTimer: NodeJS.Timeout | null = null;

  /**
   * `isAwaited` returns whether requests wait for room in the pool. `isHandshake`: idle connections may be in the middle of
   * a handshake.
   */
  constructor(isAwaited: () => boolean, isHandshake: boolean) {
    this.#isAwaited = isAwaited;
    this.#isHandshake = isHandshake;
  }

  /** Keeps an idle connection. Closes it if its client is unknown or has left. */
  keep(connection: WireConnection): void {
    const client = connection.boundTo;
    if (client === null || client.connection.destroyed) {
      connection.destroy();
      return;
    }
    const bound = this.#bound.get(connection) ?? this.#bind(connection, client);
    bound.isIdle = true;
  }

  /** Takes the most recently used idle connection of the same client. */
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

  /** Whether a connection, busy or idle, is bound to the client. */
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

  /** The idle connections, in the order in which they were bound. */
  idle(): WireConnection[] {
    return [...this.#bound.keys()].filter((each) => this.#isFree(each));
  }

  /** If requests wait for room, closes the oldest idle connection, which may be after `HANDSHAKE_GAP_MS`. */
  yieldSoon(): void {
    if (!this.#isHandshake) {
      if (this.#isAwaited()) this.idle()[0]?.destroy();
      return;
    }
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
      // A busy connection closes when its exchange is over.
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
