import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Fields } from '../../http/fields.js';
import type { ChunkSink, ChunkSource } from '../../stream/chunk-source.js';
import { MIN_SPLICE_BYTES, RETRY_SPLICE_BYTES, type Splice, type SpliceOffer } from '../../stream/splice.js';
import { isSpliceable } from '../../zero-copy/zero-copy.js';
import { HeldReading } from './held-reading.js';
import { answersParseErrors } from './parse-errors.js';
import { keepActive } from './splice-response.js';

/**
 * Requests whose content partly or fully bypasses Node's parser, which still waits for it. The parser gets no more bytes of
 * the connection: it would take what follows the content for content, and a part of it for a request.
 */
const cut = new WeakMap<IncomingMessage, 'partly' | 'whole'>();

/** How many bytes are read and dropped that follow the content, so that the end of the client's side is noticed. */
const MAX_DROPPED_BYTES = 64 * 1024;

/** Whether content of the request bypasses the parser, so that the connection cannot carry another request. */
export const isCut = (request: IncomingMessage): boolean => cut.has(request);

/** Like `isCut`, and all of the content has arrived. */
export const isCutWhole = (request: IncomingMessage): boolean => cut.get(request) === 'whole';

/**
 * Whether a parse error means only that the client has ended its side: the parser still waits for content that bypassed it,
 * but all of it has arrived, or the response is sent. `response`: the current one of the connection.
 */
export function isEndAfterSplice(
  { code }: NodeJS.ErrnoException,
  request: IncomingMessage | null,
  response: ServerResponse | null,
): boolean {
  if (request === null || code !== 'HPE_INVALID_EOF_STATE') return false;
  return isCutWhole(request) || (isCut(request) && response === null);
}

/**
 * Request content of known length, of which the kernel can move what Node's parser has not read. Stops the parser from
 * reading, delivers what it has read, and offers the rest to the sink. If the sink accepts, the parser gets nothing more:
 * what the kernel does not move is read from the socket, and the byte count marks the end. The connection cannot carry
 * another request afterwards.
 */
class SpliceableContent implements ChunkSource, ChunkSink {
  readonly #source: ChunkSource;
  readonly #request: IncomingMessage;
  readonly #socket: Socket;
  readonly #length: number;
  #sink: ChunkSink | null = null;
  #held: HeldReading | null = null;
  #splice: Splice | null = null;
  #received = 0;
  #lent = 0;
  /** Bytes to deliver in chunks before the rest is offered. */
  #toCopy = 0;
  #isRefused = false;
  #isOffering = false;
  #dropped = 0;

