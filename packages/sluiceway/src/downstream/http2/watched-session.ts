import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { isWriteLost, queuedBytes } from '../../net/write-queue.js';

/** In milliseconds. */
export interface SessionLimits {
  /** How long a connection can be without a stream. */
  idleMs: number;
  /** How long a client can be silent once our side is closed. While it reads the rest, it sends window updates. */
  lingerMs: number;
  /** How long the client can take in total once our side is closed. */
  lingerTotalMs: number;
  /** Interval between checks of all connections. */
  tickMs: number;
}

/**
 * Watches the connection of an HTTP/2 client, because Node does not close some of them:
 *
 * - A connection that we have closed stays open while the client reads nothing or does not close its side.
 * - After a protocol error of the client and our GOAWAY, nghttp2 stops reading and writing without telling Node, which
 *   does not even see the end of the connection.
 * - Over TLS, Node does not see the end either if the client leaves while two writes wait.
 */
export class WatchedSession {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  #streams = 0;
  #idleSince: number;
  #closingSince: number | null = null;
  /** When something was last received, or a stream ended. */
  #quietSince: number;
  /** Bytes received at the last check, and when the session last proved to be alive. */
  #received = 0;
  #provenAt = 0;
  /** Bytes sent before the PING that was not answered yet; null if there is none. */
  #sentBeforePing: number | null = null;
  /** Whether a write was lost at the last check. */
  #hasLostWrite = false;

  constructor(session: ServerHttp2Session, socket: Socket, now: number) {
    this.#session = session;
    this.#socket = socket;
    this.#idleSince = now;
    this.#quietSince = now;
  }

  streamOpened(): void {
    this.#streams += 1;
  }

  streamClosed(): void {
    this.#streams -= 1;
    this.#quietSince = performance.now();
    if (this.#streams === 0) this.#idleSince = this.#quietSince;
  }

  check(now: number, { idleMs, lingerMs, lingerTotalMs }: SessionLimits): void {
    const { bytesRead } = this.#socket;
    const isSilent = bytesRead === this.#received;
    this.#received = bytesRead;
    if (!isSilent) this.#quietSince = now;
    const hadLostWrite = this.#hasLostWrite;
    this.#hasLostWrite = isSilent && isWriteLost(this.#socket) === true;
    if (hadLostWrite && this.#hasLostWrite) this.#socket.destroy();
    if (this.#session.destroyed || (this.#session.closed && this.#streams === 0)) {
      this.#closingSince ??= now;
      if (now - this.#quietSince >= lingerMs || now - this.#closingSince >= lingerTotalMs)
        this.#socket.destroy();
    } else if (this.#streams === 0 && now - this.#idleSince >= idleMs) {
      this.#session.close();
    } else if (!this.#session.closed) {
      this.#checkLife(isSilent);
    }
  }

  /**
   * Only received data can stop a session, so it gets a PING to send once after each pause. A session that is alive sends
   * it at once. Skips clients that have not taken what was sent before.
   */
  #checkLife(isSilent: boolean): void {
    const { bytesRead, bytesWritten } = this.#socket;
    if (!isSilent) {
      this.#sentBeforePing = null;
    } else if (queuedBytes(this.#socket) !== 0 || bytesRead === this.#provenAt) {
      return;
    } else if (this.#sentBeforePing === null) {
      this.#sentBeforePing = bytesWritten;
      this.#session.ping((error) => {
        if (error === null) this.#provenAt = this.#received = this.#socket.bytesRead;
      });
    } else if (this.#sentBeforePing === bytesWritten) {
      this.#socket.destroy();
    }
  }
}
