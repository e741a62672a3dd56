import type { ChunkSink, ChunkSource } from './chunk-source.js';
import type { Flow } from './flow.js';
import { PassThrough } from './pass-through.js';
import { RateGate } from './rate-gate.js';
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
  /** The limits of the rate. Null, or no such member: there are none. Read for each chunk, so that they can be added. */
  readonly flow?: Flow | null;
  /** Content is held back by these limits. The transfer now waits for neither side. */
  heldBack?(): void;
}

/** The same content, with a meter, and no faster than the limits of the meter allow. */
export class MeteredSource extends PassThrough {
  readonly #meter: Meter;
  /** Created when the first limit applies. */
  #gate: RateGate | null = null;
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
    const flow = this.#meter.flow ?? null;
    if (this.#gate === null && flow !== null) this.#gate = new RateGate(flow, this);
    if (this.#gate === null) this.pass(bytes, done);
    else this.#gate.chunk(bytes, done);
  }

  /** Called by the gate: the limits let these bytes pass. */
  pass(bytes: Uint8Array, done: () => void): void {
    this.#outstanding += 1;
    this.#meter.lent(bytes.length);
    this.sink.chunk(bytes, () => {
      this.#outstanding -= 1;
      if (this.#outstanding === 0 && !this.#over) {
        if (this.#gate?.isHolding === true) this.#meter.heldBack?.();
        else this.#meter.allReturned();
      }
      done();
    });
  }

  /** Called by the gate. */
  heldBack(): void {
    if (this.#outstanding === 0 && !this.#over) this.#meter.heldBack?.();
  }

  splice(offer: SpliceOffer): Splice | null {
    const meter = this.#meter;
    // A splice obeys the limits of one meter.
    if (meter.allowsSplice !== true || offer.flow !== null) return null;
    return (
      this.sink.splice?.({
        source: offer.source,
        length: offer.length,
        flow: () => meter.flow ?? null,
        onMoved: (bytes) => {
          offer.onMoved(bytes);
          if (!this.#over) meter.moved?.(bytes);
        },
        onWait: (what) => {
          offer.onWait(what);
          if (this.#over) return;
          if (what === 'source') meter.allReturned();
          else if (what === 'target') meter.moved?.(0);
          else meter.heldBack?.();
        },
        onStopped: () => offer.onStopped(),
      }) ?? null
    );
  }

  override end(): void {
    if (this.#gate === null) this.#complete();
    else this.#gate.whenEmpty(() => this.#complete());
  }

  override fail(error: Error): void {
    this.#gate?.close();
    this.#end();
    this.sink.fail(error);
  }

  override cancel(): void {
    this.#gate?.close();
    this.#end();
    super.cancel();
  }

  #complete(): void {
    this.#end();
    this.sink.end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#meter.over();
  }
}
