import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { NodeServer } from 'sluiceway';

/** Under TLS a connection has two sockets; the client's end of it is what they have in common. */
const keyOf = ({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string =>
  `${remoteAddress} ${remotePort}`;

interface Connection {
  /** The client's: the TCP socket until a TLS handshake is done, then the TLS socket, which says goodbye. */
  socket: Socket;
  /** Of HTTP/2, which ends its streams before it closes. */
  session: ServerHttp2Session | null;
  /** How much is under way: responses, or the connection itself once it is a tunnel. */
  running: number;
  /** One for the connection, since it is called for each of its requests. */
  readonly onEnd: () => void;
}

/**
 * Knows which connections of a server have a request under way. Node closes idle keep-alive connections when a
 * server closes, but not those that have never sent a request (browsers open them in advance), nor those that
 * become idle later.
 */
export class Connections {
  readonly #open = new Map<string, Connection>();
  /** By each of the sockets that a connection has. */
  readonly #bySocket = new WeakMap<Socket, Connection>();
  #closing = false;

  constructor(server: NodeServer) {
    const events: EventEmitter = server;
    // Before the server's own listener, which makes the HTTP/2 session.
    events.prependListener('connection', (socket: Socket) => {
      const key = keyOf(socket);
      const connection = this.#accept(socket);
      this.#open.set(key, connection);
      socket.once('close', () => {
        // The same port may be in use again.
        if (this.#open.get(key) === connection) this.#open.delete(key);
      });
    });
    events.prependListener('secureConnection', (socket: Socket) => {
      const connection = this.#open.get(keyOf(socket));
      if (connection === undefined) return;
      connection.socket = socket;
      this.#bySocket.set(socket, connection);
    });
    events.on('session', (session: ServerHttp2Session) => {
      const connection = this.#open.get(keyOf(session.socket));
      if (connection === undefined) return;
      connection.session = session;
      if (this.#closing) session.close();
    });
    for (const event of ['request', 'checkContinue', 'upgrade', 'connect'] as const) {
      events.on(event, (request: IncomingMessage, runs: ServerResponse | Duplex) => {
        const connection = this.#bySocket.get(request.socket);
        if (connection === undefined) return;
        connection.running += 1;
        runs.once('close', connection.onEnd);
      });
    }
  }

  /** Closes every connection as soon as nothing is under way on it. */
  closeWhenIdle(): void {
    this.#closing = true;
    for (const { socket, session, running } of this.#open.values()) {
      if (session !== null) session.close();
      else if (running === 0) socket.destroySoon();
    }
  }

  /** Closes every connection now. */
  destroy(): void {
    for (const { socket, session } of this.#open.values()) {
      session?.destroy();
      socket.destroy();
    }
  }

  #accept(socket: Socket): Connection {
    const connection: Connection = {
      socket,
      session: null,
      running: 0,
      onEnd: () => {
        connection.running -= 1;
        if (connection.running === 0 && this.#closing) connection.socket.destroySoon();
      },
    };
    this.#bySocket.set(socket, connection);
    return connection;
  }
}
