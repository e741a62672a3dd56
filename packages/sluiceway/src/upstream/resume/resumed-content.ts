import { SluicewayError } from '../../errors.js';
import { Fields } from '../../http/fields.js';
import type { ChunkSink, ChunkSource } from '../../stream/chunk-source.js';
import type { Splice, SpliceOffer } from '../../stream/splice.js';
import type { DigestCheck } from '../../stream/verified-source.js';
import { DeliveredTail } from './delivered-tail.js';
import type { ResumePoint } from './resume-point.js';
import { isBreak } from './resume-policy.js';

/** Finds the rest of broken content. */
export interface RestFinder {
  /** Returns the rest after a gap; null if nothing is left. Rejects if there is no rest, or after `stop`. */
  find(gap: Gap): Promise<Rest | null>;
  /** Stops the current search: the rest is no longer needed. */
  stop(): void;
}

/** The position at which content stops, and why. */
export interface Gap {
  position: number;
  /** No byte has arrived since the rest was last requested. */
  isStuck: boolean;
  /** Why the content has stopped. */
  error: SluicewayError;
  /** The last bytes before `position`; empty if they are not known. */
  delivered: Buffer;
  /** How long the origin server has been silent, if its content may still continue; null if the content is broken. */
  silentMs: number | null;
}

export interface Rest {
  content: ChunkSource;
  /** Position after the last needed byte. */
  end: number;
  /** Verifies its content; null if it has no digest. */
  check: DigestCheck | null;
}

/**
 * Content that continues after a break. The sink sees one content, which fails only if no rest is found. If the sender is
 * silent, the rest is requested in parallel, and the first of the two that continues is used.
 *
 * Chunks pass unchanged: their bytes are counted, and the last few bytes are copied. After a break, lent chunks are
 * counted as well: the next break waits until the sink has returned them, so that a stalled sink does not hold more and
 * more memory.
 */
export class ResumedContent implements ChunkSource, ChunkSink {
  readonly #makeFinder: () => RestFinder;
  #finder: RestFinder | null = null;
  #source: ChunkSource;
  #sink: ChunkSink | null = null;
  #position: number;
  #end: number;
  readonly #tail = new DeliveredTail();
  #isBroken = false;
  /** The search for the rest of content whose sender is silent. */
  #hedge: object | null = null;
  #isResumed = false;
  /** The position of the last break. */
  #brokenAt = -1;
  /** Digest checks of the rests so far. A check that one rest has begun continues with the next. */
  #checks: DigestCheck[] = [];
  #lent = 0;
  #onAllReturned: (() => void) | null = null;

  readonly #needsTrailers: boolean;

  /**
   * `makeFinder` is called at the first break, since making a finder for each small response would be expensive.
   * `needsTrailers`: the content is not complete without the trailers that its head announces.
   */
  constructor(content: ChunkSource, part: ResumePoint, makeFinder: () => RestFinder, needsTrailers = false) {
    this.#needsTrailers = needsTrailers;
    this.#source = content;
    this.#position = part.start;
    this.#end = part.end ?? Number.POSITIVE_INFINITY;
    this.#makeFinder = makeFinder;
  }

