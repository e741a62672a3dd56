import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { SluicewayError } from '../../errors.js';
import type { Destination } from '../../net/destination.js';
import type { Dialling } from '../../net/dial-attempt.js';
import { dial } from '../../net/dialer.js';
import { decideEgress, type EgressProxy } from '../../net/egress.js';
import type { BufferPool } from '../../stream/buffer-pool.js';
import type { SessionCache } from '../session-cache.js';
import type { TransportSettings } from '../transport-options.js';
import { WaitingLine } from '../waiting-line.js';
import { Http2Connection, type Liveness, MAX_STREAMS, type SessionOwner } from './connection.js';
import type { Http2UpstreamExchange } from './exchange.js';
import { Http1Wanted } from './stream-error.js';

/** With HTTP/1.1 in the list, a server without HTTP/2 selects it instead of failing the handshake. */
const PROTOCOLS = ['h2', 'http/1.1'];

/** The HTTP/2 connections to one destination: as few as the running requests need. */
export class Http2Pool implements SessionOwner {
  readonly #destination: Destination;
  readonly #settings: TransportSettings;
  readonly #liveness: Liveness;
  readonly #tlsSessions: SessionCache;
  readonly #buffers: BufferPool;
  /** The egress proxy for the connections; null if there is none. */
  readonly #proxy: EgressProxy | null;
  readonly #onEmpty: () => void;
  /** Oldest first. The oldest is filled first, so that later ones become idle. */
  readonly #connections = new Set<Http2Connection>();
  readonly #dialling = new Set<Dialling>();
  /** Connections whose SETTINGS have not arrived, with their time limits. */
  readonly #settling = new Map<Http2Connection, NodeJS.Timeout>();
  readonly #line: WaitingLine<Http2UpstreamExchange>;
  /** Streams that a new connection is expected to allow, until the origin server has announced its limit. */
  #capacity = MAX_STREAMS;
  #timer: NodeJS.Timeout | null = null;
  #isClosing = false;
  #isServing = false;

  /** `onEmpty` is called whenever no connection is left and no exchange waits for one. */
  constructor(
    destination: Destination,
    settings: TransportSettings,
    liveness: Liveness,
    tlsSessions: SessionCache,
    buffers: BufferPool,
    onEmpty: () => void,
  ) {
    this.#destination = destination;
    this.#settings = settings;
    this.#liveness = liveness;
    this.#tlsSessions = tlsSessions;
    this.#buffers = buffers;
    this.#line = new WaitingLine(settings, () => this.#dialling.size + this.#settling.size > 0);
    this.#proxy = settings.egress && decideEgress(settings.egress, destination);
    this.#onEmpty = onEmpty;
  }

  get isEmpty(): boolean {
    return (
      !this.#isServing && this.#connections.size === 0 && this.#dialling.size === 0 && this.#line.length === 0
    );
  }

