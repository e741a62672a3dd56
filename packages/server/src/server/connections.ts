import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Under TLS a connection has two sockets; the client's end of it is what they have in common. */
const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/**
 * Knows which connections of a server have a request under way. Node closes idle keep-alive connections when a
 * server closes, but not those that have never sent a request (browsers open them in advance), nor those that
 * become idle later.
 */
export class Connections {
  /** TCP sockets. */
  readonly #open = new Map<string, Socket>();
  /** How much is under way on a connection: responses, or the connection itself once it is a tunnel. */
  readonly #running = new Map<string, number>();
  #closing = false;

  constructor(server: Server) {
    server.on('connection', (socket) => {
      const key = keyOf(socket);
      this.#open.set(key, socket);
      socket.once('close', () => {
        // The same port may be in use again.
        if (this.#open.get(key) === socket) this.#open.delete(key);
      });
    });
    for (const event of ['request', 'checkContinue', 'upgrade', 'connect'] as const) {
      server.on(event, (request: IncomingMessage, runs: ServerResponse | Duplex) => {
        this.#follow(request.socket, runs);
      });
    }
  }

  /** Closes every connection as soon as nothing is under way on it. */
  closeWhenIdle(): void {
    this.#closing = true;
    for (const [key, socket] of this.#open) if (!this.#running.has(key)) socket.destroySoon();
  }

  /** Closes every connection now. */
  destroy(): void {
    for (const socket of this.#open.values()) socket.destroy();
  }

  #follow(socket: Socket, runs: ServerResponse | Duplex): void {
    const key = keyOf(socket);
    this.#running.set(key, (this.#running.get(key) ?? 0) + 1);
    runs.once('close', () => {
      const rest = (this.#running.get(key) ?? 1) - 1;
      if (rest > 0) {
        this.#running.set(key, rest);
        return;
      }
      this.#running.delete(key);
      if (this.#closing) socket.destroySoon();
    });
  }
}
