import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';
import type { Splice, SpliceOffer } from './splice.js';

/** Watches the chunks between a source and a sink. */
export interface Meter {
  /** The delivery begins. The transfer now waits for the sender. */
  started(): void;
  /** A chunk of `bytes` bytes is lent. The transfer now waits for the receiver. */
  lent(bytes: number): void;
  /** All lent chunks are returned. The transfer now waits for the sender. Not called after the end. */
  allReturned(): void;
  /** The source has delivered everything, failed or been cancelled. */
  over(): void;
  /** Whether content can be spliced past this process, and is only counted. Default: no. */
  readonly allowsSplice?: boolean;
  /** The kernel has moved `bytes` bytes to the receiver's connection. The transfer now waits for the receiver. */
  moved?(bytes: number): void;
}

/** The same content, with a meter. Changes nothing. */
export class MeteredSource extends PassThrough {
  readonly #meter: Meter;
  #outstanding = 0;
  #started = false;
  #over = false;

  constructor(source: ChunkSource, meter: Meter) {
    super(source);
    this.#meter = meter;
  }

  /** Whether the delivery has begun and not ended. */
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
