import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';
import type { Splice, SpliceOffer } from './splice.js';

/** Watches chunks on their way from a source to a sink. */
export interface Meter {
  /** The delivery begins: the sender is waited for. */
  started(): void;
  /** A chunk of so many bytes is lent: from now on its receiver is waited for. */
  lent(bytes: number): void;
  /** All lent chunks are back: from now on the sender is waited for. Not called after the end. */
  allReturned(): void;
  /** The source has delivered everything or failed. */
  over(): void;
  /** Whether bytes may go past this process, so that they are only counted. Default: no. */
  readonly allowsSplice?: boolean;
  /** So many bytes have gone past this process, to the receiver's connection: from now on the receiver is waited for. */
  moved?(bytes: number): void;
}

/** The same content, with a meter on it. Changes nothing. */
export class MeteredSource extends PassThrough {
  readonly #meter: Meter;
  #outstanding = 0;
  #started = false;
  #over = false;

  constructor(source: ChunkSource, meter: Meter) {
    super(source);
    this.#meter = meter;
  }

  /** The delivery has begun and not ended. */
  get isRunning(): boolean {
    return this.#started && !this.#over;
  }

  override start(sink: ChunkSink): void {
    this.#started = true;
    this.#meter.started();
    super.start(sink);
  }

  override chunk(bytes: Uint8Array, done: () => void): void {
    this.#outstanding += 1;
    this.#meter.lent(bytes.length);
    this.sink.chunk(bytes, () => {
      this.#outstanding -= 1;
      if (this.#outstanding === 0 && !this.#over) this.#meter.allReturned();
      done();
    });
  }

  splice(offer: SpliceOffer): Splice | null {
    const meter = this.#meter;
    if (meter.allowsSplice !== true) return null;
    return (
      this.sink.splice?.({
        source: offer.source,
        length: offer.length,
        onMoved: (bytes) => {
          offer.onMoved(bytes);
          if (!this.#over) meter.moved?.(bytes);
        },
        onWait: (side) => {
          offer.onWait(side);
          if (this.#over) return;
          if (side === 'source') meter.allReturned();
          else meter.moved?.(0);
        },
        onStopped: () => offer.onStopped(),
      }) ?? null
    );
  }

  override end(): void {
    this.#end();
    this.sink.end();
  }

  override fail(error: Error): void {
    this.#end();
    this.sink.fail(error);
  }

  override cancel(): void {
    this.#end();
    super.cancel();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#meter.over();
  }
}
