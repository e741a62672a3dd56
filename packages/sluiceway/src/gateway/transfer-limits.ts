import { SluicewayError } from '../errors.js';
import { retrySoon } from '../http/retry-after.js';

/** Limits concurrent downloads of this process, in total and per client. Null is no limit. */
export class TransferLimits {
  readonly #max: number | null;
  readonly #maxPerClient: number | null;
  readonly #perClient = new Map<string, number>();
  #running = 0;

  constructor(max: number | null, maxPerClient: number | null) {
    this.#max = max;
    this.#maxPerClient = maxPerClient;
  }

  /**
   * Takes a slot. Throws `transfer_limit_reached`: 503 if the gateway is full, 429 if the client has reached its limit.
   */
  enter(client: string): () => void {
    if (this.#max !== null && this.#running >= this.#max) {
      throw new SluicewayError('transfer_limit_reached', `${this.#max} downloads are running`, {
        status: 503,
        publicMessage: 'The server is overloaded.',
        headers: { 'Retry-After': retrySoon() },
      });
    }
    const running = this.#perClient.get(client) ?? 0;
    if (this.#maxPerClient !== null && running >= this.#maxPerClient) {
      throw new SluicewayError('transfer_limit_reached', `${running} downloads of one client are running`, {
        headers: { 'Retry-After': retrySoon() },
      });
    }
    this.#running += 1;
    this.#perClient.set(client, running + 1);
    return () => {
      this.#running -= 1;
      const left = (this.#perClient.get(client) ?? 1) - 1;
      if (left === 0) this.#perClient.delete(client);
      else this.#perClient.set(client, left);
    };
  }
}
