import type { Duplex } from 'node:stream';
import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { ReadableSource } from './readable-source.js';

/** Content is copied for the first stream in pieces of this size, each when the one before has been taken. */
const PIECE_BYTES = 64 * 1024;

export interface TransformedSourceOptions {
  /** As much has to come out as goes in, and nothing before it has gone in. */
  keepsLength: boolean;
  /**
   * So many bytes will come out, as has been announced; null where nothing was. With the last of them the content
   * would be whole for whoever counts, so it is kept until the streams have ended well: one may refuse at the end.
   */
  announced: number | null;
  /** Translates what a stream fails with; what the source fails with stays as it is. Default: as it is. */
  toError?: (error: Error) => Error;
}

/** A borrowed chunk that the first stream has not taken all of. */
interface Feed {
  bytes: Uint8Array;
  done: () => void;
  /** So many bytes of it have been taken. */
  at: number;
}

/**
 * Content that passes through streams of somebody else's, in order. Borrowed bytes are copied on their way in, since
 * a stream may keep them. It ends only when the source and every stream have ended properly; whatever else happens,
 * it fails, and then, as when it is cancelled, all streams are destroyed and the source is given up. Nothing that
 * the streams would make of content that was broken off gets out as if it were whole.
 *
 * The streams are watched from the beginning, so they may fail before the start. They must be unused.
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
  /** The announced content's last byte. */
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
      // Stays for ever: a stream that is destroyed may fail once more, and must not end the process.
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

  /** As `from.pipe(to)`, but that what a stream throws while it is written to does not end the process. */
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

  /** Writes the next piece; a chunk goes back when its last one has been taken. */
  #feed(): void {
    const [front] = this.#feeds;
    this.#isFeeding = front !== undefined;
    this.#write(() => {
      if (front !== undefined) {
        const piece = Buffer.from(front.bytes.subarray(front.at, front.at + PIECE_BYTES));
        front.at += piece.length;
        // An error comes as an event as well.
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
      this.#onStreamError(new Error('More came out of a stream that changes nothing than went in'));
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
      this.#onStreamError(new Error(`Only ${lengths} came out of a stream that changes nothing`));
    } else {
      this.#outputEnded = true;
      this.#settle();
    }
  }

  /** A stream may end what it gives before it has dealt with all that it got, and fail at that yet. */
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
    // Without an error: what a stream passes one on to may have nobody to listen.
    for (const stream of this.#streams) stream.destroy();
    for (const { done } of this.#feeds.splice(0)) done();
  }
}
