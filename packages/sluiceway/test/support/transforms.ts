import { type Duplex, PassThrough, Transform } from 'node:stream';
import { until } from './until.js';

/** Turns latin1 letters into capitals. */
export function upperCase(): Transform {
  return new Transform({
    transform(chunk: Buffer, _, callback) {
      callback(null, Buffer.from(chunk.toString('latin1').toUpperCase(), 'latin1'));
    },
  });
}

/** The streams of all transfers, as they were made. */
export class MadeStreams {
  readonly all: Duplex[] = [];

  readonly #make: () => Duplex;

  constructor(make: () => Duplex = () => new PassThrough()) {
    this.#make = make;
  }

  /** For `transform.create`. */
  readonly create = (): Duplex => {
    const stream = this.#make();
    this.all.push(stream);
    return stream;
  };

  /** Waits until every stream is closed. */
  async closed(): Promise<void> {
    await until(() => this.all.every((stream) => stream.closed), 'every stream was closed');
  }
}
