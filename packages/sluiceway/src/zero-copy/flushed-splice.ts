import { queuedBytes } from '../net/write-queue.js';
import type { Splice, SpliceGate, SpliceOffer } from '../stream/splice.js';
import type { SpliceTarget } from './splice-job.js';
import { beginSplice } from './zero-copy.js';

/** A splice that begins once all earlier writes to its target have left this process. */
export class FlushedSplice implements Splice {
  readonly #offer: SpliceOffer;
  #splice: Splice | null = null;
  #isOver = false;

  /** `flush` calls back when all earlier writes have been handed to the operating system. */
  constructor(
    offer: SpliceOffer,
    target: SpliceTarget,
    flush: (onFlushed: () => void) => void,
    gate: SpliceGate | null = null,
  ) {
    this.#offer = offer;
    flush(() => {
      if (this.#isOver || target.socket.destroyed) return;
      const isFlushed = target.socket.writableLength === 0 && queuedBytes(target.socket) === 0;
      this.#splice = isFlushed ? beginSplice(offer, target, gate) : null;
      if (this.#splice === null) this.stop();
    });
  }

  cancel(): void {
    this.#isOver = true;
    this.#splice?.cancel();
  }

  stop(): void {
    if (this.#splice !== null) {
      this.#splice.stop();
    } else if (!this.#isOver) {
      this.#isOver = true;
      setImmediate(() => this.#offer.onStopped());
    }
  }
}
