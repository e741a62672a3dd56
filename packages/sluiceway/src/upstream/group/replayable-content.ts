import type { Fields } from '../../http/fields.js';
import type { ChunkSink, ChunkSource } from '../../stream/chunk-source.js';
import type { Splice, SpliceOffer } from '../../stream/splice.js';

/** What `ReplayableContent` tells about bytes that it sends again. */
export interface ReplayListener {
  /** Bytes that were kept wait for the server. */
  onReplay(): void;
  /** The server has taken them. `isComplete`: there are no more bytes. */
  onReplayed(isComplete: boolean): void;
}

/**
 * Request content for several attempts. Up to `maxBytes` of it are kept and sent again. While nothing more was read, an
 * attempt that is cancelled does not cancel the content.
 */
export class ReplayableContent implements ChunkSink {
  readonly #source: ChunkSource;
  readonly #maxBytes: number;
  readonly #listener: ReplayListener;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  /** More was read than is kept. */
  #isLost = false;
  #isStarted = false;
  #isSettled = false;
  /** The source has delivered all content, or has failed. */
  #ending: 'end' | Error | null = null;
  #sink: ChunkSink | null = null;
  /** The last attempt was cancelled before the content had ended. */
  #isCancelled = false;
  /** Chunks that have arrived between two attempts. */
  readonly #waiting: { bytes: Uint8Array; done: () => void }[] = [];

  constructor(source: ChunkSource, maxBytes: number, listener: ReplayListener) {
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#listener = listener;
  }

  /** Whether another attempt can send the content from its first byte. */
  get isKept(): boolean {
    return !this.#isLost && !(this.#ending instanceof Error);
  }

  /** The content for one attempt. The attempt before must have failed or been cancelled. */
  attempt(): ChunkSource {
    this.#sink = null;
    this.#isCancelled = false;
    let isOver = false;
    const trailersOf = (): Fields | null => this.#source.trailers;
    return {
      get trailers() {
        return trailersOf();
      },
      start: (sink) => {
        if (!isOver) this.#start(sink);
      },
      cancel: () => {
        if (isOver) return;
        isOver = true;
        this.#detach();
      },
    };
  }

  /** No further attempt follows. If the last one was cancelled, the content is cancelled too. */
  settle(): void {
    this.#isSettled = true;
    this.#kept = [];
    if (this.#isCancelled) this.#cancel();
  }

  #start(sink: ChunkSink): void {
    this.#sink = sink;
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#source.start(this);
      return;
    }
    if (this.#keptBytes > 0) {
      this.#listener.onReplay();
      sink.chunk(Buffer.concat(this.#kept), () => {
        if (this.#sink === sink) this.#listener.onReplayed(this.#ending !== null);
      });
    }
    for (const { bytes, done } of this.#waiting.splice(0)) this.chunk(bytes, done);
    if (this.#ending === 'end') this.#sink?.end();
    else if (this.#ending !== null) this.#sink?.fail(this.#ending);
  }

  #detach(): void {
    this.#sink = null;
    this.#isCancelled = true;
    if (this.#isSettled || this.#isLost) this.#cancel();
  }

  #cancel(): void {
    this.#source.cancel();
    for (const { done } of this.#waiting.splice(0)) done();
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    if (this.#sink === null) this.#waiting.push({ bytes, done });
    else this.#deliver(this.#sink, bytes, done);
  }

  #deliver(sink: ChunkSink, bytes: Uint8Array, done: () => void): void {
    if (!this.#isLost && !this.#isSettled && this.#keptBytes + bytes.length <= this.#maxBytes) {
      // The chunk is only borrowed.
      this.#kept.push(Buffer.from(bytes));
      this.#keptBytes += bytes.length;
    } else {
      this.#isLost = true;
      this.#kept = [];
    }
    sink.chunk(bytes, done);
  }

  end(): void {
    this.#ending = 'end';
    this.#sink?.end();
  }

  fail(error: Error): void {
    this.#ending = error;
    this.#sink?.fail(error);
  }

  /** Bytes that are moved past this process cannot be kept. */
  splice(offer: SpliceOffer): Splice | null {
    return this.#isLost ? (this.#sink?.splice?.(offer) ?? null) : null;
  }
}
