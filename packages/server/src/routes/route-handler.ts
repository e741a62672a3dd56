import {
  type BlockedKey,
  type Handler,
  type LimitControl,
  type LimitRuleOptions,
  type Outcome,
  type RunningTransfer,
  SluicewayError,
} from 'sluiceway';

/** The part of a proxy or gateway that shows and ends its transfers. */
export interface Lifetime {
  transfers(): readonly RunningTransfer[];
  /** Only gateways have links. Throws a `SluicewayError` if the link is not signed with one of its keys. */
  revoke?(link: string): number;
  /** The same by the id of a link. Throws a `TypeError` if it is not the form of an id. */
  revokeId?(id: string): number;
  /** Whether there are keys for links. */
  readonly hasKeys?: boolean;
  readonly limits: LimitControl;
  /** Only proxies and gateways have limits. */
  setLimits?(rules: readonly LimitRuleOptions[]): void;
  close(): Promise<void>;
  destroy(): void;
}

/**
 * Serves the requests of a route, and counts the running ones. A retired handler continues until the last one has ended.
 * Only then is its proxy closed: a closed proxy would refuse pipelined requests that still wait.
 */
export class RouteHandler implements Handler {
  /** The name of the route. */
  readonly route: string;
  readonly #handler: Handler;
  readonly #lifetime: Lifetime;
  #running = 0;
  #isRetired = false;
  #onIdle: (() => void) | null = null;
  readonly #ended = (): void => {
    this.#running -= 1;
    if (this.#running === 0) this.#onIdle?.();
  };

  constructor(handler: Handler, lifetime: Lifetime, route: string) {
    this.route = route;
    this.#handler = handler;
    this.#lifetime = lifetime;
  }

  /** The number of running requests. */
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

  /** The running transfers. */
  transfers(): readonly RunningTransfer[] {
    return this.#lifetime.transfers();
  }

  /** What the keys of its limits use. */
  get limits(): LimitControl {
    return this.#lifetime.limits;
  }

  /** Replaces the rules of limits, for running transfers too. */
  setLimits(rules: readonly LimitRuleOptions[]): void {
    this.#lifetime.setLimits?.(rules);
  }

  /** Whether the route is a gateway with keys for links. */
  get hasLinks(): boolean {
    return this.#lifetime.hasKeys ?? false;
  }

  /** Returns the number of aborted downloads; null if the link is none of this route. */
  revoke(link: { readonly url: string } | { readonly id: string }): number | null {
    if (!this.hasLinks) return null;
    try {
      return ('id' in link ? this.#lifetime.revokeId?.(link.id) : this.#lifetime.revoke?.(link.url)) ?? null;
    } catch (error) {
      if (error instanceof SluicewayError) return null;
      throw error;
    }
  }

  /** Blocks keys of rules, as far as it has rules of their names. */
  block(keys: readonly BlockedKey[]): void {
    for (const { rule, key, until } of keys) {
      const ms = Date.parse(until) - Date.now();
      try {
        if (until === 'forever') this.limits.block(rule, key);
        else if (ms > 0) this.limits.block(rule, key, { for: ms });
      } catch (error) {
        // There is no such rule.
        if (!(error instanceof RangeError)) throw error;
      }
    }
  }

  /** Call it when the handler gets no more requests. Resolves when the running ones have ended and it is closed. */
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

  /** Refuses new requests, and resolves when the running ones have ended. */
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