  /** Gives the exchange a stream, or queues it. */
  assign(exchange: Http2UpstreamExchange): void {
    this.#change(() => {
      const connection = this.#find(exchange.triedOn);
      if (connection !== undefined) {
        this.#run(exchange, connection);
        return;
      }
      exchange.isConnecting = !this.isConnected;
      this.#line.enter(exchange);
    });
  }

  /** Closes idle connections now, and the others when their last stream has ended. */
  close(): void {
    this.#isClosing = true;
    for (const connection of this.#connections) if (connection.isIdle) connection.destroy();
  }

  destroy(error: SluicewayError): void {
    this.close();
    for (const exchange of this.#line.all()) exchange.abort(error);
    for (const dialling of this.#dialling) dialling.cancel();
    this.#dialling.clear();
    for (const connection of this.#connections) connection.destroy(error);
    if (this.isEmpty) this.#onEmpty();
  }

  onChange(connection: Http2Connection): void {
    this.#capacity = Math.max(1, connection.capacity ?? this.#capacity);
    if (connection.capacity !== null) this.#settled(connection);
    this.#change(() => {});
    if (!connection.isIdle) return;
    if (this.#isClosing) connection.destroy();
    else if (connection.isOpen) this.#settings.idle.add(connection);
  }

  onClosed(connection: Http2Connection): void {
    this.#settings.idle.delete(connection);
    this.#settled(connection);
    this.#change(() => void this.#connections.delete(connection));
  }

  #settled(connection: Http2Connection): void {
    clearTimeout(this.#settling.get(connection));
    this.#settling.delete(connection);
  }

  /** A server that accepts connections and sends no SETTINGS, which come first (RFC 9113 section 3.4), is not reachable. */
  #unsettled(connection: Http2Connection): void {
    this.#settled(connection);
    const message = `The origin server sent no SETTINGS within ${this.#settings.connectTimeoutMs} ms`;
    // One request may have been sent, and none of those that wait.
    connection.destroy(new SluicewayError('connection_timeout', message));
    this.#change(() =>
      this.#onFailed(new SluicewayError('connection_timeout', message, { retryable: true })),
    );
  }

  /** Runs `happened`, then serves the waiting exchanges that can be served, and dials for the others. */
  #change(happened: () => void): void {
    // Calls can nest. Only the outer one serves, and an inner one must not report the pool as empty.
    const isOuter = !this.#isServing;
    this.#isServing = true;
    happened();
    if (!isOuter) return;
    this.#serve();
    this.#isServing = false;
    if (this.isEmpty) this.#onEmpty();
  }

  #serve(): void {
    for (;;) {
      const connection = this.#find(this.#line.first?.triedOn ?? null);
      const exchange = connection && this.#line.next();
      if (connection === undefined || exchange === undefined) break;
      this.#run(exchange, connection);
    }
    while (this.#line.length > this.#expected && this.#mayDial) this.#dial();
  }

  #run(exchange: Http2UpstreamExchange, connection: Http2Connection): void {
    this.#settings.idle.delete(connection);
    exchange.run(connection);
  }

  /** How many waiting exchanges will get a stream on connections that are being opened or have just opened. */
  get #expected(): number {
    let connections = this.#dialling.size;
    for (const { isSettling } of this.#connections) if (isSettling) connections += 1;
    return connections * this.#capacity;
  }

  /** A connection with room for another stream. `tried` is used only if no other is possible. */
  #find(tried: Http2Connection | null): Http2Connection | undefined {
    for (const connection of this.#connections)
      if (connection !== tried && connection.hasRoom) return connection;
    return tried?.hasRoom === true && !this.#mayDial ? tried : undefined;
  }

  /** Whether a connection may be opened for the first exchange that waits. */
  get #mayDial(): boolean {
    let open = this.#dialling.size;
    for (const connection of this.#connections) if (connection.isOpen) open += 1;
    const { maxConnections = Number.POSITIVE_INFINITY } = this.#line.first?.request ?? {};
    return open < Math.min(maxConnections, this.#settings.maxConnections);
  }

  #dial(): void {
    const startedAt = performance.now();
    const { policy, resolver, tls } = this.#settings;
    const first = this.#line.first?.request;
    const connectTimeoutMs = Math.min(
      first?.connectTimeoutMs ?? Number.POSITIVE_INFINITY,
      this.#settings.connectTimeoutMs,
    );
    const isTls = this.#destination.protocol === 'https:';
    const session = isTls ? this.#tlsSessions.get(this.#destination) : undefined;
    const proxy = this.#proxy;
    const dialling = dial(
      {
        destination: this.#destination,
        policy,
        resolver,
        client: first?.client?.address ?? null,
        connectTimeoutMs,
        ...(proxy !== null && { proxy }),
        ...(isTls && { tls: { ...tls, ...(session && { session }), ALPNProtocols: PROTOCOLS } }),
      },
      {
        connected: (socket) => {
          this.#dialling.delete(dialling);
          if (isTls && (socket as TLSSocket).alpnProtocol !== 'h2') this.#refused(socket);
          else this.adopt(socket, performance.now() - startedAt);
        },
        session: (received) => this.#tlsSessions.set(this.#destination, received),
        failed: (error) => {
          this.#dialling.delete(dialling);
          this.#change(() => this.#onFailed(error));
        },
      },
    );
    this.#dialling.add(dialling);
  }

  /** Takes a connected socket whose peer has agreed on HTTP/2. */
  adopt(socket: Socket, dialMs: number): void {
    this.#change(() => {
      const { headLimits, connectTimeoutMs } = this.#settings;
      const connection = new Http2Connection(this, socket, headLimits, this.#liveness, this.#buffers, dialMs);
      this.#connections.add(connection);
      this.#settling.set(connection, setTimeout(() => this.#unsettled(connection), connectTimeoutMs).unref());
      this.#watch();
    });
  }

  /** Whether a connection is open and takes requests. */
  get isConnected(): boolean {
    return [...this.#connections].some(({ isOpen }) => isOpen);
  }

  #refused(socket: Socket): void {
    socket.destroy();
    const cause = new Http1Wanted('ALPN');
    const message = 'The origin server did not agree on HTTP/2';
    const error = new SluicewayError('tls_protocol_error', message, { cause, retryable: true });
    this.#change(() => this.#onFailed(error));
  }

  /** Fails the waiting exchanges, unless another connection is open or being dialled: then they wait for that one. */
  #onFailed(error: SluicewayError): void {
    if (this.#dialling.size > 0 || this.isConnected) return;
    for (const exchange of this.#line.all()) {
      exchange.leaveLine();
      exchange.failed(error);
    }
  }

  /** Runs one timer per pool while there are connections. It does not keep the process alive. */
  #watch(): void {
    if (this.#timer !== null) return;
    const { idleTimeoutMs } = this.#settings;
    const { quietMs, answerMs } = this.#liveness;
    const everyMs = Math.max(50, Math.min(5000, Math.min(idleTimeoutMs, quietMs, answerMs) / 4));
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const now = performance.now();
      for (const connection of this.#connections) {
        connection.check();
        if (connection.isIdle && now - connection.idleSince >= idleTimeoutMs) connection.destroy();
      }
      if (this.#connections.size > 0) this.#watch();
    }, everyMs);
    this.#timer.unref();
  }
}
