import { SluicewayError } from '../errors.js';
import { hasConnectionCredentials } from '../http/connection-authentication.js';
import type { Destination } from '../net/destination.js';
import { Http2Transport } from './http2/http2-transport.js';
import { Http1Wanted } from './http2/stream-error.js';
import { NegotiatingExchange } from './negotiating-exchange.js';
import { destroyedError, toKey } from './pools.js';
import type { Exchange, Transport, TransportRequest } from './transport.js';
import { resolveTransportOptions, type TransportOptions } from './transport-options.js';
import { WireTransport } from './wire/wire-transport.js';

type Protocol = 'http1' | 'http2';

/** How long the protocol of an origin server is remembered without a connection. */
const REMEMBERED_MS = 600_000;

/** Most destinations that are remembered. The one that was asked longest ago is dropped. */
const MAX_REMEMBERED = 1000;

/** A connection that is being opened to find out the protocol, and the exchanges that wait for it. */
interface Question {
  readonly waiting: Set<NegotiatingExchange>;
  readonly answered: Promise<void>;
  readonly settle: () => void;
}

/**
 * Uses HTTP/2 with the https: origin servers that choose it (ALPN, RFC 7301), and HTTP/1.1 with the others. The first
 * connection negotiates and is then used for requests. Until it is open, all requests wait for it. Upgrades need
 * HTTP/1.1, and http: URLs cannot negotiate.
 */
export class NegotiatingTransport implements Transport {
  readonly #wire: WireTransport;
  readonly #http2: Http2Transport;
  readonly #maxWaiting: number;
  readonly #remembered = new Map<string, { protocol: Protocol; since: number }>();
  readonly #questions = new Map<string, Question>();
  #isDestroyed = false;

  constructor(options: TransportOptions = {}) {
    const { idle, maxQueued } = resolveTransportOptions(options);
    this.#wire = new WireTransport({ ...options, idle });
    this.#http2 = new Http2Transport({ ...options, idle });
    this.#maxWaiting = maxQueued;
  }

  send(request: TransportRequest): Exchange {
    const { destination, upgrade } = request;
    if (destination.protocol === 'http:' || upgrade !== null || this.#isDestroyed)
      return this.#wire.send(request);
    // An HTTP/2 session is shared, so connection-bound authentication uses HTTP/1.1.
    if (hasConnectionCredentials(request.headers) || this.#wire.isBound(request))
      return this.#wire.send(request);
    const known = this.#recall(destination);
    if (known === 'http1') return this.#wire.send(request);
    const exchange = new NegotiatingExchange(
      request,
      (given) => void this.#questions.get(toKey(destination))?.waiting.delete(given),
      (given, error) => this.#sendsAgain(given, error),
    );
    if (known === 'http2') exchange.proceed(this.#http2);
    else this.#ask(exchange);
    return exchange;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#questions.values()].map(({ answered }) => answered));
    await Promise.all([this.#wire.close(), this.#http2.close()]);
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#wire.destroy();
    this.#http2.destroy();
    for (const key of this.#questions.keys())
      this.#answer(key, (exchange) => exchange.failed(destroyedError()));
  }

  /** The last protocol of the destination; null if it is not known, or was used too long ago. */
  #recall(destination: Destination): Protocol | null {
    const found = this.#remembered.get(toKey(destination));
    if (found === undefined) return null;
    if (performance.now() - found.since < REMEMBERED_MS) return found.protocol;
    return found.protocol === 'http2' && this.#http2.isConnected(destination) ? 'http2' : null;
  }

  #remember(key: string, protocol: Protocol): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, { protocol, since: performance.now() });
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
  }

  #ask(exchange: NegotiatingExchange): void {
    const { destination } = exchange.request;
    const key = toKey(destination);
    const { waiting } = this.#questions.get(key) ?? this.#openQuestion(key, exchange.request);
    if (waiting.size <= this.#maxWaiting) {
      waiting.add(exchange);
      return;
    }
    const message = `${this.#maxWaiting} requests are waiting for the first connection`;
    exchange.failed(new SluicewayError('connection_limit_reached', message));
  }

  #openQuestion(key: string, request: TransportRequest): Question {
    let settle = (): void => {};
    const answered = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const proceed = (protocol: Protocol): void => {
      this.#remember(key, protocol);
      this.#answer(key, (exchange) => exchange.proceed(protocol === 'http2' ? this.#http2 : this.#wire));
    };
    this.#wire.negotiate(request, {
      http1: () => proceed('http1'),
      http2: (socket, dialMs) => {
        this.#http2.adopt(request.destination, socket, dialMs);
        proceed('http2');
      },
      failed: (error) => this.#answer(key, (exchange) => exchange.failed(error)),
    });
    const question = { waiting: new Set<NegotiatingExchange>(), answered, settle };
    this.#questions.set(key, question);
    return question;
  }

  #answer(key: string, tell: (exchange: NegotiatingExchange) => void): void {
    const question = this.#questions.get(key);
    this.#questions.delete(key);
    for (const exchange of question?.waiting ?? []) tell(exchange);
    question?.settle();
  }

  /** Resends a request over HTTP/1.1 if the origin server requires that and no request content has been used up. */
  #sendsAgain(exchange: NegotiatingExchange, error: SluicewayError): boolean {
    if (!(error.cause instanceof Http1Wanted)) return false;
    const { destination, content } = exchange.request;
    this.#remember(toKey(destination), 'http1');
    if (content !== null && !error.retryable) return false;
    exchange.proceed(this.#wire);
    return true;
  }
}
