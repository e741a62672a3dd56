import type { Server } from './server.js';

/**
 * The limit of the connections of one proxy to each server, `connections.max`. A group can be used by several proxies, and
 * each has connections of its own, so each counts its own transfers.
 */
export class ConnectionLimit {
  readonly #max: number;
  /** Whether connections carry one transfer at a time, unless a response has shown otherwise. */
  readonly #isHttp1: boolean;
  readonly #transfers = new WeakMap<Server, number>();

  private constructor(max: number, isHttp1: boolean) {
    this.#max = max;
    this.#isHttp1 = isHttp1;
  }

  /** Null if it cannot be reached: without `max`, and over HTTP/2, where transfers share connections. */
  static of(max: number | null, protocol: 'http1' | 'http2' | 'auto'): ConnectionLimit | null {
    return max === null || protocol === 'http2' ? null : new ConnectionLimit(max, protocol === 'http1');
  }

  /** Whether a further transfer would have to wait for a connection to the server. */
  isReached(server: Server): boolean {
    if (!(server.isMultiplexed === null ? this.#isHttp1 : !server.isMultiplexed)) return false;
    return (this.#transfers.get(server) ?? 0) >= this.#max;
  }

  add(server: Server): void {
    this.#transfers.set(server, (this.#transfers.get(server) ?? 0) + 1);
  }

  remove(server: Server): void {
    this.#transfers.set(server, (this.#transfers.get(server) ?? 0) - 1);
  }
}
