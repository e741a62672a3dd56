import { SluicewayError } from '../../errors.js';
import { type AddressPolicy, anyAddress } from '../../net/address-policy.js';
import type { DialTlsOptions } from '../../net/dial-tls.js';
import type { Egress } from '../../net/egress.js';
import { type Resolver, systemResolver } from '../../net/resolver.js';
import { BufferPool } from '../../stream/buffer-pool.js';
import type { Destination, Exchange, Transport, TransportRequest } from '../transport.js';
import { WireExchange } from './exchange.js';
import { ConnectionPool, type PoolSettings } from './pool.js';
import { SessionCache } from './session-cache.js';

export interface WireTransportOptions {
  /** Which addresses may be connected to. Default: any. */
  policy?: AddressPolicy;
  /** Default: the operating system's. */
  resolver?: Resolver;
  /** The proxies that connections go through. Needs a policy of any address. Default: none. */
  egress?: Egress;
  /** Private CA, client certificate, server name. Verification cannot be turned off. */
  tls?: DialTlsOptions;
  /** For looking up, connecting and the TLS handshake together, and for waiting in line. Default 10 s. */
  connectTimeoutMs?: number;
  /** Bytes of one response head or trailer section. Default 64 KiB. */
  maxHeadBytes?: number;
  /** Field lines of one response head or trailer section. Default 256. */
  maxHeadFields?: number;
  /** Connections to one destination. Default unlimited. */
  maxConnections?: number;
  /** Requests that may wait for a connection to one destination; more are refused. Default 1000. */
  maxQueued?: number;
  /** How long an unused connection is kept; the origin server's own shorter word is honoured. Default 60 s. */
  idleTimeoutMs?: number;
}

/** Our HTTP/1.1 client over `node:net` and `node:tls`, with a connection pool for each destination. */
export class WireTransport implements Transport {
  readonly #settings: PoolSettings;
  readonly #buffers = new BufferPool();
  readonly #sessions = new SessionCache();
  readonly #pools = new Map<string, ConnectionPool>();
  #closing: { done: Promise<void>; resolve: () => void } | null = null;
  #destroyed = false;
  #lastDestination: Destination | null = null;
  #lastPool: ConnectionPool | null = null;

  constructor(options: WireTransportOptions = {}) {
    this.#settings = {
      policy: options.policy ?? anyAddress,
      resolver: options.resolver ?? systemResolver,
      egress: options.egress ?? null,
      tls: options.tls ?? {},
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      headLimits: { maxBytes: options.maxHeadBytes ?? 64 * 1024, maxFields: options.maxHeadFields ?? 256 },
      maxConnections: options.maxConnections ?? Number.POSITIVE_INFINITY,
      maxQueued: options.maxQueued ?? 1000,
      idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    };
  }

  send(request: TransportRequest): Exchange {
    const pool = this.#poolFor(request.destination);
    // The pool may have been left empty, and so forgotten, by the connection that was stale.
    const exchange = new WireExchange(request, (stale) =>
      this.#poolFor(request.destination).assign(stale, true),
    );
    if (this.#destroyed) exchange.abort(new SluicewayError('shutdown', 'The transport has been destroyed'));
    else pool.assign(exchange, false);
    return exchange;
  }

  close(): Promise<void> {
    if (this.#closing === null) {
      let resolve = (): void => {};
      const done = new Promise<void>((settle) => {
        resolve = settle;
      });
      this.#closing = { done, resolve };
      for (const pool of [...this.#pools.values()]) pool.close();
      if (this.#pools.size === 0) resolve();
    }
    return this.#closing.done;
  }

  destroy(): void {
    this.#destroyed = true;
    void this.close();
    const error = new SluicewayError('shutdown', 'The transport has been destroyed');
    for (const pool of [...this.#pools.values()]) pool.destroy(error);
  }

  #poolFor(destination: Destination): ConnectionPool {
    // A proxy of one upstream asks with the same object every time.
    if (destination === this.#lastDestination && this.#lastPool !== null) return this.#lastPool;
    const key = `${destination.protocol}//${destination.hostname}:${destination.port}`;
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      const onEmpty = (): void => {
        // A pool that is in use again has been entered again, or is still there.
        if (this.#pools.get(key) === created && created.isEmpty) {
          this.#pools.delete(key);
          this.#lastPool = null;
        }
        if (this.#pools.size === 0) this.#closing?.resolve();
      };
      const created = new ConnectionPool(destination, this.#settings, this.#buffers, this.#sessions, onEmpty);
      pool = created;
      this.#pools.set(key, pool);
      if (this.#closing !== null) pool.close();
    }
    this.#lastDestination = destination;
    this.#lastPool = pool;
    return pool;
  }
}
