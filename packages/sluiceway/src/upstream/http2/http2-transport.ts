import type { Socket } from 'node:net';
import { SluicewayError } from '../../errors.js';
import { hasConnectionCredentials } from '../../http/connection-authentication.js';
import type { Destination } from '../../net/destination.js';
import { BufferPool } from '../../stream/buffer-pool.js';
import { destroyedError, Pools } from '../pools.js';
import { SessionCache } from '../session-cache.js';
import type { Exchange, Transport, TransportRequest } from '../transport.js';
import { resolveTransportOptions, type TransportOptions } from '../transport-options.js';
import type { Liveness } from './connection.js';
import { Http2UpstreamExchange } from './exchange.js';
import { Http2Pool } from './pool.js';
import { PrivatePools } from './private-pools.js';

const LIVENESS: Liveness = { quietMs: 10_000, answerMs: 10_000 };

/**
 * An HTTP/2 client based on Node's, with its own connections for each destination. Uses ALPN over TLS, and prior
 * knowledge for http: URLs (RFC 9113 section 3.3).
 */
export class Http2Transport implements Transport {
  readonly #pools: Pools<Http2Pool>;
  readonly #private: PrivatePools;
  readonly #maxConnections: number;

  constructor(options: TransportOptions = {}, liveness: Liveness = LIVENESS) {
    const settings = resolveTransportOptions(options);
    const tlsSessions = new SessionCache();
    const buffers = new BufferPool();
    const create = (maxConnections: number): Pools<Http2Pool> =>
      new Pools(
        (destination, onEmpty) =>
          new Http2Pool(
            destination,
            { ...settings, maxConnections },
            liveness,
            tlsSessions,
            buffers,
            onEmpty,
          ),
      );
    this.#maxConnections = settings.maxConnections;
    this.#pools = create(settings.maxConnections);
    this.#private = new PrivatePools(() => create(1));
  }

  send(request: TransportRequest): Exchange {
    let pools = this.#pools;
    const exchange = new Http2UpstreamExchange(request, (retried) =>
      pools.for(request.destination).assign(retried),
    );
    const use = (chosen: Pools<Http2Pool>): void => {
      pools = chosen;
      pools.for(request.destination).assign(exchange);
    };
    const own = this.#private.find(request.client ?? null);
    if (pools.isDestroyed) exchange.abort(destroyedError());
    else if (request.upgrade !== null)
      exchange.abort(new SluicewayError('http_upgrade_failed', `No ${request.upgrade} over HTTP/2`));
    else if (own !== undefined) use(own);
    else if (!hasConnectionCredentials(request.headers)) use(pools);
    else if (this.#private.size < this.#maxConnections) this.#private.open(request.client ?? null, use);
    else exchange.abort(tooManyPrivate(this.#maxConnections));
    return exchange;
  }

  /** Takes a connected socket whose peer has agreed on HTTP/2. */
  adopt(destination: Destination, socket: Socket, dialMs: number): void {
    if (this.#pools.isDestroyed) socket.destroy();
    else this.#pools.for(destination).adopt(socket, dialMs);
  }

  /** Whether a connection to the destination is open and takes requests. */
  isConnected(destination: Destination): boolean {
    return this.#pools.find(destination)?.isConnected === true;
  }

  async close(): Promise<void> {
    await Promise.all([this.#pools.close(), this.#private.close()]);
  }

  destroy(): void {
    this.#pools.destroy();
    this.#private.destroy();
  }
}

const tooManyPrivate = (max: number): SluicewayError =>
  new SluicewayError('connection_limit_reached', `${max} clients already have their own connection`);
