import type { Socket } from 'node:net';
import { SluicewayError } from '../../errors.js';
import { BufferPool } from '../../stream/buffer-pool.js';
import { destroyedError, Pools } from '../pools.js';
import { SessionCache } from '../session-cache.js';
import type { Destination, Exchange, Transport, TransportRequest } from '../transport.js';
import { resolveTransportOptions, type TransportOptions } from '../transport-options.js';
import type { Liveness } from './connection.js';
import { Http2Exchange } from './exchange.js';
import { Http2Pool } from './pool.js';

const LIVENESS: Liveness = { quietMs: 10_000, answerMs: 10_000 };

/**
 * An HTTP/2 client over Node's, with connections of our own for each destination: over TLS where the origin server
 * agrees on it (ALPN), and without a question for http: URLs (RFC 9113 section 3.3).
 */
export class Http2Transport implements Transport {
  readonly #pools: Pools<Http2Pool>;

  constructor(options: TransportOptions = {}, liveness: Liveness = LIVENESS) {
    const settings = resolveTransportOptions(options);
    const tlsSessions = new SessionCache();
    const buffers = new BufferPool();
    this.#pools = new Pools(
      (destination, onEmpty) => new Http2Pool(destination, settings, liveness, tlsSessions, buffers, onEmpty),
    );
  }

  send(request: TransportRequest): Exchange {
    const exchange = new Http2Exchange(request, (retried) =>
      this.#pools.for(request.destination).assign(retried),
    );
    if (this.#pools.isDestroyed) exchange.abort(destroyedError());
    else if (request.upgrade === null) this.#pools.for(request.destination).assign(exchange);
    else exchange.abort(new SluicewayError('http_upgrade_failed', `No ${request.upgrade} over HTTP/2`));
    return exchange;
  }

  /** Takes a connected socket whose peer has agreed on HTTP/2. */
  adopt(destination: Destination, socket: Socket): void {
    if (this.#pools.isDestroyed) socket.destroy();
    else this.#pools.for(destination).adopt(socket);
  }

  /** A connection to the destination stands and takes requests. */
  isConnected(destination: Destination): boolean {
    return this.#pools.find(destination)?.isConnected === true;
  }

  close(): Promise<void> {
    return this.#pools.close();
  }

  destroy(): void {
    this.#pools.destroy();
  }
}
