import { type SluicewayError, toSluicewayError } from '../errors.js';
import type { Exchange, Transport, TransportRequest, TransportResponse } from './transport.js';

/** An exchange that waits until it is known which transport will send it. */
export class NegotiatingExchange implements Exchange {
  readonly request: TransportRequest;
  readonly response: Promise<TransportResponse>;
  #resolve!: (response: TransportResponse) => void;
  #reject!: (error: SluicewayError) => void;
  readonly #onAbort: (exchange: NegotiatingExchange) => void;
  readonly #onFailed: (exchange: NegotiatingExchange, error: SluicewayError) => boolean;
  #carrier: Exchange | null = null;
  #isOver = false;

  /** `onAbort` is called if it is aborted while it waits. `onFailed` returns whether it has handled the carrier's error. */
  constructor(
    request: TransportRequest,
    onAbort: (exchange: NegotiatingExchange) => void,
    onFailed: (exchange: NegotiatingExchange, error: SluicewayError) => boolean,
  ) {
    this.request = request;
    this.#onAbort = onAbort;
    this.#onFailed = onFailed;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  proceed(transport: Transport): void {
    const carrier = transport.send(this.request);
    this.#carrier = carrier;
    carrier.response.then(this.#resolve, (thrown: unknown) => {
      const error = toSluicewayError(thrown);
      if (this.#isOver || !this.#onFailed(this, error)) this.failed(error);
    });
  }

  failed(error: SluicewayError): void {
    this.#isOver = true;
    // No transport has taken over the content.
    if (this.#carrier === null) this.request.content?.source.cancel();
    this.#reject(error);
  }

  abort(error: SluicewayError): void {
    this.#isOver = true;
    if (this.#carrier !== null) {
      this.#carrier.abort(error);
      return;
    }
    this.#onAbort(this);
    this.failed(error);
  }

  queuedBytes(): number | null {
    return this.#carrier?.queuedBytes?.() ?? null;
  }

  remoteAddress(): string | null {
    return this.#carrier?.remoteAddress?.() ?? null;
  }

  get isConnecting(): boolean {
    return this.#carrier === null ? !this.#isOver : (this.#carrier.isConnecting ?? false);
  }

  get connectMs(): number | null {
    return this.#carrier?.connectMs ?? null;
  }
}
