import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Socket } from 'node:net';
import { SluicewayError } from '../../errors.js';
import type { HeadLimits } from '../../http/head-reader.js';
import { sharedWindowBudget } from '../../http2/window-budget.js';
import { initialWindowSettings, WindowTuner } from '../../http2/window-tuner.js';
import { formatPeer } from '../../net/format-peer.js';
import { addIdleSocket, deleteIdleSocket } from '../../net/idle-sockets.js';
import type { BufferPool } from '../../stream/buffer-pool.js';
import { MAX_REQUEST_FIELDS_BYTES } from './request-headers.js';
import { nameOfCode } from './stream-error.js';

/** Streams of one connection at a time, where the origin server allows more: they share what TCP gives to one. */
export const MAX_STREAMS = 100;

/** Frames of content that may be this large are handed over in fewer pieces. Node reads 64 KiB at a time. */
const MAX_FRAME_BYTES = 64 * 1024;

/** What a field counts beyond its characters, in `SETTINGS_MAX_HEADER_LIST_SIZE` (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD = 32;

/** MB. Node counts what waits to be sent, and refuses new streams beyond it; each upload has 256 KiB at most. */
const MAX_SESSION_MEMORY = 100;

/**
 * How long the socket outlives its last stream where the session has ended: what is queued may leave, and the origin
 * server may end its side. Node waits for that without a limit, and for a write that is under way before it.
 */
const END_TIMEOUT_MS = 1000;

/** Stream numbers end at 2^31, and only the odd ones are a client's. */
const MAX_EXCHANGES = 1_000_000_000;

export interface Liveness {
  /** Silence on a connection with streams open after which it is asked for a sign of life. */
  quietMs: number;
  /** How long that may take. */
  answerMs: number;
}

export interface SessionOwner {
  /** A stream has ended, the number of them that the origin server allows is known, or it wants no more. */
  onChange(connection: Http2Connection): void;
  /** The connection is closed. */
  onClosed(connection: Http2Connection): void;
}

/** One HTTP/2 connection to an origin server: what its session may still be used for, and whether it is alive. */
export class Http2Connection {
  readonly #owner: SessionOwner;
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;
  readonly #tuner: WindowTuner;
  readonly #liveness: Liveness;
  /** Address and port of the peer; null if the socket was closed at once. */
  readonly remoteAddress: string | null;
  readonly headLimits: HeadLimits;
  /** For content that is copied together. */
  readonly buffers: BufferPool;
  #streams = 0;
  #isSettled = false;
  #lastProcessed: number | null = null;
  #goawayCode: number = constants.NGHTTP2_NO_ERROR;
  #failure: Error | null = null;
  #bytesSeen = 0;
  #quietSince: number;
  #askedAt: number | null = null;
  #isEnding = false;
  /** Requests so far. */
  exchanges = 0;
  /** When the last stream ended, as `performance.now`. */
  idleSince: number;

  constructor(
    owner: SessionOwner,
    socket: Socket,
    headLimits: HeadLimits,
    liveness: Liveness,
    buffers: BufferPool,
  ) {
    this.#owner = owner;
    this.#socket = socket;
    this.remoteAddress = formatPeer(socket);
    this.#liveness = liveness;
    this.headLimits = headLimits;
    this.buffers = buffers;
    this.#quietSince = performance.now();
    this.idleSince = this.#quietSince;
    // One that was made for HTTP/1.1: no session outlives half of its connection.
    socket.allowHalfOpen = false;
    const { maxBytes, maxFields } = headLimits;
    // Every request names its own authority; this one is never sent.
    const session = connect('http://origin.invalid', {
      createConnection: () => socket,
      settings: {
        ...initialWindowSettings,
        enablePush: false,
        maxFrameSize: MAX_FRAME_BYTES,
        maxHeaderListSize: maxBytes + FIELD_OVERHEAD * maxFields,
      },
      // The status, and one more to see that there are too many.
      maxHeaderListPairs: maxFields + 2,
      // Node counts what it may become at worst, a thousand short fields and all.
      maxSendHeaderBlockLength: 2 * MAX_REQUEST_FIELDS_BYTES,
      maxSessionMemory: MAX_SESSION_MEMORY,
    });
    this.#session = session;
    this.#tuner = new WindowTuner(session, sharedWindowBudget, () => owner.onChange(this));
    session.on('error', (error: Error) => {
      this.#failure ??= error;
      if (this.isIdle) this.#endSocket();
    });
    session.on('remoteSettings', () => {
      this.#isSettled = true;
      owner.onChange(this);
    });
    session.on('goaway', (code: number, lastProcessed: number) => {
      this.#goawayCode = code;
      this.#lastProcessed = lastProcessed;
      if (this.isIdle) this.#endSocket();
      owner.onChange(this);
    });
    // The session's own event may never come.
    socket.once('close', () => owner.onClosed(this));
  }

  /** New requests may be sent on it. */
  get isOpen(): boolean {
    return this.#lastProcessed === null && !this.#session.closed && !this.#session.destroyed;
  }

  /** Before the origin server has said how many streams it allows, one is certain. */
  get hasRoom(): boolean {
    return this.isOpen && this.#streams < this.#allowed && this.#tuner.hasRoom;
  }

