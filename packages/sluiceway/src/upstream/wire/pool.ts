import type { SluicewayError } from '../../errors.js';
import { dial } from '../../net/dialer.js';
import { decideEgress, type EgressProxy } from '../../net/egress.js';
import type { BufferPool } from '../../stream/buffer-pool.js';
import type { SessionCache } from '../session-cache.js';
import type { Destination } from '../transport.js';
import type { TransportSettings } from '../transport-options.js';
import { WaitingLine } from '../waiting-line.js';
import { type ConnectionOwner, WireConnection } from './connection.js';
import type { WireExchange } from './exchange.js';

/** The connections to one destination. */
export class ConnectionPool implements ConnectionOwner {
  readonly #destination: Destination;
  readonly #settings: TransportSettings;
  readonly #buffers: BufferPool;
  readonly #sessions: SessionCache;
  /** What connections go through; null for none. */
  readonly #proxy: EgressProxy | null;
  readonly #onEmpty: () => void;
  /** The most recently used last: the others get a chance to time out. */
  readonly #idle: WireConnection[] = [];
  readonly #line: WaitingLine<WireExchange>;
  readonly #open = new Set<WireConnection>();
  readonly #dialling = new Set<WireExchange>();
  #idleTimer: NodeJS.Timeout | null = null;
  #closing = false;
  #assigning = false;

  /** `onEmpty` is called whenever no connection is left and nobody waits for one. */
  constructor(
    destination: Destination,
    settings: TransportSettings,
    buffers: BufferPool,
    sessions: SessionCache,
    onEmpty: () => void,
  ) {
    this.#destination = destination;
    this.#settings = settings;
    this.#buffers = buffers;
    this.#sessions = sessions;
    this.#line = new WaitingLine(settings);
    this.#proxy = settings.egress && decideEgress(settings.egress, destination);
    this.#onEmpty = onEmpty;
  }

  get isEmpty(): boolean {
    return !this.#assigning && this.#open.size === 0 && this.#dialling.size === 0 && this.#line.length === 0;
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
        this.#line.enter(exchange);
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
    for (const exchange of [...this.#line.all(), ...this.#dialling]) exchange.abort(error);
    for (const connection of [...this.#open]) connection.abort(error);
  }

  onIdle(connection: WireConnection): void {
    const next = this.#line.next();
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
          exchange.failed(error);
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

  #roomForNext(): void {
    if (this.#line.length > 0 && this.#open.size + this.#dialling.size < this.#settings.maxConnections) {
      const next = this.#line.next();
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
