import { SluicewayError, toSluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import type { ChunkSink, ChunkSource } from '../../stream/chunk-source.js';
import type { Splice, SpliceOffer } from '../../stream/splice.js';

/** The result of a comparison. */
export type Comparison =
  | 'same'
  /** The bytes differ from those that were delivered. */
  | 'different'
  /** The content failed or was cancelled before the end of the comparison. */
  | SluicewayError;

/**
 * Content whose first `skip` bytes were delivered before. Compares the last of them with a copy of what was delivered,
 * and delivers the content from the next byte on, once it is started. Until then, its source waits for the chunks that it
 * has lent.
 */
export class ComparedSource implements ChunkSource, ChunkSink {
  readonly #source: ChunkSource;
  readonly #delivered: Buffer;
  readonly #onSkipped: (bytes: Uint8Array) => void;
  #skip: number;
  #onCompared: ((result: Comparison) => void) | null = null;
  #onProgress: () => void = () => {};
  #sink: ChunkSink | null = null;
  /** Events before the start. */
  readonly #waiting: Event[] = [];
  #isStarted = false;
  #isCancelled = false;

  /** `delivered`: a copy of the last bytes before the first new one. It may be shorter or longer than `skip`. */
  constructor(
    source: ChunkSource,
    skip: number,
    delivered: Buffer,
    onSkipped: (bytes: Uint8Array) => void = () => {},
  ) {
    this.#source = source;
    this.#skip = skip;
    this.#delivered = delivered;
    this.#onSkipped = onSkipped;
  }

  /** Bytes that still have to be skipped. */
  get left(): number {
    return this.#skip;
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  /** Reads up to the first new byte. Calls `onProgress` when bytes arrive. */
  compare(onProgress: () => void): Promise<Comparison> {
    return new Promise((resolve) => {
      this.#onCompared = resolve;
      this.#onProgress = onProgress;
      this.#isStarted = true;
      this.#source.start(this);
    });
  }

  /** Starts the delivery. If there are bytes to compare, call it after the comparison. */
  start(sink: ChunkSink): void {
    this.#sink = sink;
    if (!this.#isStarted) this.#source.start(this);
    for (const event of this.#waiting.splice(0)) this.#pass(event);
  }

  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#source.cancel();
    for (const event of this.#waiting.splice(0)) this.#pass(event);
    this.#compared(new SluicewayError('http_response_incomplete', 'The request for the rest was cancelled'));
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    const skipped = Math.min(this.#skip, bytes.length);
    if (skipped === 0) {
      this.#pass({ bytes, done });
      return;
    }
    const part = bytes.subarray(0, skipped);
    this.#onSkipped(part);
    if (!this.#isSame(part)) {
      this.#source.cancel();
      this.#isCancelled = true;
      done();
      this.#compared('different');
      return;
    }
    this.#skip -= skipped;
    this.#onProgress();
    if (this.#skip === 0) this.#compared('same');
    if (skipped === bytes.length) done();
    else this.#pass({ bytes: bytes.subarray(skipped), done });
  }

  splice(offer: SpliceOffer): Splice | null {
    return this.#skip > 0 || this.#isCancelled ? null : (this.#sink?.splice?.(offer) ?? null);
  }

  end(): void {
    if (this.#skip > 0)
      this.#compared(new SluicewayError('http_response_incomplete', 'The rest ended before its new bytes'));
    else this.#pass('end');
  }

  fail(error: Error): void {
    if (this.#skip > 0) this.#compared(toSluicewayError(error, 'http_response_incomplete'));
    else this.#pass(error);
  }

  /** Whether the next skipped bytes equal the delivered ones, as far as those were copied. */
  #isSame(bytes: Uint8Array): boolean {
    const delivered = this.#delivered;
    const at = delivered.length - this.#skip;
    const uncopied = Math.max(0, -at);
    if (uncopied >= bytes.length) return true;
    return delivered.subarray(at + uncopied, at + bytes.length).equals(bytes.subarray(uncopied));
  }

  #compared(result: Comparison): void {
    const onCompared = this.#onCompared;
    this.#onCompared = null;
    onCompared?.(result);
  }

  #pass(event: Event): void {
    if (this.#isCancelled) {
      if (typeof event === 'object' && 'done' in event) event.done();
    } else if (this.#sink === null) this.#waiting.push(event);
    else if (event === 'end') this.#sink.end();
    else if (event instanceof Error) this.#sink.fail(event);
    else this.#sink.chunk(event.bytes, event.done);
  }
}

/** A call of a source to its sink. */
type Event = { bytes: Uint8Array; done: () => void } | 'end' | Error;
