import { SluicewayError } from '../errors.js';
import type { Destination } from '../net/destination.js';

/** The connections to one destination. */
interface Pool {
  /** No connection is left, and no exchange waits for one. */
  readonly isEmpty: boolean;
  /** Closes idle connections now, and the others when their exchange is over. */
  close(): void;
  destroy(error: SluicewayError): void;
}

/** The pools of a transport: one per destination while it has connections. Closes them together. */
export class Pools<P extends Pool> {
  readonly #create: (destination: Destination, onEmpty: () => void) => P;
  readonly #pools = new Map<string, P>();
  #closing: { done: Promise<void>; resolve: () => void } | null = null;
  #isDestroyed = false;
  #lastDestination: Destination | null = null;
  #lastPool: P | null = null;

  /** A pool calls `onEmpty` whenever it has become empty. */
  constructor(create: (destination: Destination, onEmpty: () => void) => P) {
    this.#create = create;
  }

  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  /** The pool of a destination, if it has one. */
  find(destination: Destination): P | undefined {
    return this.#pools.get(toKey(destination));
  }

  for(destination: Destination): P {
    // A proxy with one upstream passes the same object every time.
    if (destination === this.#lastDestination && this.#lastPool !== null) return this.#lastPool;
    const key = toKey(destination);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      const created = this.#create(destination, () => this.#onEmpty(key, created));
      pool = created;
      this.#pools.set(key, pool);
      if (this.#closing !== null) pool.close();
    }
    this.#lastDestination = destination;
    this.#lastPool = pool;
    return pool;
  }

  close(): Promise<void> {
    if (this.#closing === null) {
      let resolve = (): void => {};
      const done = new Promise<void>((settle) => {
        resolve = settle;
      });
      this.#closing = { done, resolve };
      for (const pool of [...this.#pools.values()]) pool.close();
      if (this.#pools.size === 0) resolve();
    }
    return this.#closing.done;
  }

  destroy(): void {
    this.#isDestroyed = true;
    void this.close();
    const error = destroyedError();
    for (const pool of [...this.#pools.values()]) pool.destroy(error);
  }

  #onEmpty(key: string, pool: P): void {
    // The pool may be in use again, or replaced by another one.
    if (this.#pools.get(key) === pool && pool.isEmpty) {
      this.#pools.delete(key);
      this.#lastPool = null;
    }
    if (this.#pools.size === 0) this.#closing?.resolve();
  }
}

export const toKey = ({ protocol, hostname, port, address }: Destination): string =>
  address === undefined ? `${protocol}//${hostname}:${port}` : `${protocol}//${hostname}:${port} ${address}`;

export const destroyedError = (): SluicewayError =>
  new SluicewayError('shutdown', 'The transport has been destroyed');
