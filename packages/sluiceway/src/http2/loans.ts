import type { Http2Session, Http2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { queuedBytes } from '../net/write-queue.js';

/** Interval between checks whether the socket has taken the held bytes. */
const LOOK_EVERY_MS = 250;

/** Memory that the socket may still send. */
interface Held {
  /** Keeps the memory from being collected: Node itself no longer references it. */
  bytes: Uint8Array;
  /** The number of bytes that the socket has taken in total once it has taken these. */
  until: number;
  done: () => void;
}

/**
 * Borrowed memory that is written to the streams of one HTTP/2 session.
 *
 * Without TLS, a session passes slices of the memory itself to the socket. When a stream is destroyed, Node calls the
 * callback of its pending write while slices still wait in the socket, and drops its reference to the memory. The peer
 * then gets whatever is written to that memory next (Node 20 to 26). So a callback shows that the memory is free only
 * while the stream exists. After that, the memory stays lent until the socket has taken all bytes given to it by then,
 * or is closed.
 */
export class Http2Loans {
  /** Null if the session has ended: it does not send what is written now. */
  readonly #socket: Socket | null;
  /** With TLS, the bytes are copied: they are encrypted at once. */
  readonly #copies: boolean;
  readonly #held: Held[] = [];
  #isClosed = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(session: Http2Session | null) {
    this.#copies = session === null || session.encrypted === true;
    // `session.socket` is a proxy, which throws once the session is destroyed; its `once` returns the socket itself.
    this.#socket =
      session &&
      session.socket.once('close', () => {
        this.#isClosed = true;
        this.#settle();
      });
  }

  /** The current position. Read it before writing memory, and pass it to `returned`. */
  get position(): number {
    return this.#socket?.bytesWritten ?? 0;
  }

  /**
   * Call this in the callback of the last write of `bytes`; `since` is the position before the first write. Calls `done`
   * as soon as the memory can be reused.
   */
  returned(stream: Http2Stream, bytes: Uint8Array, since: number, done: () => void): void {
    const until = this.position;
    // A session writes everything it has at once, and nothing more until the socket has taken it.
    if (!stream.destroyed || this.#copies || this.#isClosed || until === since) {
      done();
      return;
    }
    this.#held.push({ bytes, until, done });
    this.#settle();
  }

  #settle(): void {
    const taken = this.#taken;
    for (let [first] = this.#held; first !== undefined && first.until <= taken; [first] = this.#held) {
      this.#held.shift();
      first.done();
    }
    if (this.#held.length > 0) {
      this.#timer ??= setInterval(() => this.#settle(), LOOK_EVERY_MS).unref();
    } else if (this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }

  /** If Node does not report how much is queued, only the close of the socket is certain. */
  get #taken(): number {
    if (this.#isClosed) return Number.POSITIVE_INFINITY;
    const queued = queuedBytes(this.#socket);
    return queued === null ? Number.NEGATIVE_INFINITY : this.position - queued;
  }
}

const known = new WeakMap<Http2Session, Http2Loans>();

const ofNone = new Http2Loans(null);

/** The loans of a stream's session. */
export function http2Loans({ session }: Http2Stream): Http2Loans {
  if (session === undefined || session.destroyed) return ofNone;
  const existing = known.get(session);
  if (existing !== undefined) return existing;
  const loans = new Http2Loans(session);
  known.set(session, loans);
  return loans;
}
