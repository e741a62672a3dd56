import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { SluicewayError } from '../../errors.js';
import type { Destination } from '../../net/destination.js';
import type { Dialling } from '../../net/dial-attempt.js';
import { dial } from '../../net/dialer.js';
import { decideEgress, type EgressProxy } from '../../net/egress.js';
import type { BufferPool } from '../../stream/buffer-pool.js';
import type { SessionCache } from '../session-cache.js';
import type { RequestClient, TransportRequest } from '../transport.js';
import type { TransportSettings } from '../transport-options.js';
import { WaitingLine } from '../waiting-line.js';
import { BoundConnections, isSameClient } from './bound-connections.js';
import { type ConnectionOwner, WireConnection } from './connection.js';
import type { WireExchange } from './exchange.js';
import type { NegotiationListener } from './negotiation-listener.js';
import { proxyHeaderOf } from './proxy-header.js';

/** What matters of the request that a connection is opened for. */
type DialledFor = Pick<TransportRequest, 'client' | 'connectTimeoutMs' | 'maxConnections'>;

/** The connections to one destination. */
export class ConnectionPool implements ConnectionOwner {
  readonly #destination: Destination;
  readonly #settings: TransportSettings;
  readonly #buffers: BufferPool;
  readonly #sessions: SessionCache;
  /** The egress proxy for the connections; null if there is none. */
  readonly #proxy: EgressProxy | null;
  readonly #onEmpty: () => void;
  /** The most recently used last. It is reused first, so that the others can time out. */
  readonly #idle: WireConnection[] = [];
  /** Connections that are bound to one client each. */
  readonly #bound: BoundConnections;
  readonly #line: WaitingLine<WireExchange>;
  readonly #connections = new Set<WireConnection>();
  readonly #dialling = new Set<WireExchange>();
  readonly #negotiating = new Set<Dialling>();
  #idleTimer: NodeJS.Timeout | null = null;
  #closing = false;
  #assigning = false;

