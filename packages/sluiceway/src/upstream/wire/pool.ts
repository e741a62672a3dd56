import { SluicewayError } from '../../errors.js';
import type { HeadLimits } from '../../http/head-reader.js';
import type { AddressPolicy } from '../../net/address-policy.js';
import type { DialTlsOptions } from '../../net/dial-tls.js';
import { dial } from '../../net/dialer.js';
import { decideEgress, type Egress, type EgressProxy } from '../../net/egress.js';
import type { Resolver } from '../../net/resolver.js';
import type { BufferPool } from '../../stream/buffer-pool.js';
import type { Destination } from '../transport.js';
import { type ConnectionOwner, WireConnection } from './connection.js';
import type { WireExchange } from './exchange.js';
import type { SessionCache } from './session-cache.js';

/** Checked values of `WireTransportOptions`. */
export interface PoolSettings {
  policy: AddressPolicy;
  resolver: Resolver;
  egress: Egress | null;
  tls: DialTlsOptions;
  connectTimeoutMs: number;
  headLimits: HeadLimits;
  /** Connections to one destination, busy and idle. */
  maxConnections: number;
  /** Exchanges that may wait for one of them. */
  maxQueued: number;
  idleTimeoutMs: number;
}

/** The connections to one destination. */
export class ConnectionPool implements ConnectionOwner {
  readonly #destination: Destination;
  readonly #settings: PoolSettings;
  readonly #buffers: BufferPool;
  readonly #sessions: SessionCache;
  /** What connections go through; null for none. */
  readonly #proxy: EgressProxy | null;
  readonly #onEmpty: () => void;
  /** The most recently used last: the others get a chance to time out. */
  readonly #idle: WireConnection[] = [];
  readonly #queue = new Set<WireExchange>();
  readonly #open = new Set<WireConnection>();
  readonly #dialling = new Set<WireExchange>();
  #idleTimer: NodeJS.Timeout | null = null;
  #closing = false;
  #assigning = false;

  /** `onEmpty` is called whenever no connection is left and nobody waits for one. */
  constructor(
    destination: Destination,
    settings: PoolSettings,
    buffers: BufferPool,
    sessions: SessionCache,
    onEmpty: () => void,
  ) {
    this.#destination = destination;
    this.#settings = settings;
    this.#buffers = buffers;
    this.#sessions = sessions;
    this.#proxy = settings.egress && decideEgress(settings.egress, destination);
    this.#onEmpty = onEmpty;
  }

  get isEmpty(): boolean {
    return !this.#assigning && this.#open.size === 0 && this.#dialling.size === 0 && this.#queue.size === 0;
  }

  /** Finds a connection for the exchange: an idle one (unless it must be fresh), a new one, or a place in line. */
  assign(exchange: WireExchange, fresh: boolean): void {
    // Dead connections may be dropped here, and the last of them must not make the pool seem to be of no more use.
    this.#assigning = true;
    this.#assign(exchange, fresh);
    this.#assigning = false;
    if (this.isEmpty) this.#onEmpty();
  }