  /** After a break, only the digest of the representation: other trailers of a part do not apply to the whole. */
  get trailers(): Fields | null {
    const { trailers } = this.#source;
    if (!this.#isResumed || trailers === null) return trailers;
    const digests = trailers.getAll('repr-digest');
    return digests.length === 0 ? null : new Fields(digests.flatMap((value) => ['Repr-Digest', value]));
  }

  start(sink: ChunkSink): void {
    this.#sink = sink;
    this.#source.start(this);
  }

  cancel(): void {
    this.#sink = null;
    this.#source.cancel();
    this.#hedge = null;
    this.#finder?.stop();
  }

  /** Gives up the current sender, as if the content had broken. False if no content is being delivered. */
  interrupt(error: SluicewayError): boolean {
    if (this.#sink === null) return false;
    // A search for the rest is already running, with its own limits.
    if (this.#isBroken) return true;
    this.#source.cancel();
    this.fail(error);
    return true;
  }

  /** Called if the sender has been silent for `ms` while the sink waits. Requests the rest, and waits for both. */
  onSilence(ms: number): void {
    if (this.#sink === null || this.#isBroken || this.#hedge !== null) return;
    if (this.#lent === 0 && this.#position < this.#end) void this.#runHedge(ms);
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    if (this.#hedge !== null) this.#dropHedge();
    this.#position += bytes.length;
    if (this.#position > this.#end) {
      this.#refuse(done, new SluicewayError('http_protocol_error', 'The content is longer than announced'));
      return;
    }
    const error = this.#checks.length === 0 ? null : this.#verify(bytes);
    if (error !== null) {
      this.#refuse(done, error);
      return;
    }
    // After the last byte, there is nothing to request.
    if (this.#position < this.#end) this.#tail.remember(bytes, this.#position);
    this.#sink?.chunk(bytes, done);
  }

  /**
   * Spliced bytes are counted, so that the rest begins at the right position. They are not copied, so the rest cannot be
   * compared with them, and only validators prove it. Content that has to be hashed comes in chunks.
   */
  splice(offer: SpliceOffer): Splice | null {
    const sink = this.#sink;
    if (this.#checks.length > 0 || this.#position + offer.length > this.#end) return null;
    return (
      sink?.splice?.({
        source: offer.source,
        length: offer.length,
        flow: offer.flow,
        onMoved: (bytes) => {
          if (this.#hedge !== null) this.#dropHedge();
          this.#tail.forget();
          this.#position += bytes;
          offer.onMoved(bytes);
        },
        onWait: (what) => offer.onWait(what),
        onStopped: () => offer.onStopped(),
      }) ?? null
    );
  }

  end(): void {
    if (this.#position < this.#end && this.#end !== Number.POSITIVE_INFINITY)
      this.fail(new SluicewayError('http_response_incomplete', 'The content ended before its announced end'));
    else this.#finish()?.end();
  }

  fail(error: Error): void {
    if (this.#sink === null) return;
    if (this.#hedge !== null) this.#dropHedge();
    if (!isBreak(error)) this.#finish()?.fail(error);
    // Everything except the end of the framing has arrived, and an empty range cannot be requested.
    else if (this.#position === this.#end) {
      if (this.#needsTrailers && !this.#isResumed) this.#finish()?.fail(error);
      else this.#finish()?.end();
    } else void this.#resume(error);
  }

  #refuse(done: () => void, error: Error): void {
    this.#source.cancel();
    done();
    this.#finish()?.fail(error);
  }

  /** Returns an error if the bytes must not be delivered. */
  #verify(bytes: Uint8Array): Error | null {
    const errors = this.#checks.map((check) => check.take(bytes));
    this.#checks = this.#checks.filter((check) => !check.isOver);
    return errors.find((error) => error !== null) ?? null;
  }

  #finish(): ChunkSink | null {
    const sink = this.#sink;
    this.#sink = null;
    if (this.#hedge !== null) this.#dropHedge();
    return sink;
  }

  async #resume(error: SluicewayError): Promise<void> {
    this.#isBroken = true;
    const isStuck = this.#position === this.#brokenAt;
    this.#brokenAt = this.#position;
    try {
      if (this.#lent > 0) await new Promise<void>((resolve) => (this.#onAllReturned = resolve));
      if (this.#sink === null) return;
      const rest = await this.#find(isStuck, error, null);
      if (this.#sink === null) {
        rest?.content.cancel();
        return;
      }
      this.#isBroken = false;
      this.#goOn(rest);
    } catch (failure) {
      this.#finish()?.fail(failure as Error);
    }
  }

  async #runHedge(silentMs: number): Promise<void> {
    const hedge = {};
    this.#hedge = hedge;
    const error = new SluicewayError(
      'connection_read_timeout',
      `The origin server was silent for ${silentMs} ms`,
    );
    let rest: Rest | null;
    try {
      rest = await this.#find(false, error, silentMs);
    } catch (failure) {
      if (this.#hedge !== hedge) return;
      this.#hedge = null;
      // The content itself may still continue.
      if (!(failure instanceof SluicewayError)) this.#finish()?.fail(failure as Error);
      return;
    }
    if (this.#hedge !== hedge) {
      rest?.content.cancel();
      return;
    }
    this.#hedge = null;
    this.#brokenAt = this.#position;
    this.#source.cancel();
    this.#goOn(rest);
  }

  #find(isStuck: boolean, error: SluicewayError, silentMs: number | null): Promise<Rest | null> {
    const position = this.#position;
    this.#finder ??= this.#makeFinder();
    return this.#finder.find({
      position,
      isStuck,
      error,
      delivered: this.#tail.before(position),
      silentMs,
    });
  }

  /** Stops the parallel search: the content itself continues, or is over. */
  #dropHedge(): void {
    this.#hedge = null;
    this.#finder?.stop();
  }

  #goOn(rest: Rest | null): void {
    this.#isResumed = true;
    if (rest === null) {
      this.#finish()?.end();
      return;
    }
    this.#source = rest.content;
    this.#end = rest.end;
    if (rest.check !== null) this.#checks.push(rest.check);
    rest.content.start({
      chunk: (bytes, done) => this.#lend(bytes, done),
      end: () => this.end(),
      fail: (failure) => this.fail(failure),
      splice: (offer) => this.splice(offer),
    });
  }

  #lend(bytes: Uint8Array, done: () => void): void {
    this.#lent += 1;
    this.chunk(bytes, () => {
      this.#lent -= 1;
      done();
      if (this.#lent > 0) return;
      const onAllReturned = this.#onAllReturned;
      this.#onAllReturned = null;
      onAllReturned?.();
    });
  }
}