  /** `onEmpty` is called whenever no connection is left and no exchange waits for one. */
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
    this.#bound = new BoundConnections(() => this.#line.length > 0, settings.proxyProtocol === null);
    this.#proxy = settings.egress && decideEgress(settings.egress, destination);
    this.#onEmpty = onEmpty;
  }

  get isEmpty(): boolean {
    return !this.#assigning && this.#size === 0 && this.#line.length === 0;
  }

  /** Whether no connection may be opened for a request. */
  #isFullFor({ maxConnections = Number.POSITIVE_INFINITY }: DialledFor): boolean {
    return this.#size >= Math.min(maxConnections, this.#settings.maxConnections);
  }

  /** The number of connections, including those that are being opened. */
  get #size(): number {
    return this.#connections.size + this.#dialling.size + this.#negotiating.size;
  }

  /** Gives the exchange an idle connection (unless it must be fresh) or a new one, or queues it. */
  assign(exchange: WireExchange, fresh: boolean): void {
    // Dead connections may be dropped here, and the last of them must not report the pool as empty.
    this.#assigning = true;
    this.#assign(exchange, fresh);
    this.#assigning = false;
    if (this.isEmpty) this.#onEmpty();
  }

  #assign(exchange: WireExchange, fresh: boolean): void {
    const connection = fresh ? undefined : this.#takeIdle(exchange.request.client ?? null);
    if (connection !== undefined) {
      connection.begin(exchange);
      return;
    }
    if (this.#isFullFor(exchange.request)) {
      // A kept connection was dead, so the other idle ones probably are too. Close one to make room.
      if (!fresh || this.#idle.length === 0) {
        this.#line.enter(exchange);
        this.#bound.yieldSoon();
        return;
      }
      this.#idle.pop()?.destroy();
    }
    this.#dial(exchange);
  }

  /** Closes idle connections now, and the others when their exchange is over. */
  close(): void {
    this.#closing = true;
    for (const connection of [...this.#idle.splice(0), ...this.#bound.idle()]) connection.destroy();
  }

  destroy(error: SluicewayError): void {
    this.close();
    for (const dialling of this.#negotiating) dialling.cancel();
    this.#negotiating.clear();
    for (const exchange of [...this.#line.all(), ...this.#dialling]) exchange.abort(error);
    for (const connection of [...this.#connections]) connection.abort(error);
    if (this.isEmpty) this.#onEmpty();
  }

  onIdle(connection: WireConnection): void {
    if (connection.isPrivate) {
      this.#onBoundIdle(connection);
      return;
    }
    const next = this.#line.next();
    if (next !== undefined) connection.begin(next);
    else if (this.#closing) connection.destroy();
    else {
      this.#idle.push(connection);
      this.#watchIdle();
      this.#settings.idle.add(connection);
    }
  }

  onClosed(connection: WireConnection): void {
    if (!this.#connections.delete(connection)) return;
    this.#settings.idle.delete(connection);
    if (this.#idle.includes(connection)) this.#idle.splice(this.#idle.indexOf(connection), 1);
    this.#bound.delete(connection);
    this.#roomForNext();
  }

  /** Whether the client has a connection that authentication has bound to it. */
  hasBound(client: RequestClient): boolean {
    return this.#bound.has(client);
  }

  #onBoundIdle(connection: WireConnection): void {
    const next = this.#line.all().find(({ request }) => isSameClient(request.client, connection.boundTo));
    if (next !== undefined) {
      next.leaveLine();
      connection.begin(next);
    } else if (this.#closing) {
      connection.destroy();
    } else {
      this.#bound.keep(connection);
      this.#watchIdle();
      this.#bound.yieldSoon();
      if (connection.isOpen) this.#settings.idle.add(connection);
    }
  }

  /** Takes an idle connection that is bound to the client, or else a shared one. */
  #takeIdle(client: RequestClient | null): WireConnection | undefined {
    for (;;) {
      const connection = this.#bound.take(client) ?? this.#idle.pop();
      if (connection === undefined) return undefined;
      this.#settings.idle.delete(connection);
      if (connection.isOpen && !connection.isExpired(this.#settings.idleTimeoutMs)) return connection;
      connection.destroy();
    }
  }

  /**
   * Opens a connection to find out the origin server's protocol. An HTTP/1.1 connection then waits for its first request,
   * and the listener gets an HTTP/2 socket. If all allowed connections are busy, reports HTTP/1.1, which they use.
   */
  negotiate(request: DialledFor, listener: NegotiationListener): void {
    if (this.#isFullFor(request)) {
      const idle = this.#idle.pop();
      if (idle === undefined) {
        process.nextTick(() => listener.http1());
        return;
      }
      idle.destroy();
    }
    const opening = this.#open(['h2', 'http/1.1'], request, {
      connected: (socket, connection) => {
        this.#negotiating.delete(opening);
        if ((socket as TLSSocket).alpnProtocol === 'h2') {
          listener.http2(socket, connection.ageMs);
        } else {
          this.#adopt(socket, connection);
          this.onIdle(connection);
          listener.http1();
        }
        this.#roomForNext();
      },
      failed: (error) => {
        this.#negotiating.delete(opening);
        listener.failed(error);
        this.#roomForNext();
      },
    });
    this.#negotiating.add(opening);
  }

  #dial(exchange: WireExchange): void {
    this.#dialling.add(exchange);
    exchange.isConnecting = true;
    const dialling = this.#open(undefined, exchange.request, {
      connected: (socket, connection) => {
        this.#dialling.delete(exchange);
        this.#adopt(socket, connection);
        connection.begin(exchange);
      },
      failed: (error) => {
        this.#dialling.delete(exchange);
        exchange.failed(error);
        this.#roomForNext();
      },
    });
    exchange.waits(() => {
      this.#dialling.delete(exchange);
      dialling.cancel();
      this.#roomForNext();
    });
  }

  #open(
    protocols: readonly string[] | undefined,
    { client = null, connectTimeoutMs }: DialledFor,
    listener: {
      connected(socket: Socket, connection: WireConnection): void;
      failed(error: SluicewayError): void;
    },
  ): Dialling {
    const settings = this.#settings;
    const proxy = this.#proxy;
    const isTls = this.#destination.protocol === 'https:';
    const readsTls = isTls || proxy?.protocol === 'https:';
    const connection = new WireConnection(this, this.#buffers, settings.headLimits, readsTls);
    const prelude = settings.proxyProtocol && proxyHeaderOf(settings.proxyProtocol, client);
    if (prelude !== null) connection.bindTo(client);
    const session = isTls ? this.#sessions.get(this.#destination) : undefined;
    const tls = {
      ...settings.tls,
      ...(session !== undefined && { session }),
      ...(protocols !== undefined && { ALPNProtocols: protocols }),
    };
    return dial(
      {
        destination: this.#destination,
        policy: settings.policy,
        resolver: settings.resolver,
        client: client?.address ?? null,
        connectTimeoutMs: Math.min(connectTimeoutMs ?? Number.POSITIVE_INFINITY, settings.connectTimeoutMs),
        onread: connection.onread,
        allowHalfOpen: true,
        ...(proxy !== null && { proxy }),
        ...(prelude !== null && { prelude }),
        ...(isTls && { tls }),
      },
      {
        connected: (socket) => listener.connected(socket, connection),
        session: (received) => this.#sessions.set(this.#destination, received),
        failed: listener.failed,
      },
    );
  }

  #adopt(socket: Socket, connection: WireConnection): void {
    this.#connections.add(connection);
    connection.adopt(socket);
  }

  #roomForNext(): void {
    const { first } = this.#line;
    if (first !== undefined && !this.#isFullFor(first.request)) {
      first.leaveLine();
      this.#dial(first);
    }
    if (this.isEmpty) this.#onEmpty();
  }

  /** Runs one timer per pool while connections are idle. It does not keep the process alive. */
  #watchIdle(): void {
    if (this.#idleTimer !== null) return;
    const everyMs = Math.max(50, Math.min(5000, this.#settings.idleTimeoutMs / 4));
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = null;
      for (const connection of [...this.#idle, ...this.#bound.idle()])
        if (connection.isExpired(this.#settings.idleTimeoutMs)) connection.destroy();
      if (this.#idle.length > 0 || this.#bound.size > 0) this.#watchIdle();
    }, everyMs);
    this.#idleTimer.unref();
  }
}