  #assign(exchange: WireExchange, fresh: boolean): void {
    const connection = fresh ? undefined : this.#takeIdle();
    if (connection !== undefined) {
      connection.begin(exchange);
      return;
    }
    if (this.#open.size + this.#dialling.size >= this.#settings.maxConnections) {
      // A fresh one is wanted because a kept one was dead: the others are no better, and in the way.
      if (!fresh || this.#idle.length === 0) {
        this.#enqueue(exchange);
        return;
      }
      this.#idle.pop()?.destroy();
    }
    this.#dial(exchange);
  }

  /** Closes idle connections now and the others when their exchange is over. */
  close(): void {
    this.#closing = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  destroy(error: SluicewayError): void {
    this.close();
    for (const exchange of [...this.#queue, ...this.#dialling]) exchange.abort(error);
    for (const connection of [...this.#open]) connection.abort(error);
  }

  onIdle(connection: WireConnection): void {
    const next = this.#nextInLine();
    if (this.#closing && next === undefined) {
      connection.destroy();
    } else if (next !== undefined) {
      connection.begin(next);
    } else {
      this.#idle.push(connection);
      this.#watchIdle();
    }
  }

  onClosed(connection: WireConnection): void {
    if (!this.#open.delete(connection)) return;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#roomForNext();
  }

  #takeIdle(): WireConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return undefined;
      if (connection.isOpen && !this.#isExpired(connection)) return connection;
      connection.destroy();
    }
  }

  #dial(exchange: WireExchange): void {
    const settings = this.#settings;
    const proxy = this.#proxy;
    const tls = this.#destination.protocol === 'https:';
    const readsTls = tls || proxy?.protocol === 'https:';
    const connection = new WireConnection(this, this.#buffers, settings.headLimits, readsTls);
    const session = tls ? this.#sessions.get(this.#destination) : undefined;
    this.#dialling.add(exchange);
    const dialling = dial(
      {
        destination: this.#destination,
        policy: settings.policy,
        resolver: settings.resolver,
        connectTimeoutMs: settings.connectTimeoutMs,
        onread: connection.onread,
        allowHalfOpen: true,
        ...(proxy !== null && { proxy }),
        ...(tls && { tls: session === undefined ? settings.tls : { ...settings.tls, session } }),
      },
      {
        connected: (socket) => {
          this.#dialling.delete(exchange);
          this.#open.add(connection);
          connection.adopt(socket);
          connection.begin(exchange);
        },
        session: (received) => this.#sessions.set(this.#destination, received),
        failed: (error) => {
          this.#dialling.delete(exchange);
          exchange.failed(error, null);
          this.#roomForNext();
        },
      },
    );
    exchange.waits(() => {
      this.#dialling.delete(exchange);
      dialling.cancel();
      this.#roomForNext();
    });
  }

  #enqueue(exchange: WireExchange): void {
    const { maxQueued, maxConnections, connectTimeoutMs } = this.#settings;
    if (this.#queue.size >= maxQueued) {
      const message = `${maxConnections} connections are in use and ${maxQueued} requests wait for one`;
      exchange.failed(new SluicewayError('connection_limit_reached', message), null);
      return;
    }
    const leave = (): void => {
      clearTimeout(timer);
      this.#queue.delete(exchange);
    };
    const timer = setTimeout(() => {
      leave();
      const message = `No connection became free within ${connectTimeoutMs} ms`;
      exchange.failed(new SluicewayError('connection_limit_reached', message), null);
    }, connectTimeoutMs);
    this.#queue.add(exchange);
    exchange.waits(leave);
  }

  #nextInLine(): WireExchange | undefined {
    const [next] = this.#queue;
    next?.leaveLine();
    return next;
  }

  #roomForNext(): void {
    if (this.#queue.size > 0 && this.#open.size + this.#dialling.size < this.#settings.maxConnections) {
      const next = this.#nextInLine();
      if (next !== undefined) this.#dial(next);
    }
    if (this.isEmpty) this.#onEmpty();
  }

  #isExpired(connection: WireConnection): boolean {
    const limit = Math.min(this.#settings.idleTimeoutMs, connection.idleLimitMs);
    return performance.now() - connection.idleSince >= limit;
  }

  /** One timer a pool, whatever its size; it runs only while something is idle and holds no process alive. */
  #watchIdle(): void {
    if (this.#idleTimer !== null) return;
    const everyMs = Math.max(50, Math.min(5000, this.#settings.idleTimeoutMs / 4));
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = null;
      for (const connection of this.#idle.filter((each) => this.#isExpired(each))) connection.destroy();
      if (this.#idle.length > 0) this.#watchIdle();
    }, everyMs);
    this.#idleTimer.unref();
  }
}
