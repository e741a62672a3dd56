import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';

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
export class MeteredSource implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #meter: Meter;
  #outstanding = 0;
  #started = false;
  #over = false;

  constructor(source: ChunkSource, meter: Meter) {
    this.#source = source;
    this.#meter = meter;
  }

  get trailers(): Fields | null {
    return this.#source.trailers;
  }

  /** The delivery has begun and not ended. */
  get isRunning(): boolean {
    return this.#started && !this.#over;
  }

  start(sink: ChunkSink): void {
    this.#started = true;
    this.#meter.started();
    this.#source.start({
      chunk: (bytes, done) => {
        this.#outstanding += 1;
        this.#meter.lent(bytes.length);
        sink.chunk(bytes, () => {
          this.#outstanding -= 1;
          if (this.#outstanding === 0 && !this.#over) this.#meter.allReturned();
          done();
        });
      },
      end: () => {
        this.#end();
        sink.end();
      },
      fail: (error) => {
        this.#end();
        sink.fail(error);
      },
    });
  }

  cancel(): void {
    this.#end();
    this.#source.cancel();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#meter.over();
  }
}
