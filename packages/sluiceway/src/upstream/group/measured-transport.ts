import { type SluicewayError, toSluicewayError } from '../../errors.js';
import type { Exchange, Transport, TransportRequest, TransportResponse } from '../transport.js';
import type { Ejection } from './ejection.js';
import type { Server } from './server.js';
import type { ServerUse } from './server-use.js';

/** The uses of servers by one transfer. */
export interface Uses {
  /** The use that a request to `destination` belongs to. Null if it is no server of the group. */
  useFor(destination: object): ServerUse | null;
}

/** Aborts that are the server's fault. We abort all others because the response is no longer wanted. */
const OF_SERVER: ReadonlySet<string> = new Set([
  'http_response_timeout',
  'connection_read_timeout',
  'connection_timeout',
]);

/** Sends the requests of one transfer, and records how the servers of a group do. */
export class MeasuredTransport implements Transport {
  readonly #transport: Transport;
  readonly #uses: Uses;
  readonly #ejection: Ejection;

  constructor(transport: Transport, uses: Uses, ejection: Ejection) {
    this.#transport = transport;
    this.#uses = uses;
    this.#ejection = ejection;
  }

  send(request: TransportRequest): Exchange {
    const use = this.#uses.useFor(request.destination);
    // After a redirect to a server outside the group.
    if (use === null) return this.#transport.send(request);
    const { maxConnections } = use.server;
    const exchange = this.#transport.send(maxConnections === null ? request : { ...request, maxConnections });
    use.sent(request.content?.length ?? null);
    return new MeasuredExchange(exchange, use, this.#ejection, request);
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  destroy(): void {
    this.#transport.destroy();
  }
}

const UNREACHABLE: ReadonlySet<string> = new Set([
  'connection_refused',
  'connection_timeout',
  'connection_terminated',
]);

/** An address that a name leads to, and that is not allowed, is the fault of the name. */
const isFault = ({ source, code }: SluicewayError, { base }: Server): boolean =>
  source === 'upstream' || (code === 'destination_ip_prohibited' && base.address !== undefined);

class MeasuredExchange implements Exchange {
  readonly response: Promise<TransportResponse>;
  readonly #exchange: Exchange;
  #isUnwanted = false;

  constructor(
    exchange: Exchange,
    use: ServerUse,
    ejection: Ejection,
    { content, upgrade }: TransportRequest,
  ) {
    // Without content, the time to the response head is the server's alone.
    const timesHead = content === null;
    this.#exchange = exchange;
    this.response = exchange.response;
    exchange.response.then(
      (response) => {
        const { status, httpVersion } = response;
        // Protocols other than HTTP need HTTP/1.1, whatever the server uses otherwise.
        if (upgrade === null) use.server.responded(httpVersion === '2.0');
        if (ejection.isFailure(status)) ejection.failed(use.server, use.beganAt, `it answered ${status}`);
        else ejection.answered(use.server, use.beganAt, timesHead);
        use.answered(response.contentLength);
      },
      (thrown: unknown) => {
        use.end();
        const error = toSluicewayError(thrown);
        if (!this.#isUnwanted && isFault(error, use.server))
          ejection.failed(use.server, use.beganAt, error.message, UNREACHABLE.has(error.code));
      },
    );
  }

  abort(error: SluicewayError): void {
    this.#isUnwanted = !OF_SERVER.has(error.code);
    this.#exchange.abort(error);
  }

  queuedBytes(): number | null {
    return this.#exchange.queuedBytes?.() ?? null;
  }

  get isConnecting(): boolean {
    return this.#exchange.isConnecting ?? false;
  }

  get connectMs(): number | null {
    return this.#exchange.connectMs ?? null;
  }

  remoteAddress(): string | null {
    return this.#exchange.remoteAddress?.() ?? null;
  }
}
