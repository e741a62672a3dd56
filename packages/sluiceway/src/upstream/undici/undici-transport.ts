import { SluicewayError } from '../../errors.js';
import { Checker } from '../../options/checker.js';
import { PlacedList } from '../../placed-list.js';
import type { Exchange, Transport, TransportRequest } from '../transport.js';
import type { UndiciDispatcher } from './dispatcher.js';
import { UndiciExchange } from './undici-exchange.js';

export interface UndiciTransportOptions {
  /**
   * Close the dispatcher together with the transport, which the proxy closes when it is closed or destroyed. Default
   * false: the dispatcher stays open, since other code may use it.
   */
  closesDispatcher?: boolean;
}

/**
 * Sends requests through a dispatcher of undici 6, 7 or 8. Pass the result as `transport` to `createProxy` or
 * `streamFrom`. The dispatcher connects, keeps connections and decides which addresses are allowed. Its timeouts for
 * heads and content are turned off, since the proxy's apply. Throws an `OptionsError`.
 *
 * The transport has undici's limits: it does not wait for 100 Continue, does not send request trailers, and treats an
 * unrequested 100 as an error of the origin server. Requests with NTLM or Negotiate credentials are answered with 501:
 * they authenticate a connection that other clients would use afterwards.
 */
export function undiciTransport(
  dispatcher: UndiciDispatcher,
  options: UndiciTransportOptions = {},
): Transport {
  const check = new Checker('undiciTransport');
  const methods: unknown[] = [dispatcher?.dispatch, dispatcher?.close, dispatcher?.destroy];
  if (methods.some((method) => typeof method !== 'function'))
    check.problem('dispatcher', 'must have the methods dispatch, close and destroy');
  const { closesDispatcher } = check.group('options', options, ['closesDispatcher']);
  const closes = check.boolean('options.closesDispatcher', closesDispatcher, false);
  check.throwIfAny();
  return new UndiciTransport(dispatcher, closes);
}

class UndiciTransport implements Transport {
  readonly #dispatcher: UndiciDispatcher;
  readonly #closesDispatcher: boolean;
  readonly #running = new PlacedList<UndiciExchange>();
  #isDestroyed = false;
  #onIdle: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(dispatcher: UndiciDispatcher, closesDispatcher: boolean) {
    this.#dispatcher = dispatcher;
    this.#closesDispatcher = closesDispatcher;
  }

  send(request: TransportRequest): Exchange {
    const exchange = new UndiciExchange(request, () => {
      this.#running.delete(exchange);
      if (this.#running.size === 0) this.#onIdle?.();
    });
    this.#running.add(exchange);
    if (this.#isDestroyed) exchange.abort(destroyed());
    else exchange.dispatch(this.#dispatcher);
    return exchange;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#running.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    // Fails only if the dispatcher has already been destroyed.
    if (this.#closesDispatcher) await this.#dispatcher.close().catch(() => {});
  }

  async #destroyDispatcher(): Promise<void> {
    try {
      await this.#dispatcher.destroy();
    } catch {
      // A `MockAgent` of undici 7 cannot be destroyed.
      await this.#dispatcher.close().catch(() => {});
    }
  }

  destroy(): void {
    this.#isDestroyed = true;
    for (const exchange of [...this.#running.all]) exchange.abort(destroyed());
    if (this.#closesDispatcher) void this.#destroyDispatcher();
  }
}

const destroyed = (): SluicewayError => new SluicewayError('shutdown', 'The transport has been destroyed');
