import type { ChunkSink, ChunkSource } from './chunk-source.js';
import { PassThrough } from './pass-through.js';

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
