import { BufferPool } from '../../stream/buffer-pool.js';
import { destroyedError, Pools } from '../pools.js';
import { SessionCache } from '../session-cache.js';
import type { Exchange, Transport, TransportRequest } from '../transport.js';
import { resolveTransportOptions, type TransportOptions } from '../transport-options.js';
import { WireExchange } from './exchange.js';
import type { NegotiationListener } from './negotiation-listener.js';
import { ConnectionPool } from './pool.js';

/** An HTTP/1.1 client based on `node:net` and `node:tls`, with a connection pool for each destination. */
export class WireTransport implements Transport {
  readonly #pools: Pools<ConnectionPool>;

  constructor(options: TransportOptions = {}) {
    const settings = resolveTransportOptions(options);
    const buffers = new BufferPool();
    const sessions = new SessionCache();
    this.#pools = new Pools(
      (destination, onEmpty) => new ConnectionPool(destination, settings, buffers, sessions, onEmpty),
    );
  }

  send(request: TransportRequest): Exchange {
    const pool = this.#pools.for(request.destination);
    // Look the pool up again: it may have been dropped when the stale connection left it empty.
    const exchange = new WireExchange(request, (stale) =>
      this.#pools.for(request.destination).assign(stale, true),
    );
    if (this.#pools.isDestroyed) exchange.abort(destroyedError());
    else pool.assign(exchange, false);
    return exchange;
  }

  /** Whether the request's client has a connection to the destination that authentication has bound to it. */
  isBound({ destination, client }: TransportRequest): boolean {
    return (
      client !== null && client !== undefined && this.#pools.find(destination)?.hasBound(client) === true
    );
  }

  /** Finds out the protocol of an https: destination. See `ConnectionPool.negotiate`. */
  negotiate(request: TransportRequest, listener: NegotiationListener): void {
    this.#pools.for(request.destination).negotiate(request, listener);
  }

  close(): Promise<void> {
    return this.#pools.close();
  }

  destroy(): void {
    this.#pools.destroy();
  }
}
