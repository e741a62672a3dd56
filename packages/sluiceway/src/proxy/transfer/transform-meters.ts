import type { Meter } from '../../stream/metered-source.js';
import type { TransferTimeouts } from '../../stream/timeouts.js';

/**
 * Meters content before and after the application's streams. While the streams are busy and the client has taken all
 * of their output, neither side delays the transfer, so no idle timeout runs (as while a hook runs).
 */
export class TransformMeters {
  readonly input: Meter;
  readonly output: Meter;
  readonly #timeouts: TransferTimeouts;
  /** The streams have taken all content so far, and more will come. */
  #isHungry = true;
  /** The client has not yet taken all output. */
  #isServing = false;
  #isOver = false;

  /** `download` meters the output. */
  constructor(timeouts: TransferTimeouts, download: Meter) {
    this.#timeouts = timeouts;
    this.input = {
      started: () => {},
      lent: (bytes) => {
        timeouts.progress(bytes);
        this.#setHungry(false);
      },
      allReturned: () => this.#setHungry(true),
      over: () => this.#setHungry(false),
    };
    this.output = {
      started: () => download.started(),
      lent: (bytes) => {
        this.#isServing = true;
        download.lent(bytes);
      },
      allReturned: () => {
        this.#isServing = false;
        this.#check();
      },
      over: () => {
        this.#isOver = true;
        download.over();
      },
    };
  }

  #setHungry(isHungry: boolean): void {
    this.#isHungry = isHungry;
    this.#check();
  }

  #check(): void {
    if (!this.#isServing && !this.#isOver)
      this.#timeouts.responseWaitsFor(this.#isHungry ? 'upstream' : 'nobody');
  }
}
