import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { NodeServer } from 'sluiceway';

interface Connection {
  /** The client's socket: the TCP socket until a TLS handshake is done, then the TLS socket, which sends close_notify. */
  socket: Socket;
  /** The HTTP/2 session, which ends its streams before it closes. */
  session: ServerHttp2Session | null;
  /** Number of running responses. An open tunnel counts as one. */
  running: number;
  /** No request has come yet. */
  isNew: boolean;
  /** When it was accepted, as `performance.now`. */
  readonly acceptedAt: number;
  /** While the server closes: closes the connection if no request comes. */
  timer: NodeJS.Timeout | null;
  /** One function per connection, since it is added to each of its requests. */
  readonly onEnd: () => void;
}

/** How long after it was accepted a connection of a server that closes can still bring its first request. */
export const FIRST_REQUEST_MS = 1000;

/**
 * Tracks which connections of a server have a running request. When a server closes, Node closes idle keep-alive
 * connections, but not those that have never sent a request (browsers open them in advance), and not those that become
 * idle later.
 */
export class Connections {
  readonly #open = new Set<Connection>();
  /** Connections by each of their sockets. */
  readonly #bySocket = new WeakMap<Socket, Connection>();
  #latest: Connection | null = null;
  #closed: Promise<void> | null = null;
  #onEmpty: (() => void) | null = null;
  /** Connections that can still bring their first request, while the server closes. */
  readonly #awaited = new Set<Connection>();
  #onSettled: (() => void) | null = null;

  constructor(server: NodeServer) {
    const events: EventEmitter = server;
    // Before the server's own listener, which creates the HTTP/2 session.
    events.prependListener('connection', (socket: Socket) => {
      const connection = this.#accept(socket);
      socket.once('close', () => {
        this.#open.delete(connection);
        this.#settle(connection);
        if (this.#open.size === 0) this.#onEmpty?.();
      });
    });
    events.prependListener('secureConnection', (socket: Socket) => {
      const connection = this.#bySocket.get(socketBelow(socket));
      if (connection === undefined) return;
      connection.socket = socket;
      this.#bySocket.set(socket, connection);
      this.#latest = connection;
    });
    events.on('session', (session: ServerHttp2Session) => {
      // A session does not expose its socket. Node creates the session while it emits the event with the socket.
      const connection = this.#latest;
      if (connection === null) return;
      connection.session = session;
      if (this.#closed !== null && !this.#awaited.has(connection)) session.close();
    });
    for (const event of ['request', 'checkContinue', 'upgrade', 'connect'] as const) {
      events.on(event, (request: IncomingMessage, runs: ServerResponse | Duplex) => {
        const connection = this.#bySocket.get(request.socket);
        if (connection === undefined) return;
        connection.running += 1;
        connection.isNew = false;
        runs.once('close', connection.onEnd);
        if (this.#closed !== null) this.#settle(connection);
      });
    }
  }

  /** The number of open connections. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Closes every connection as soon as no request runs on it. A connection that was accepted just now gets the time to send
   * its first request: its client cannot know that the server closes. Resolves when all are closed.
   */
  closeWhenIdle(): Promise<void> {
    if (this.#closed !== null) return this.#closed;
    this.#closed = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      if (this.#open.size === 0) resolve();
    });
    for (const connection of this.#open) this.#close(connection);
    return this.#closed;
  }

  /** Resolves when no connection can bring its first request anymore. Call it after `closeWhenIdle`. */
  get settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#awaited.size === 0) resolve();
      else this.#onSettled = resolve;
    });
  }

  /** Closes every connection now. */
  destroy(): void {
    for (const { socket, session } of this.#open) {
      session?.destroy();
      socket.destroy();
    }
  }

  #close(connection: Connection): void {
    const { socket, session, running, isNew, acceptedAt } = connection;
    const leftMs = acceptedAt + FIRST_REQUEST_MS - performance.now();
    if (isNew && leftMs > 0) {
      this.#awaited.add(connection);
      connection.timer = setTimeout(() => this.#settle(connection), leftMs);
    } else if (session !== null) session.close();
    else if (running === 0) socket.destroySoon();
  }

  /** Its first request has come, or will not come anymore. */
  #settle(connection: Connection): void {
    if (!this.#awaited.delete(connection)) return;
    if (connection.timer !== null) clearTimeout(connection.timer);
    const { session, socket, running } = connection;
    if (session !== null) session.close();
    else if (running === 0) socket.destroySoon();
    if (this.#awaited.size === 0) this.#onSettled?.();
  }

  #accept(socket: Socket): Connection {
    const connection: Connection = {
      socket,
      session: null,
      running: 0,
      isNew: true,
      acceptedAt: performance.now(),
      timer: null,
      onEnd: () => {
        connection.running -= 1;
        if (connection.running === 0 && this.#closed !== null) connection.socket.destroySoon();
      },
    };
    this.#open.add(connection);
    this.#bySocket.set(socket, connection);
    this.#latest = connection;
    // From what has held it back so far, such as the header of the PROXY protocol.
    if (this.#closed !== null) this.#close(connection);
    return connection;
  }
}

/** Node names the socket below a TLS socket `_parent`, and its types do not. It is the same on Node 20 to 26. */
export function socketBelow(socket: Socket): Socket {
  return (Reflect.get(socket, '_parent') as Socket | null | undefined) ?? socket;
}
