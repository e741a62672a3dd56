import { SluicewayError, toSluicewayError } from '../../errors.js';

/** Checked values of `queue`. */
export interface QueueSettings {
  /** Most requests that wait. 0: none waits. */
  max: number;
  timeoutMs: number;
}

/** A request that waits for a server. */
interface Waiter {
  /** Takes a server if there is one, and ends the wait. False if there is none. */
  serve(): boolean;
}

/** How often it is looked whether a server has become available by the passage of time. */
const LOOK_MS = 100;

/**
 * Requests that wait because all servers have as many transfers as they may have. The clients take turns, so that one with
 * many requests does not keep the others waiting; the requests of one client are served in order of arrival.
 */
export class RequestQueue {
  readonly #settings: QueueSettings;
  /** By client. The first one is next. */
  readonly #lines = new Map<string, Set<Waiter>>();
  #length = 0;
  #timer: NodeJS.Timeout | null = null;
  #isServing = false;

  constructor(settings: QueueSettings) {
    this.#settings = settings;
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Resolves with what `take` returns once that is not null: it takes a server synchronously. Rejects if that takes too
   * long, if too many requests wait, or if the signal is aborted. `client` identifies the client.
   */
  wait<T>(client: string, take: () => T | null, signal: AbortSignal): Promise<T> {
    const { max, timeoutMs } = this.#settings;
    if (this.#length >= max) {
      const text = max === 0 ? 'All servers have as many transfers as they may have' : `${max} requests wait`;
      return Promise.reject(limitReached(text));
    }
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        this.#remove(client, waiter);
      };
      const abort = (): void => {
        end();
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        end();
        reject(limitReached(`No server had a transfer less within ${timeoutMs} ms`));
      }, timeoutMs);
      const waiter: Waiter = {
        serve: () => {
          let taken: T | null;
          try {
            taken = take();
          } catch (error) {
            end();
            reject(toSluicewayError(error));
            return true;
          }
          if (taken === null) return false;
          end();
          resolve(taken);
          return true;
        },
      };
      this.#add(client, waiter);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
    });
  }

  /** A server may have become available. */
  serve(): void {
    // Taking a server can change others.
    if (this.#isServing || this.#length === 0) return;
    this.#isServing = true;
    for (;;) {
      const [next] = this.#lines;
      if (next === undefined) break;
      const [client, line] = next;
      const [waiter] = line;
      if (waiter === undefined || !waiter.serve()) break;
      // The others are next.
      if (this.#lines.delete(client) && line.size > 0) this.#lines.set(client, line);
    }
    this.#isServing = false;
  }

  #add(client: string, waiter: Waiter): void {
    const line = this.#lines.get(client) ?? new Set();
    line.add(waiter);
    this.#lines.set(client, line);
    this.#length += 1;
    this.#timer ??= setInterval(() => this.serve(), LOOK_MS).unref();
  }

  #remove(client: string, waiter: Waiter): void {
    const line = this.#lines.get(client);
    if (line?.delete(waiter) !== true) return;
    if (line.size === 0) this.#lines.delete(client);
    this.#length -= 1;
    if (this.#length > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

const limitReached = (text: string): SluicewayError => new SluicewayError('connection_limit_reached', text);