  /** `source` is the content from the parser. */
  constructor(source: ChunkSource, request: IncomingMessage, length: number) {
    this.#source = source;
    this.#request = request;
    this.#socket = request.socket;
    this.#length = length;
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  start(sink: ChunkSink): void {
    this.#sink = sink;
    this.#hold();
    this.#source.start(this);
    this.#offerSoon();
  }

  cancel(): void {
    this.#sink = null;
    this.#splice?.cancel();
    this.#splice = null;
    this.#source.cancel();
    this.#release();
  }

  /** Called by the source, as `end` and `fail` are. */
  chunk(bytes: Uint8Array, done: () => void): void {
    const sink = this.#sink;
    if (sink === null) {
      done();
      return;
    }
    if (isCut(this.#request)) {
      done();
      this.fail(new Error('Node has read bytes during a splice'));
      return;
    }
    this.#deliver(sink, bytes, done);
  }

  #deliver(sink: ChunkSink, bytes: Uint8Array, done: () => void): void {
    this.#received += bytes.length;
    this.#toCopy -= bytes.length;
    this.#lent += 1;
    sink.chunk(bytes, () => {
      this.#lent -= 1;
      done();
      if (this.#lent === 0) this.#offerSoon();
    });
  }

  end(): void {
    this.#finish()?.end();
  }

  fail(error: Error): void {
    this.#splice?.cancel();
    this.#splice = null;
    this.#finish()?.fail(error);
  }

  #finish(): ChunkSink | null {
    const sink = this.#sink;
    this.#sink = null;
    this.#release();
    return sink;
  }

  #endByCount(): void {
    cut.set(this.#request, 'whole');
    const sink = this.#finish();
    this.#source.cancel();
    sink?.end();
  }

  /**
   * Deferred, because the parser may still hold content: it calls the `request` listener before it delivers the content of
   * the same read.
   */
  #offerSoon(): void {
    if (this.#isOffering || this.#isRefused || this.#toCopy > 0) return;
    this.#isOffering = true;
    setImmediate(() => {
      this.#isOffering = false;
      this.#offerRest();
    });
  }

  /** Once everything read is delivered, offers the rest to the sink. If the sink refuses, resumes reading. */
  #offerRest(): void {
    const sink = this.#sink;
    if (sink === null || this.#splice !== null || this.#isRefused || this.#lent > 0 || this.#toCopy > 0)
      return;
    if (this.#held === null) this.#hold();
    if (this.#request.readableLength > 0) return;
    if (this.#socket.readableLength > 0) {
      this.#release();
      return;
    }
    const left = this.#length - this.#received;
    this.#splice = left < MIN_SPLICE_BYTES ? null : (sink.splice?.(this.#offer(left)) ?? null);
    if (this.#splice === null) {
      this.#isRefused = true;
      this.#release();
    } else if (!isCut(this.#request)) {
      this.#detachParser();
    }
  }

  #detachParser(): void {
    cut.set(this.#request, 'partly');
    this.#socket.removeAllListeners('data');
    // Until a listener is added, Node's server lets the parser read the connection directly.
    this.#socket.on('data', this.#onData);
  }

  /** Called with what the kernel does not move: the rest of the content, and what follows. */
  readonly #onData = (bytes: Buffer): void => {
    const content = bytes.subarray(0, this.#sink === null ? 0 : this.#length - this.#received);
    this.#dropped += bytes.length - content.length;
    if (this.#dropped > MAX_DROPPED_BYTES) this.#socket.pause();
    if (this.#sink === null || content.length === 0) return;
    const isLast = this.#received + content.length === this.#length;
    if (!isLast) this.#hold();
    this.#deliver(this.#sink, content, () => {
      if (!isLast && (this.#isRefused || this.#toCopy > 0)) this.#release();
    });
    if (isLast) this.#endByCount();
  };

  #offer(length: number): SpliceOffer {
    return {
      source: this.#socket,
      length,
      flow: null,
      onMoved: (bytes) => {
        this.#received += bytes;
        keepActive(this.#socket);
      },
      onWait: () => {},
      onStopped: () => {
        this.#splice = null;
        this.#toCopy = RETRY_SPLICE_BYTES;
        if (this.#received === this.#length) this.#endByCount();
        else this.#release();
      },
    };
  }

  #hold(): void {
    this.#held ??= new HeldReading(this.#socket);
  }

  #release(): void {
    this.#held?.release();
    this.#held = null;
  }
}

/**
 * Wraps the content of a request so that the kernel can move what the server has not read. Returns `source` itself if
 * that is not possible. `length` is that of the content; null if it must not be spliced.
 */
export function toSpliceable(
  source: ChunkSource,
  request: IncomingMessage,
  length: number | null,
): ChunkSource {
  const { socket } = request;
  if (length === null || !(socket instanceof Socket) || !isSpliceable(socket)) return source;
  // Its reading is already held.
  if (Object.hasOwn(socket, 'resume')) return source;
  // Other code reads the connection too.
  if (socket.listenerCount('data') !== 1 || socket.listenerCount('readable') > 0) return source;
  const { server }: { server?: EventEmitter & { requestTimeout?: number } } = socket as object;
  // The server would time the request out, and other listeners would get parse errors.
  if (server?.requestTimeout !== 0 || !answersParseErrors(server)) return source;
  return new SpliceableContent(source, request, length);
}
