import { addIdleSocket, deleteIdleSocket, type IdleSocket } from '../net/idle-sockets.js';

/**
 * The idle connections of a transport to all destinations. If there are too many, the one that has been idle longest is
 * closed. Without an overall limit, a client that requests a new host each time could use up the file descriptors.
 */
export class IdleConnections {
  readonly #max: number;
  readonly #idle = new Set<IdleSocket>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Adds a connection, if it is not added yet. Over the limit, closes the oldest. */
  add(connection: IdleSocket): void {
    if (this.#idle.has(connection)) return;
    this.#idle.add(connection);
    addIdleSocket(connection);
    if (this.#idle.size <= this.#max) return;
    const [oldest] = this.#idle;
    if (oldest === undefined) return;
    this.delete(oldest);
    oldest.destroy();
  }

  delete(connection: IdleSocket): void {
    if (this.#idle.delete(connection)) deleteIdleSocket(connection);
  }
}
