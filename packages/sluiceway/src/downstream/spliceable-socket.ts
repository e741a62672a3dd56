import type { Socket } from 'node:net';
import type { Fields } from '../http/fields.js';
import { startReading, stopReading } from '../net/reading.js';
import type { ChunkSink, ChunkSource } from '../stream/chunk-source.js';
import { RETRY_SPLICE_BYTES, type Splice } from '../stream/splice.js';

/**
 * Everything that a bare socket receives, of which the kernel can move what Node has not read. Offers it to the sink
 * whenever everything read is delivered.
 */
export class SpliceableSocket implements ChunkSource, ChunkSink {
  readonly #source: ChunkSource;
  readonly #socket: Socket;
  #sink: ChunkSink | null = null;
  #splice: Splice | null = null;
  #lent = 0;
  /** Bytes to deliver in chunks before the rest is offered. */
  #toCopy = 0;
  #isRefused = false;
  #isOffering = false;

  /** `source` reads the socket. */
  constructor(source: ChunkSource, socket: Socket) {
    this.#source = source;
    this.#socket = socket;
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  start(sink: ChunkSink): void {
    this.#sink = sink;
    this.#source.start(this);
    this.#offerSoon();
  }

  cancel(): void {
    this.#sink = null;
    this.#splice?.cancel();
    this.#splice = null;
    this.#source.cancel();
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    if (this.#splice !== null) {
      done();
      this.fail(new Error('Node has read bytes during a splice'));
      return;
    }
    this.#toCopy -= bytes.length;
    this.#lent += 1;
    this.#sink?.chunk(bytes, () => {
      this.#lent -= 1;
      done();
      if (this.#lent === 0) this.#offerSoon();
    });
  }

  end(): void {
    this.#finish()?.end();
  }

  fail(error: Error): void {
    this.#finish()?.fail(error);
  }

  #finish(): ChunkSink | null {
    const sink = this.#sink;
    this.#sink = null;
    this.#splice?.cancel();
    this.#splice = null;
    return sink;
  }

  /** Deferred, because an earlier `resume` in this tick would start reading again at its end. */
  #offerSoon(): void {
    if (this.#isOffering || this.#isRefused || this.#toCopy > 0) return;
    this.#isOffering = true;
    setImmediate(() => {
      this.#isOffering = false;
      this.#offer();
    });
  }

  #offer(): void {
    const socket = this.#socket;
    if (this.#sink?.splice === undefined || this.#splice !== null || this.#lent > 0) return;
    if (socket.readableLength > 0 || socket.readableEnded || socket.destroyed) return;
    const splice = this.#sink.splice({
      source: socket,
      length: Number.POSITIVE_INFINITY,
      flow: null,
      onMoved: () => {},
      onWait: () => {},
      onStopped: () => {
        this.#splice = null;
        this.#toCopy = RETRY_SPLICE_BYTES;
        startReading(socket);
        socket.resume();
      },
    });
    this.#isRefused = splice === null;
    if (splice === null) return;
    this.#splice = splice;
    socket.pause();
    if (!stopReading(socket)) splice.stop();
  }
}
