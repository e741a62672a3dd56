import type { Meter } from '../../stream/metered-source.js';
import type { TransferTimeouts } from '../../stream/timeouts.js';

/**
 * Meters for content that passes through streams of the application's, before them and behind them. While the streams
 * have something to do, and the client has everything that they have given, neither side holds the transfer up: no
 * idle timeout runs, as while a hook runs.
 */
export class TransformMeters {
  readonly input: Meter;
  readonly output: Meter;
  readonly #timeouts: TransferTimeouts;
  /** The streams have taken all that has come, and more is to come. */
  #isHungry = true;
  /** The client has bytes to take. */
  #isServing = false;
  #isOver = false;

  /** `download` is told of what the client gets. */
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
