import { Readable } from 'node:stream';
import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { releaseMemory } from './release-memory.js';

/** Enough for a full write, little enough for a thousand stalled uploads. */
const MAX_LENT_BYTES = 256 * 1024;
/** A chunk of a byte takes two kilobytes on its way: what is written, and who is to be told. */
const MAX_LENT_CHUNKS = 512;

export interface ReadableSourceOptions {
  /** Read once the stream has ended. Default: no trailers. */
  trailers?: () => Fields | null;
  /** Bytes lent out at a time; the last chunk may go beyond. Default 256 KiB. */
  maxLentBytes?: number;
  /** Whether `cancel` destroys the stream. Default true. */
  destroyOnCancel?: boolean;
  /**
   * Whether the memory of a returned chunk may be freed at once: nobody else may keep chunks of the stream. Where
   * others listen to its `data`, this does nothing. Default false.
   */
  releaseChunks?: boolean;
  /**
   * Whether chunks that are pushed into a stream that flows to this source alone go to the sink directly, which saves the
   * stream's events, ticks and reads for each chunk. For streams whose `push` says by `false`
   * that no more must come, and whose `_read` asks for more, such as Node's requests. Default false.
   */
  takesPushes?: boolean;
  /** Asked when the stream tells its end: false where it has been broken off in truth. Default: it is whole. */
  isWhole?: () => boolean;
  /** Translates what the stream failed with. Default: as it is. */
  toError?: (error: Error) => Error;
}

/**
 * Any `Readable` of bytes as a chunk source. Its chunks belong to nobody else, so lending them only serves
 * backpressure.
 */
export class ReadableSource implements ChunkSource {
  readonly #readable: Readable;
  readonly #options: ReadableSourceOptions;
  readonly #maxLent: number;
  #sink: ChunkSink | null = null;
  #lent = 0;
  #lentChunks = 0;
  #isOver = false;
  /** The last `push` has said that no more must come. */
  #isHeld = false;
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
      const what = readable.readableEnded ? 'has been read by somebody else' : 'was closed before its end';
      this.#fail(readable.errored ?? new Error(`The stream ${what}`));
      return;
    }
    readable.on('end', this.#onEnd);
    readable.on('error', this.#fail);
    readable.on('close', this.#onClose);
    readable.on('data', this.#onData);
    if (this.#options.takesPushes === true && readable.push === Readable.prototype.push)
      readable.push = this.#onPush;
    // One that was paused on purpose, until somebody reads it, does not flow for a listener alone.
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
      this.#fail(new TypeError('The stream holds something else than bytes'));
      this.#readable.destroy();
      return;
    }
    this.#lend(bytes);
    if (this.#isFull && this.#sink !== null) this.#readable.pause();
  };

  #lend(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#lent += length;
    this.#lentChunks += 1;
    this.#sink?.chunk(bytes, () => {
      // Another listener may have kept the chunk.
      if (this.#options.releaseChunks === true && this.#readable.listenerCount('data') <= 1)
        releaseMemory(bytes);
      this.#onReturned(length);
    });
  }

  /**
   * The first chunk takes the usual way, so that the stream notes that it was read, and so does everything that is not a
   * chunk for this source alone. What the stream holds must go first.
   */
  readonly #onPush = (data: unknown, encoding?: BufferEncoding): boolean => {
    const readable = this.#readable;
    const isDirect =
      data instanceof Uint8Array &&
      data.length > 0 &&
      this.#sink !== null &&
      readable.readableFlowing === true &&
      readable.readableLength === 0 &&
      readable.readableDidRead &&
      readable.readableEncoding === null &&
      !readable.destroyed &&
      readable.listenerCount('data') === 1;
    if (!isDirect) return Readable.prototype.push.call(readable, data, encoding);
    this.#lend(data);
    this.#isHeld = this.#isFull;
    return !this.#isHeld;
  };

  get #isFull(): boolean {
    return this.#lent >= this.#maxLent || this.#lentChunks >= MAX_LENT_CHUNKS;
  }

  #onReturned(bytes: number): void {
    this.#lent -= bytes;
    this.#lentChunks -= 1;
    if (this.#sink === null || this.#isFull) return;
    if (this.#readable.isPaused()) {
      this.#readable.resume();
    } else if (this.#isHeld && !this.#readable.destroyed) {
      this.#isHeld = false;
      this.#readable._read(0);
    }
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
    if (this.#readable.push === this.#onPush) Reflect.deleteProperty(this.#readable, 'push');
    this.#readable.off('data', this.#onData);
    this.#readable.off('end', this.#onEnd);
    this.#readable.off('close', this.#onClose);
    // An `error` may still come; it has been dealt with, and must not end the process.
    this.#readable.on('error', ignore);
    this.#readable.off('error', this.#fail);
  }
}

const ignore = (): void => {};
