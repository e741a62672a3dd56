import type { Duplex } from 'node:stream';
import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { ReadableSource } from './readable-source.js';

/** Size of the pieces in which content is copied to the first stream, each after the previous one was taken. */
const PIECE_BYTES = 64 * 1024;

export interface TransformedSourceOptions {
  /** The streams must output as many bytes as they get, and not before they get them. */
  keepsLength: boolean;
  /**
   * The announced length of the output in bytes; null if none was announced. The last byte would complete the content
   * for a client that counts, so it is held until the streams have ended without an error: one may fail at its end.
   */
  announced: number | null;
  /** Translates the error of a stream. Errors of the source are not translated. Default: unchanged. */
  toError?: (error: Error) => Error;
}

/** A borrowed chunk that the first stream has not fully taken. */
interface Feed {
  bytes: Uint8Array;
  done: () => void;
  /** Bytes of it that have been taken. */
  at: number;
}

/**
 * Content that passes through the application's streams, in order. Borrowed bytes are copied before the first stream,
 * since a stream may keep them. The content ends only when the source and every stream have ended properly. In any other
 * case it fails. On failure and cancel, all streams are destroyed and the source is cancelled. So output from broken
 * content never looks complete.
 *
 * The streams are watched from construction on, so they can fail before the start. They must be unused.
 */
export class TransformedSource implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #streams: readonly Duplex[];
  readonly #first: Duplex;
  readonly #output: ReadableSource;
  readonly #options: TransformedSourceOptions;
  readonly #feeds: Feed[] = [];
  #isFeeding = false;
  #sink: ChunkSink | null = null;
  #failure: Error | null = null;
  #isOver = false;
  #bytesIn = 0;
  #bytesOut = 0;
  /** The last byte of content with an announced length. */
  #lastByte: Buffer | null = null;
  #inputEnded = false;
  #outputEnded = false;

  constructor(
    source: ChunkSource,
    streams: readonly [Duplex, ...Duplex[]],
    options: TransformedSourceOptions,
  ) {
    this.#source = source;
    this.#streams = streams;
    this.#options = options;
    this.#first = streams[0];
    this.#output = new ReadableSource(streams.at(-1) ?? this.#first);
    for (const stream of streams) {
      // Never removed: a destroyed stream can fail again, and must not end the process.
      stream.on('error', this.#onStreamError);
      stream.once('close', () => this.#onStreamClose(stream));
    }
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  start(sink: ChunkSink): void {
    if (this.#failure !== null) {
      sink.fail(this.#failure);
      return;
    }
    this.#sink = sink;
    for (const [index, stream] of this.#streams.entries()) {
      stream.once('finish', () => this.#settle());
      const next = this.#streams[index + 1];
      if (next !== undefined) this.#join(stream, next);
    }
    this.#output.start({
      chunk: (bytes, done) => this.#onOutput(bytes, done),
      end: () => this.#onOutputEnd(),
      fail: (error) => this.#onStreamError(error),
    });
    if (this.#isOver) return;
    this.#source.start({
      chunk: (bytes, done) => this.#onInput(bytes, done),
      end: () => this.#onInputEnd(),
      fail: (error) => this.#fail(error),
    });
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink = null;
    this.#giveUp();
  }

  /** Like `from.pipe(to)`, except that an error thrown by a write does not end the process. */
  #join(from: Duplex, to: Duplex): void {
    from.on('data', (chunk: Buffer) => {
      this.#write(() => {
        if (!to.write(chunk)) from.pause();
      });
    });
    to.on('drain', () => from.resume());
    from.once('end', () => this.#write(() => to.end()));
  }

  #write(write: () => void): void {
    if (this.#isOver) return;
    try {
      write();
    } catch (error) {
      this.#onStreamError(error as Error);
    }
  }

  #onInput(bytes: Uint8Array, done: () => void): void {
    this.#bytesIn += bytes.length;
    if (bytes.length === 0) {
      done();
      return;
    }
    this.#feeds.push({ bytes, done, at: 0 });
    if (!this.#isFeeding) this.#feed();
  }

  #onInputEnd(): void {
    this.#inputEnded = true;
    if (!this.#isFeeding) this.#feed();
  }

  /** Writes the next piece. A chunk is returned when its last piece has been taken. */
  #feed(): void {
    const [front] = this.#feeds;
    this.#isFeeding = front !== undefined;
    this.#write(() => {
      if (front !== undefined) {
        const piece = Buffer.from(front.bytes.subarray(front.at, front.at + PIECE_BYTES));
        front.at += piece.length;
        // An error is also emitted as an event.
        this.#first.write(piece, (error) => {
          if (!error) this.#onTaken(front);
        });
      } else if (this.#inputEnded) {
        this.#first.end();
      }
    });
  }

  #onTaken(feed: Feed): void {
    if (this.#isOver) return;
    if (feed.at === feed.bytes.length) {
      this.#feeds.shift();
      feed.done();
    }
    this.#feed();
  }

  #onOutput(bytes: Uint8Array, done: () => void): void {
    const { keepsLength, announced } = this.#options;
    this.#bytesOut += bytes.length;
    if (keepsLength && this.#bytesOut > this.#bytesIn) {
      done();
      this.#onStreamError(new Error('A stream that must not change the length gave more bytes than it got'));
    } else if (bytes.length > 0 && this.#bytesOut === announced) {
      this.#lastByte = Buffer.from(bytes.subarray(-1));
      if (bytes.length === 1) done();
      else this.#sink?.chunk(bytes.subarray(0, -1), done);
    } else {
      this.#sink?.chunk(bytes, done);
    }
  }

  #onOutputEnd(): void {
    const { keepsLength } = this.#options;
    if (!this.#inputEnded || this.#streams.some((stream) => !stream.writableEnded)) {
      this.#onStreamError(new Error('A stream ended before the content did'));
    } else if (keepsLength && this.#bytesOut < this.#bytesIn) {
      const lengths = `${this.#bytesOut} of ${this.#bytesIn} bytes`;
      this.#onStreamError(new Error(`A stream that must not change the length gave only ${lengths}`));
    } else {
      this.#outputEnded = true;
      this.#settle();
    }
  }

  /** Ends the content once all streams have finished: a stream can end its output first and still fail on its input. */
  #settle(): void {
    if (this.#isOver || !this.#outputEnded || this.#streams.some((stream) => !stream.writableFinished))
      return;
    this.#isOver = true;
    if (this.#lastByte !== null) this.#sink?.chunk(this.#lastByte, () => {});
    this.#sink?.end();
  }

  #onStreamClose(stream: Duplex): void {
    if (!stream.readableEnded || !stream.writableFinished)
      this.#onStreamError(new Error('A stream was closed before its end'));
  }

  readonly #onStreamError = (error: Error): void => this.#fail(this.#options.toError?.(error) ?? error);

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = error;
    const sink = this.#sink;
    this.#sink = null;
    this.#giveUp();
    sink?.fail(error);
  }

  #giveUp(): void {
    this.#source.cancel();
    this.#output.cancel();
    // Without an error: a stream may pass the error to another one that has no listener.
    for (const stream of this.#streams) stream.destroy();
    for (const { done } of this.#feeds.splice(0)) done();
  }
}
