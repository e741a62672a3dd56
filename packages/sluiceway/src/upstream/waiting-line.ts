import { SluicewayError } from '../errors.js';

/** An exchange that waits for a connection. */
export interface Waiter {
  /** Tells how to take it out of the line: for `leaveLine`, and for when it is given up. */
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
 * The exchanges that wait for one of the connections to a destination, first come, first served, and not for ever. One
 * that comes back, since a connection has ended before it did anything for it, has its old place.
 */
export class WaitingLine<W extends Waiter> {
  readonly #limits: LineLimits;
  readonly #isConnecting: () => boolean;
  #waiting = new Set<W>();
  readonly #places = new WeakMap<W, number>();
  #placesGiven = 0;

  /** While `isConnecting` says so, a connection is awaited that has a time limit of its own. */
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

  /** Who is served next. */
  get first(): W | undefined {
    const [first] = this.#waiting;
    return first;
  }

  /** Takes the first one out. */
  next(): W | undefined {
    const { first } = this;
    first?.leaveLine();
    return first;
  }

  /** All of them, who stay in the line. */
  all(): W[] {
    return [...this.#waiting];
  }
}
