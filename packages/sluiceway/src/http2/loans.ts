import type { Http2Session, Http2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { queuedBytes } from '../net/write-queue.js';

/** Between two looks at whether the socket has taken what is held. */
const LOOK_EVERY_MS = 250;

/** Memory that the socket may still send. */
interface Held {
  /** Keeps the memory from being collected: Node itself holds no reference to it any more. */
  bytes: Uint8Array;
  /** The count of bytes that the socket has taken when it has taken these. */
  until: number;
  done: () => void;
}

/**
 * Borrowed memory that is written to the streams of one HTTP/2 session.
 *
 * A session without TLS gives the socket slices of the memory itself. When a stream is destroyed, Node calls the callback
 * of its pending write although slices still wait in the socket, and drops its reference to the memory: what is written
 * to the memory then, or what the collector puts in its place, is sent to the peer (Node 20 to 26). So a callback is
 * proof only while the stream lives. After that, the memory stays lent until the socket has taken all that it was given
 * by then, or is closed.
 */
export class Http2Loans {
  /** Null where the session has ended: it sends nothing that is written now. */
  readonly #socket: Socket | null;
  /** TLS has encrypted, and so copied, whatever the session has given it. */
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

  /** A position, to be noted before memory is written, for `returned`. */
  get position(): number {
    return this.#socket?.bytesWritten ?? 0;
  }

  /**
   * To be called with the callback of the last write of `bytes`, of which the first was at `since`. Calls `done` as soon
   * as the memory may be used for something else.
   */
  returned(stream: Http2Stream, bytes: Uint8Array, since: number, done: () => void): void {
    const until = this.position;
    // A session writes everything that it has at once, and nothing more until the socket has taken it.
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

  /** Where Node does not tell how much is queued, only the end of the socket is certain. */
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
