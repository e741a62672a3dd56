import { SluicewayError } from '../../errors.js';
import { type SendOptions, type Sent, send } from '../send.js';
import type { Exchange, Transport } from '../transport.js';
import type { ComparedSource, Comparison } from './compared-source.js';

/** In milliseconds. 0: no limit. */
export interface SearchLimits {
  /** For the response head of each attempt. */
  responseHeadMs: number;
  /** Between bytes that are compared. */
  upstreamIdleMs: number;
}

/** One search for a rest. All its waits end when it is stopped or its deadline has passed. */
export class RestSearch {
  readonly deadline: number;
  readonly #limits: SearchLimits;
  #isOver = false;
  #exchange: Exchange | null = null;
  #rest: ComparedSource | null = null;
  #wake: (() => void) | null = null;

  /** `deadline` is a time of `performance.now`. */
  constructor(deadline: number, limits: SearchLimits) {
    this.deadline = deadline;
    this.#limits = limits;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get leftMs(): number {
    return this.deadline - performance.now();
  }

  /** Stops the search. */
  stop(): void {
    this.#isOver = true;
    this.wake();
    this.#exchange?.abort(notNeeded());
    this.#rest?.cancel();
  }

  sleep(ms: number): Promise<void> {
    if (ms <= 0 || this.#isOver) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake(), ms);
      const wake = (): void => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      this.#wake = wake;
    });
  }

  /** Ends `sleep`. */
  wake(): void {
    this.#wake?.();
  }

  /** Sends a request. Aborts it if no head arrives in time. */
  async send(
    transport: Transport,
    { target, request }: Pick<Sent, 'target' | 'request'>,
    options: SendOptions,
  ): Promise<Sent> {
    const ms = this.#within(this.#limits.responseHeadMs);
    const timer = setTimeout(() => {
      this.#exchange?.abort(new SluicewayError('http_response_timeout', `No response head for ${ms} ms`));
    }, ms);
    try {
      return await send(transport, request, target, {
        ...options,
        onAttempt: (exchange, asked) => {
          this.#exchange = exchange;
          options.onAttempt(exchange, asked);
          if (this.#isOver) exchange.abort(notNeeded());
        },
      });
    } finally {
      clearTimeout(timer);
      this.#exchange = null;
    }
  }

  /** Compares the first bytes of a rest. Cancels it if they do not arrive in time. */
  async compare(rest: ComparedSource): Promise<Comparison> {
    const wait = (): NodeJS.Timeout =>
      setTimeout(() => rest.cancel(), this.#within(this.#limits.upstreamIdleMs));
    let timer = wait();
    this.#rest = rest;
    try {
      return await rest.compare(() => {
        clearTimeout(timer);
        timer = wait();
      });
    } finally {
      clearTimeout(timer);
      this.#rest = null;
    }
  }

  #within(limitMs: number): number {
    return Math.max(1, limitMs === 0 ? this.leftMs : Math.min(limitMs, this.leftMs));
  }
}

const notNeeded = (): SluicewayError =>
  new SluicewayError('http_response_incomplete', 'The rest is no longer needed');
