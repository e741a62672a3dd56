import { type StoreBackend, type StoreEvent, StoreUnavailableError } from 'sluiceway/store';
import { type Channel, ChannelError } from './channel.js';
import type { PrimaryQuestions, StoreCall, StoreMethod, WorkerQuestions } from './messages.js';

/** The primary process answers from memory. If it is too busy for that, limits act as without a store. */
const ANSWER_TIMEOUT_MS = 2000;

type Ask = Pick<Channel<PrimaryQuestions, WorkerQuestions>, 'ask'>;

/** Shared state that the primary process has in its memory. */
export class ChannelBackend implements StoreBackend {
  readonly #channel: Ask;
  readonly #listeners = new Set<(event: StoreEvent) => void>();

  constructor(channel: Ask) {
    this.#channel = channel;
  }

  readonly lease: StoreBackend['lease'] = (...args) => this.#ask({ method: 'lease', args });
  readonly enter: StoreBackend['enter'] = (...args) => this.#ask({ method: 'enter', args });
  readonly leave: StoreBackend['leave'] = (...args) => this.#ask({ method: 'leave', args });
  readonly hold: StoreBackend['hold'] = (...args) => this.#ask({ method: 'hold', args });
  readonly count: StoreBackend['count'] = (...args) => this.#ask({ method: 'count', args });
  readonly beginUse: StoreBackend['beginUse'] = (...args) => this.#ask({ method: 'beginUse', args });
  readonly succeedUse: StoreBackend['succeedUse'] = (...args) => this.#ask({ method: 'succeedUse', args });
  readonly endUse: StoreBackend['endUse'] = (...args) => this.#ask({ method: 'endUse', args });
  readonly revoke: StoreBackend['revoke'] = (...args) => this.#ask({ method: 'revoke', args });
  readonly isRevoked: StoreBackend['isRevoked'] = (...args) => this.#ask({ method: 'isRevoked', args });
  readonly block: StoreBackend['block'] = (...args) => this.#ask({ method: 'block', args });
  readonly unblock: StoreBackend['unblock'] = (...args) => this.#ask({ method: 'unblock', args });

  listen(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    void this.#tellAll(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Called for each event of the primary process. */
  receive(event: StoreEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  close(): Promise<void> {
    this.#listeners.clear();
    return Promise.resolve();
  }

  async #tellAll(listener: (event: StoreEvent) => void): Promise<void> {
    try {
      const events = await this.#channel.ask('storeEvents', null, ANSWER_TIMEOUT_MS);
      for (const event of events) listener(event);
    } catch (error) {
      // This process ends with the primary process.
      if (!(error instanceof ChannelError)) throw error;
    }
  }

  async #ask<M extends StoreMethod>(
    call: Extract<StoreCall, { method: M }>,
  ): Promise<Awaited<ReturnType<StoreBackend[M]>>> {
    try {
      const answer = await this.#channel.ask('store', call, ANSWER_TIMEOUT_MS);
      // The primary process has called this method.
      return answer as Awaited<ReturnType<StoreBackend[M]>>;
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      throw new StoreUnavailableError(error.message, { cause: error });
    }
  }
}
