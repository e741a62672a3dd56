import { SluicewayError, toSluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import type { ChunkSink, ChunkSource } from '../../stream/chunk-source.js';
import type { Splice, SpliceOffer } from '../../stream/splice.js';

/** How a comparison has ended. */
export type Comparison =
  | 'same'
  /** These are not the bytes that were delivered. */
  | 'different'
  /** The content has failed before, or has been cancelled. */
  | SluicewayError;

/**
 * Content whose first `skip` bytes have been delivered before: the last of them are compared with a copy of what was
 * delivered. The content goes on from the byte after them, once somebody takes it. Until then its source waits for the
 * chunks that it has lent.
 */
export class ComparedSource implements ChunkSource, ChunkSink {
  readonly #source: ChunkSource;
  readonly #delivered: Buffer;
  readonly #onSkipped: (bytes: Uint8Array) => void;
  #skip: number;
  #onCompared: ((result: Comparison) => void) | null = null;
  #onProgress: () => void = () => {};
  #sink: ChunkSink | null = null;
  /** What has come before anybody took the content. */
  readonly #waiting: Event[] = [];
  #isStarted = false;
  #isCancelled = false;

  /** `delivered` are the last bytes of those that are skipped, or some of the last. */
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

  /** Bytes that are still to be skipped. */
  get left(): number {
    return this.#skip;
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  /** Reads up to the first byte that is new. `onProgress` is called as bytes come. */
  compare(onProgress: () => void): Promise<Comparison> {
    return new Promise((resolve) => {
      this.#onCompared = resolve;
      this.#onProgress = onProgress;
      this.#isStarted = true;
      this.#source.start(this);
    });
  }

  /** To be called once the bytes have been compared, if there are any. */
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
    this.#compared(new SluicewayError('http_response_incomplete', 'The rest was given up'));
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

  /** Of the next bytes to be skipped those count that are among the copied ones. */
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

/** What a source tells its sink. */
type Event = { bytes: Uint8Array; done: () => void } | 'end' | Error;
