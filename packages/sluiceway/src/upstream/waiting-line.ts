import { SluicewayError } from '../errors.js';

/** An exchange that waits for a connection. */
export interface Waiter {
  /** Passes the function that removes it from the line. `leaveLine` and an abort call it. */
  waits(leave: () => void): void;
  leaveLine(): void;
  failed(error: SluicewayError): void;
}

export interface LineLimits {
  maxConnections: number;
  maxQueued: number;
  connectTimeoutMs: number;
}

/**
 * The exchanges that wait for a connection to a destination, in order of arrival and with a time limit. An exchange that
 * returns, because a connection ended before it processed the request, keeps its place.
 */
export class WaitingLine<W extends Waiter> {
  readonly #limits: LineLimits;
  readonly #isConnecting: () => boolean;
  #waiting = new Set<W>();
  readonly #places = new WeakMap<W, number>();
  #placesGiven = 0;

  /** While `isConnecting` returns true, the time limit is extended: connecting has its own timeout. */
  constructor(limits: LineLimits, isConnecting: () => boolean = () => false) {
    this.#limits = limits;
    this.#isConnecting = isConnecting;
  }

  get length(): number {
    return this.#waiting.size;
  }

  enter(waiter: W): void {
    const { maxQueued, maxConnections, connectTimeoutMs } = this.#limits;
    if (this.#waiting.size >= maxQueued) {
      const message = `${maxConnections} connections are in use and ${maxQueued} requests wait for one`;
      waiter.failed(new SluicewayError('connection_limit_reached', message));
      return;
    }
    let timer: NodeJS.Timeout;
    const leave = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(waiter);
    };
    const watch = (): void => {
      timer = setTimeout(() => {
        if (this.#isConnecting()) {
          watch();
          return;
        }
        leave();
        const message = `No connection became free within ${connectTimeoutMs} ms`;
        waiter.failed(new SluicewayError('connection_limit_reached', message));
      }, connectTimeoutMs);
    };
    watch();
    this.#waiting.add(waiter);
    if (this.#places.has(waiter)) this.#sort();
    else this.#places.set(waiter, (this.#placesGiven += 1));
    waiter.waits(leave);
  }

  #sort(): void {
    const placeOf = (waiter: W): number => this.#places.get(waiter) ?? 0;
    this.#waiting = new Set([...this.#waiting].toSorted((a, b) => placeOf(a) - placeOf(b)));
  }

  /** The exchange that is served next. */
  get first(): W | undefined {
    const [first] = this.#waiting;
    return first;
  }

  /** Removes and returns the first exchange. */
  next(): W | undefined {
    const { first } = this;
    first?.leaveLine();
    return first;
  }

  /** All waiting exchanges. Does not remove them. */
  all(): W[] {
    return [...this.#waiting];
  }
}
