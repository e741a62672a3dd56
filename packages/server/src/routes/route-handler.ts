import type { Handler, Outcome } from 'sluiceway';

/** The part of a proxy or gateway that ends. */
export interface Lifetime {
  close(): Promise<void>;
  destroy(): void;
}

/**
 * Serves the requests of a route, and knows how many are under way: one that is retired goes on until the last has ended,
 * and only then is its proxy closed, which would refuse those that still wait for their turn on a connection.
 */
export class RouteHandler implements Handler {
  readonly #handler: Handler;
  readonly #lifetime: Lifetime;
  #running = 0;
  #isRetired = false;
  #onIdle: (() => void) | null = null;
  readonly #ended = (): void => {
    this.#running -= 1;
    if (this.#running === 0) this.#onIdle?.();
  };

  constructor(handler: Handler, lifetime: Lifetime) {
    this.#handler = handler;
    this.#lifetime = lifetime;
  }

  /** Requests under way. */
  get running(): number {
    return this.#running;
  }

  handle(...request: Parameters<Handler['handle']>): Promise<Outcome> {
    return this.#track(this.#handler.handle(...request));
  }

  upgrade(...request: Parameters<Handler['upgrade']>): Promise<Outcome> {
    return this.#track(this.#handler.upgrade(...request));
  }

  listensOn(address: string, port: number): void {
    this.#handler.listensOn?.(address, port);
  }

  /** Gets no more requests. Resolves when those that run have ended, and its connections are closed. */
  async retire(): Promise<void> {
    if (!this.#isRetired) {
      this.#isRetired = true;
      if (this.#running > 0) {
        await new Promise<void>((resolve) => {
          this.#onIdle = resolve;
        });
      }
    }
    await this.#lifetime.close();
  }

  /** Refuses new requests, and resolves when those that run have ended. */
  close(): Promise<void> {
    return this.#lifetime.close();
  }

  /** Ends everything now. */
  destroy(): void {
    this.#lifetime.destroy();
  }

  #track(outcome: Promise<Outcome>): Promise<Outcome> {
    this.#running += 1;
    outcome.then(this.#ended, this.#ended);
    return outcome;
  }
}
