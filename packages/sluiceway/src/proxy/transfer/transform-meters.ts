import type { Meter } from '../../stream/metered-source.js';
import type { TransferTimeouts } from '../../stream/timeouts.js';

/**
 * Meters content before and after the application's streams. While the streams are busy and the receiver has taken all
 * of their output, neither side delays the transfer, so no idle timeout runs (as while a hook runs).
 */
export class TransformMeters {
  readonly input: Meter;
  readonly output: Meter;
  readonly #waitFor: (isHungry: boolean) => void;
  /** The streams have taken all content so far, and more will come. */
  #isHungry = true;
  /** The receiver has not yet taken all output. */
  #isServing = false;
  #isOver = false;

  /**
   * `outer` meters the output. `waitFor` is called while the receiver has taken all output, with whether the streams wait
   * for content. By default it sets the timeouts of a response. `limits`: the side of the client, whose rate is limited.
   */
  constructor(
    timeouts: TransferTimeouts,
    outer: Meter,
    waitFor: (isHungry: boolean) => void = (isHungry) =>
      timeouts.responseWaitsFor(isHungry ? 'upstream' : 'nobody'),
    limits: 'input' | 'output' = 'output',
  ) {
    this.#waitFor = waitFor;
    this.input = {
      get flow() {
        return limits === 'input' ? (outer.flow ?? null) : null;
      },
      heldBack: () => this.#setHungry(false),
      started: () => {},
      lent: (bytes) => {
        timeouts.progress(bytes);
        this.#setHungry(false);
      },
      allReturned: () => this.#setHungry(true),
      over: () => this.#setHungry(false),
    };
    this.output = {
      get flow() {
        return limits === 'output' ? (outer.flow ?? null) : null;
      },
      heldBack: () => {
        this.#isServing = true;
        outer.heldBack?.();
      },
      started: () => outer.started(),
      lent: (bytes) => {
        this.#isServing = true;
        outer.lent(bytes);
      },
      allReturned: () => {
        this.#isServing = false;
        this.#check();
      },
      over: () => {
        this.#isOver = true;
        outer.over();
      },
    };
  }

  #setHungry(isHungry: boolean): void {
    this.#isHungry = isHungry;
    this.#check();
  }

  #check(): void {
    if (!this.#isServing && !this.#isOver) this.#waitFor(this.#isHungry);
  }
}
