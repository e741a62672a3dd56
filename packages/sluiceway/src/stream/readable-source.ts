import type { Readable } from 'node:stream';
import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { releaseMemory } from './release-memory.js';

/** Enough for a full write, and small enough for a thousand stalled uploads. */
const MAX_LENT_BYTES = 256 * 1024;
/** Even a chunk of one byte takes about two kilobytes: its write and its callback. */
const MAX_LENT_CHUNKS = 512;

export interface ReadableSourceOptions {
  /** Called once the stream has ended. Default: no trailers. */
  trailers?: () => Fields | null;
  /** Most bytes that are lent at a time. The last chunk can exceed it. Default 256 KiB. */
  maxLentBytes?: number;
  /** Whether `cancel` destroys the stream. Default true. */
  destroyOnCancel?: boolean;
  /**
   * Whether the memory of a returned chunk is freed at once. No other code must keep chunks of the stream. Has no effect
   * if other listeners receive its `data`. Default false.
   */
  releaseChunks?: boolean;
  /** Called when the stream ends. Returns false if the content was broken off. Default: it is complete. */
  isWhole?: () => boolean;
  /** Translates the error of the stream. Default: unchanged. */
  toError?: (error: Error) => Error;
}

/**
 * A chunk source for any `Readable` of bytes. No other code uses its chunks, so lending them only serves backpressure.
 */
export class ReadableSource implements ChunkSource {
  readonly #readable: Readable;
  readonly #options: ReadableSourceOptions;
  readonly #maxLent: number;
  #sink: ChunkSink | null = null;
  #lent = 0;
  #lentChunks = 0;
  #isOver = false;
  trailers: Fields | null = null;

  constructor(readable: Readable, options: ReadableSourceOptions = {}) {
    this.#readable = readable;
    this.#options = options;
    this.#maxLent = options.maxLentBytes ?? MAX_LENT_BYTES;
  }

  start(sink: ChunkSink): void {
    this.#sink = sink;
    const readable = this.#readable;
    if (readable.readableEnded && !readable.readableDidRead) {
      this.#onEnd();
      return;
    }
    if (readable.readableEnded || readable.destroyed) {
      const what = readable.readableEnded ? 'was read by other code' : 'was closed before its end';
      this.#fail(readable.errored ?? new Error(`The stream ${what}`));
      return;
    }
    readable.on('end', this.#onEnd);
    readable.on('error', this.#fail);
    readable.on('close', this.#onClose);
    readable.on('data', this.#onData);
    // A stream that was paused explicitly does not start to flow because of a listener.
    readable.resume();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#sink = null;
    this.#detach();
    if (this.#options.destroyOnCancel ?? true) this.#readable.destroy();
    else this.#readable.pause();
  }

  readonly #onData = (data: unknown): void => {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    if (!(bytes instanceof Uint8Array)) {
      this.#fail(new TypeError('The stream contains something other than bytes'));
      this.#readable.destroy();
      return;
    }
    const { length } = bytes;
    this.#lent += length;
    this.#lentChunks += 1;
    this.#sink?.chunk(bytes, () => {
      // Another listener may have kept the chunk.
      if (this.#options.releaseChunks === true && this.#readable.listenerCount('data') <= 1)
        releaseMemory(bytes);
      this.#onReturned(length);
    });
    if (this.#isFull && this.#sink !== null) this.#readable.pause();
  };

  get #isFull(): boolean {
    return this.#lent >= this.#maxLent || this.#lentChunks >= MAX_LENT_CHUNKS;
  }

  #onReturned(bytes: number): void {
    this.#lent -= bytes;
    this.#lentChunks -= 1;
    if (this.#sink !== null && !this.#isFull && this.#readable.isPaused()) this.#readable.resume();
  }

  readonly #onEnd = (): void => {
    const sink = this.#sink;
    if (sink === null) return;
    if (this.#options.isWhole?.() === false) {
      this.#onClose();
      return;
    }
    this.#sink = null;
    this.trailers = this.#options.trailers?.() ?? null;
    this.#detach();
    sink.end();
  };

  readonly #onClose = (): void => this.#fail(new Error('The stream was closed before its end'));

  readonly #fail = (error: Error): void => {
    const sink = this.#sink;
    if (sink === null) return;
    this.#sink = null;
    this.#detach();
    sink.fail(this.#options.toError?.(error) ?? error);
  };

  #detach(): void {
    this.#isOver = true;
    this.#readable.off('data', this.#onData);
    this.#readable.off('end', this.#onEnd);
    this.#readable.off('close', this.#onClose);
    // An `error` can still follow. It is already handled, and must not end the process.
    this.#readable.on('error', ignore);
    this.#readable.off('error', this.#fail);
  }
}

const ignore = (): void => {};
