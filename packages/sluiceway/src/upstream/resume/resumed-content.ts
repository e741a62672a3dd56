import { SluicewayError } from '../../errors.js';
import { Fields } from '../../http/fields.js';
import type { ChunkSink, ChunkSource } from '../../stream/chunk-source.js';
import type { Splice, SpliceOffer } from '../../stream/splice.js';
import type { DigestCheck } from '../../stream/verified-source.js';
import { DeliveredTail } from './delivered-tail.js';
import type { ResumePoint } from './resume-point.js';
import { isBreak } from './resume-policy.js';

/** Finds the rest of a content. */
export interface RestFinder {
  /** The rest after a gap; null where nothing is left. Rejects where there is no hope, or no use any more. */
  find(gap: Gap): Promise<Rest | null>;
  /** Gives the search under way up: nobody wants the rest any more. */
  stop(): void;
}

/** Where content does not go on. */
export interface Gap {
  position: number;
  /** No byte has come since the rest was asked for last. */
  isStuck: boolean;
  /** What is wrong. */
  error: SluicewayError;
  /** The last bytes before `position`; empty where they are not known. */
  delivered: Buffer;
  /** For how long the origin server has sent nothing, whose content may go on yet; null where it is broken. */
  silentMs: number | null;
}

export interface Rest {
  content: ChunkSource;
  /** Position after the last byte that is wanted. */
  end: number;
  /** What its content must hash to; null where nothing tells. */
  check: DigestCheck | null;
}

/**
 * Content that goes on where it breaks: whoever takes it sees one content, which fails only where no rest can be found.
 * Where its sender is silent, the rest is asked for beside it, and the first of them that goes on is taken.
 *
 * Chunks pass as they are: their bytes are counted, and the last few of them are copied. After a break each chunk is counted
 * out and in as well: the next break waits until the sink has returned what it was lent since, so that a sink that
 * stands still cannot have more and more memory lent to it.
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
  /** Where the last break was. */
  #brokenAt = -1;
  /** Of the rests so far: what one has begun the next ones go on with. */
  #checks: DigestCheck[] = [];
  #lent = 0;
  #onAllReturned: (() => void) | null = null;

  readonly #needsTrailers: boolean;

  /**
   * `makeFinder` is called at the first break: to make one for each small response would cost it a third. Where
   * `needsTrailers`, content is not whole without the trailers that its head announces.
   */
  constructor(content: ChunkSource, part: ResumePoint, makeFinder: () => RestFinder, needsTrailers = false) {
    this.#needsTrailers = needsTrailers;
    this.#source = content;
    this.#position = part.start;
    this.#end = part.end ?? Number.POSITIVE_INFINITY;
    this.#makeFinder = makeFinder;
  }

  /** Those of a part would not be those of the whole, but for the digest of the representation. */
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

  /** Gives the sender up, as if the content had broken there. False where nothing is under way. */
  interrupt(error: SluicewayError): boolean {
    if (this.#sink === null) return false;
    // It is being mended already, which has limits of its own.
    if (this.#isBroken) return true;
    this.#source.cancel();
    this.fail(error);
    return true;
  }

  /** The sender has been silent for so long, although the sink waits for it: asks for the rest, and waits for both. */
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
    // Behind the last byte there is nothing to ask for.
    if (this.#position < this.#end) this.#tail.remember(bytes, this.#position);
    this.#sink?.chunk(bytes, done);
  }

  /**
   * Bytes that are moved past this process are counted, so that the rest begins at the right one. There is no copy of them
   * to compare it with, so that validators alone prove it. What has to be hashed comes in chunks.
   */
  splice(offer: SpliceOffer): Splice | null {
    const sink = this.#sink;
    if (this.#checks.length > 0 || this.#position + offer.length > this.#end) return null;
    return (
      sink?.splice?.({
        source: offer.source,
        length: offer.length,
        onMoved: (bytes) => {
          if (this.#hedge !== null) this.#dropHedge();
          this.#position += bytes;
          offer.onMoved(bytes);
        },
        onWait: (side) => offer.onWait(side),
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
    // All has come but the end of a framing, and there is no range that is empty.
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

  /** Returns why the bytes must not be delivered, or null. */
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
      // The content itself may go on yet.
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

  /** The content itself goes on, or is over: its rest need not come from elsewhere. */
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
