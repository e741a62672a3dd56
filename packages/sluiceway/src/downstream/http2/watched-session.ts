import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { isWriteLost, queuedBytes } from '../../net/write-queue.js';

/** Milliseconds. */
export interface SessionLimits {
  /** How long a connection may be without a stream. */
  idleMs: number;
  /** How long a client may say nothing once our side is closed: while it reads the rest, it opens its windows. */
  lingerMs: number;
  /** And how long it may take in all. */
  lingerTotalMs: number;
  /** Between two looks at all connections. */
  tickMs: number;
}

/**
 * A connection of an HTTP/2 client, watched from outside: Node leaves some to themselves. One that we have closed stays
 * as long as the client reads nothing or does not close its side. One whose client has broken the protocol gets its
 * GOAWAY, and then nghttp2 neither reads nor writes any more, without a word to Node: not even the end of the
 * connection is seen. Nor is it over TLS where the client goes while a write waits and another one behind it.
 */
export class WatchedSession {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  #streams = 0;
  #idleSince: number;
  #closingSince: number | null = null;
  /** When something was last received, or a stream ended. */
  #quietSince: number;
  /** Bytes that had been received at the last look, and when the session was known to live. */
  #received = 0;
  #provenAt = 0;
  /** Bytes that had been sent before a PING, which has not been answered; null where there is none. */
  #sentBeforePing: number | null = null;
  /** A write was lost at the last look. */
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
   * Only what is received can end a session, so it is asked for a PING once after each pause; one that lives sends it
   * at once. Nothing is asked of a client that has not taken what was sent before.
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
