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

/** Most concurrent streams of one connection, even if the origin server allows more: they share one TCP connection. */
export const MAX_STREAMS = 100;

/** Larger frames of content arrive in fewer pieces. Node reads 64 KiB at a time. */
const MAX_FRAME_BYTES = 64 * 1024;

/** Overhead of each field in `SETTINGS_MAX_HEADER_LIST_SIZE`, in bytes (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD = 32;

/** In MB. Node counts the bytes that wait to be sent, and refuses new streams beyond it. An upload has 256 KiB at most. */
const MAX_SESSION_MEMORY = 100;

/**
 * How long the socket stays open after its last stream, once the session has ended: time to send what is queued, and for
 * the origin server to end its side. Node waits for both without a limit.
 */
const END_TIMEOUT_MS = 1000;

/** Stream numbers end at 2^31, and clients use only the odd ones. */
const MAX_EXCHANGES = 1_000_000_000;

export interface Liveness {
  /** Silence on a connection with open streams after which a PING is sent. */
  quietMs: number;
  /** How long the peer has to send anything after the PING. */
  answerMs: number;
}

export interface SessionOwner {
  /** A stream has ended, the origin server has announced its limit of streams, or it accepts no more. */
  onChange(connection: Http2Connection): void;
  /** The connection is closed. */
  onClosed(connection: Http2Connection): void;
}

/** One HTTP/2 connection to an origin server. Knows whether it takes more streams, and whether the peer is alive. */
export class Http2Connection {
  readonly #owner: SessionOwner;
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;
  readonly #tuner: WindowTuner;
  readonly #liveness: Liveness;
  /** Address and port of the peer; null if the socket was closed at once. */
  readonly remoteAddress: string | null;
  readonly headLimits: HeadLimits;
  /** For merging content. */
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
  #dialMs: number | null;
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
    dialMs: number | null = null,
  ) {
    this.#owner = owner;
    this.#dialMs = dialMs;
    this.#socket = socket;
    this.remoteAddress = formatPeer(socket);
    this.#liveness = liveness;
    this.headLimits = headLimits;
    this.buffers = buffers;
    this.#quietSince = performance.now();
    this.idleSince = this.#quietSince;
    // A socket dialled for HTTP/1.1 allows half-open connections, which a session cannot use.
    socket.allowHalfOpen = false;
    const { maxBytes, maxFields } = headLimits;
    // Every request sets its own authority, so this URL is never sent.
    const session = connect('http://origin.invalid', {
      createConnection: () => socket,
      settings: {
        ...initialWindowSettings,
        enablePush: false,
        maxFrameSize: MAX_FRAME_BYTES,
        maxHeaderListSize: maxBytes + FIELD_OVERHEAD * maxFields,
      },
      // Plus the status, and one field to detect that there are too many.
      maxHeaderListPairs: maxFields + 2,
      // Node counts the worst case of the encoded size.
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
    // The session may never emit its own `close`.
    socket.once('close', () => owner.onClosed(this));
  }

  /** How long the connection took to open, for the first caller only: its exchange has waited for it. */
  takeDialMs(): number | null {
    const dialMs = this.#dialMs;
    this.#dialMs = null;
    return dialMs;
  }

  /** Whether new requests can be sent. */
  get isOpen(): boolean {
    return this.#lastProcessed === null && !this.#session.closed && !this.#session.destroyed;
  }

  /** Whether another stream can be opened. Until the origin server has announced its limit, one stream is allowed. */
  get hasRoom(): boolean {
    return this.isOpen && this.#streams < this.#allowed && this.#tuner.hasRoom;
  }

  /** Whether more streams will be possible soon. */
  get isSettling(): boolean {
    return this.isOpen && (!this.#isSettled || !this.#tuner.hasRoom);
  }

  get isIdle(): boolean {
    return this.#streams === 0;
  }

  /** How many concurrent streams are allowed; null until the origin server has announced it. */
  get capacity(): number | null {
    return this.#isSettled ? this.#allowed : null;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  /** Opens a stream. Its `close` event frees its place. Throws if the session has ended meanwhile. */
  open(headers: OutgoingHttpHeaders, hasContent: boolean): ClientHttp2Stream {
    if (this.isIdle) this.#wake();
    const stream = this.#session.request(headers, { endStream: !hasContent, waitForTrailers: hasContent });
    this.#streams += 1;
    this.exchanges += 1;
    stream.once('close', () => this.#freed());
    this.#tuner.opened(stream);
    return stream;
  }

  /** Whether the origin server has stated in a GOAWAY that it will not process the stream (RFC 9113 section 6.8). */
  isUnprocessed(stream: ClientHttp2Stream): boolean {
    return this.#lastProcessed !== null && (stream.id ?? 0) > this.#lastProcessed;
  }

  /**
   * The error of a stream that has ended with its connection; null if the connection is not the cause. The stream's own
   * error may be known before the session's.
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

  /** Sends a PING if the connection has been silent for a while, and closes the connection if the silence continues. */
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
      const message = `The origin server sent nothing for ${Math.round(now - this.#askedAt)} ms after a PING`;
      this.destroy(new SluicewayError('connection_terminated', message));
    }
  }

  /** Ends the session now. Its streams fail. */
  destroy(error?: SluicewayError): void {
    this.#failure ??= error ?? null;
    this.#session.destroy();
    this.#endSocket();
  }

  #endSocket(): void {
    if (this.#isEnding || this.#socket.destroyed) return;
    this.#isEnding = true;
    const timer = setTimeout(() => this.#socket.destroy(), END_TIMEOUT_MS).unref();
    // Closing sockets count as idle ones, so that an origin server that ends many sessions does not use up descriptors.
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

  /** Sends a PING if the connection was idle for a while, since it may have died unnoticed. */
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
      // An idle connection does not keep the process alive.
      if (!this.#session.destroyed) this.#session.unref();
      if (this.exchanges >= MAX_EXCHANGES) this.#session.close();
      if (!this.isOpen) this.#endSocket();
    }
    this.#owner.onChange(this);
  }

  /** If Node reports a protocol error and the peer has not, the peer broke the rules or does not speak HTTP/2. */
  #codeBeforeHead(cause: Error | undefined): 'http_protocol_error' | 'connection_terminated' {
    const code = cause !== undefined && 'code' in cause ? String(cause.code) : '';
    const isOurs = this.#goawayCode === constants.NGHTTP2_NO_ERROR && code.startsWith('ERR_HTTP2_');
    return isOurs ? 'http_protocol_error' : 'connection_terminated';
  }
}
