import { addIdleSocket, deleteIdleSocket, type IdleSocket } from '../net/idle-sockets.js';

/**
 * The idle connections of a transport to all destinations together, the one that has been idle longest first. It gives
 * way where there are too many: without a limit over all, whoever names a new host each time uses up the descriptors.
 */
export class IdleConnections {
  readonly #max: number;
  readonly #idle = new Set<IdleSocket>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Nothing happens to one that is idle already. One that is over the limit is closed at once. */
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
