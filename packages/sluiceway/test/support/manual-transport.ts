import type { SluicewayError } from '../../src/errors.js';
import { Fields } from '../../src/http/fields.js';
import type {
  Exchange,
  Transport,
  TransportRequest,
  TransportResponse,
} from '../../src/upstream/transport.js';
import { HeldSink, ManualSource } from './exchange.js';

/** A transport that the test controls. It takes request content without returning it. */
export class ManualTransport implements Transport {
  readonly requests: TransportRequest[] = [];
  /** The sink for the content of the last request. */
  readonly upload: HeldSink = new HeldSink();
  /** The content of the last response. */
  readonly download: ManualSource = new ManualSource();
  aborted: SluicewayError | null = null;
  /** Bytes of request content that the operating system has not taken. */
  queued: number | null = null;
  #resolve: (response: TransportResponse) => void = () => {};
  #reject: (error: SluicewayError) => void = () => {};

  send(request: TransportRequest): Exchange {
    this.requests.push(request);
    const response = new Promise<TransportResponse>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    request.content?.source.start(this.upload);
    return {
      response,
      abort: (error) => {
        this.aborted ??= error;
        this.#reject(error);
        this.download.sink?.fail(error);
      },
      queuedBytes: () => this.queued,
    };
  }

  /** The request has been handed to the operating system. */
  sent(): void {
    this.requests.at(-1)?.onRequestSent();
  }

  answer(status: number, raw: string[], contentLength: number | null): void {
    this.#resolve({
      httpVersion: '1.1',
      status,
      statusText: '',
      headers: new Fields(raw),
      contentLength,
      content: this.download,
      tunnel: null,
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): void {}
}