  /** More streams will be possible in a moment. */
  get isSettling(): boolean {
    return this.isOpen && (!this.#isSettled || !this.#tuner.hasRoom);
  }

  get isIdle(): boolean {
    return this.#streams === 0;
  }

  /** How many streams the origin server allows at a time; null before it has said so. */
  get capacity(): number | null {
    return this.#isSettled ? this.#allowed : null;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  /** Opens a stream, whose `close` frees its place. Throws where the session has ended meanwhile. */
  open(headers: OutgoingHttpHeaders, hasContent: boolean): ClientHttp2Stream {
    if (this.isIdle) this.#wake();
    const stream = this.#session.request(headers, { endStream: !hasContent, waitForTrailers: hasContent });
    this.#streams += 1;
    this.exchanges += 1;
    stream.once('close', () => this.#freed());
    this.#tuner.opened(stream);
    return stream;
  }

  /** Whether the origin server has said that it will do nothing with the stream (RFC 9113 section 6.8). */
  isUnprocessed(stream: ClientHttp2Stream): boolean {
    return this.#lastProcessed !== null && (stream.id ?? 0) > this.#lastProcessed;
  }

  /**
   * What a stream fails with that has ended with its connection; null where the connection is not to blame. The
   * stream's own error may tell why before the session's does.
   */
  failure(received: number | null, streamError: Error | null): SluicewayError | null {
    if (!this.#session.destroyed && this.#goawayCode === constants.NGHTTP2_NO_ERROR) return null;
    const cause = this.#failure ?? streamError ?? undefined;
    if (cause instanceof SluicewayError && (received === null || cause.code === 'shutdown')) return cause;
    const why = this.#goawayCode === 0 ? (cause?.message ?? '') : `GOAWAY ${nameOfCode(this.#goawayCode)}`;
    const what = received === null ? 'before a response head' : `after ${received} content bytes`;
    const message = `The connection ended ${what}${why === '' ? '' : `: ${why}`}`;
    const code = received === null ? this.#codeBeforeHead(cause) : 'http_response_incomplete';
    return new SluicewayError(code, message, { cause });
  }

  /** Asks for a sign of life where none has come for a while, and gives the connection up where none comes then. */
  check(): void {
    if (this.#session.destroyed || this.isIdle) return;
    const now = performance.now();
    if (this.#socket.bytesRead !== this.#bytesSeen) {
      this.#bytesSeen = this.#socket.bytesRead;
      this.#quietSince = now;
      this.#askedAt = null;
    } else if (this.#askedAt === null) {
      if (now - this.#quietSince >= this.#liveness.quietMs) this.#ask(now);
    } else if (now - this.#askedAt >= this.#liveness.answerMs) {
      const message = `The origin server gave no sign of life for ${Math.round(now - this.#askedAt)} ms`;
      this.destroy(new SluicewayError('connection_terminated', message));
    }
  }

  /** Ends the session now; its streams fail. */
  destroy(error?: SluicewayError): void {
    this.#failure ??= error ?? null;
    this.#session.destroy();
    this.#endSocket();
  }

  #endSocket(): void {
    if (this.#isEnding || this.#socket.destroyed) return;
    this.#isEnding = true;
    const timer = setTimeout(() => this.#socket.destroy(), END_TIMEOUT_MS).unref();
    // An origin server that ends session after session leaves no more descriptors behind than idle connections may take.
    addIdleSocket(this.#socket);
    this.#socket.once('close', () => {
      clearTimeout(timer);
      deleteIdleSocket(this.#socket);
    });
  }

  get #allowed(): number {
    if (!this.#isSettled) return 1;
    return Math.min(this.#session.remoteSettings.maxConcurrentStreams ?? MAX_STREAMS, MAX_STREAMS);
  }

  /** A connection that was left alone for a while may be dead without a word. */
  #wake(): void {
    this.#session.ref();
    const now = performance.now();
    this.#bytesSeen = this.#socket.bytesRead;
    this.#quietSince = now;
    this.#askedAt = null;
    if (this.exchanges > 0 && now - this.idleSince >= this.#liveness.quietMs) this.#ask(now);
  }

  #ask(now: number): void {
    this.#askedAt = now;
    this.#session.ping(() => {});
  }

  #freed(): void {
    this.#streams -= 1;
    if (this.#streams === 0) {
      this.idleSince = performance.now();
      // An idle connection keeps no process alive.
      if (!this.#session.destroyed) this.#session.unref();
      if (this.exchanges >= MAX_EXCHANGES) this.#session.close();
      if (!this.isOpen) this.#endSocket();
    }
    this.#owner.onChange(this);
  }

  /** Node's own complaint, where the peer has sent none: it broke the rules, or does not speak HTTP/2 at all. */
  #codeBeforeHead(cause: Error | undefined): 'http_protocol_error' | 'connection_terminated' {
    const code = cause !== undefined && 'code' in cause ? String(cause.code) : '';
    const isOurs = this.#goawayCode === constants.NGHTTP2_NO_ERROR && code.startsWith('ERR_HTTP2_');
    return isOurs ? 'http_protocol_error' : 'connection_terminated';
  }
}
