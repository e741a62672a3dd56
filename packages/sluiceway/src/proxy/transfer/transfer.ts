import { answeredElsewhere } from '../../downstream/checks.js';
import type { ClientExchange } from '../../downstream/exchange.js';
import { type Outcome, SluicewayError } from '../../errors.js';
import { plainAddress } from '../../http/forwarded.js';
import type { Meter } from '../../stream/metered-source.js';
import type { TimeoutSettings } from '../../stream/timeout-settings.js';
import { TransferTimeouts } from '../../stream/timeouts.js';
import type { Target } from '../../upstream/target.js';
import type { Exchange } from '../../upstream/transport.js';
import { toLogMessage } from './log-message.js';
import { DownloadMeter, TunnelMeter, UploadMeter } from './transfer-meters.js';
import type { LiveTransfer, TransferRecord } from './transfer-record.js';
import { TransformMeters } from './transform-meters.js';

/** What a transfer reads of the client's request, once there is one. */
interface RequestFacts {
  readonly host: string | null;
  readonly forwarded: { readonly for: string | null };
}

/** One client request from accept to end: its counts, its timeouts, its abort, its one outcome. */
export class Transfer implements LiveTransfer {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly timeouts: TransferTimeouts;
  readonly #client: ClientExchange;
  readonly #startedAt = Date.now();
  readonly #started = performance.now();
  readonly #onAborted: Array<(error: SluicewayError) => void> = [];
  /** The exchange under way. */
  #exchange: Exchange | null = null;
  /** The last exchange, and what it asked. */
  #asked: Exchange | null = null;
  #target: Target | null = null;
  #onLeave: (() => void) | null = null;
  #isLeaving = false;
  #transformed: TransformMeters | null = null;
  #aborted: SluicewayError | null = null;
  #controller: AbortController | null = null;
  #settled: (() => void) | null = null;
  #closed = false;
  /** Kept by `RunningTransfers`. */
  place = -1;
  /**
   * Content of which `interrupt` gives up who sends it, and not the transfer; null where its rest could not be had
   * elsewhere. An object: a function here had each transfer outlive the quick rounds of the garbage collector, which
   * took small responses half as much CPU time again.
   */
  resumedContent: { interrupt(error: SluicewayError): boolean } | null = null;
  /** Another target can be asked where the one that is asked now gives no response head. */
  hasOtherTargets = false;
  /** Shows response content to observers; null where none wants to see it. */
  onContent: ((bytes: Uint8Array) => void) | null = null;
  /** Null until the request has been read. */
  request: RequestFacts | null = null;
  readonly clientAddress: string | null;
  readonly httpVersion: string | null;
  status: number | null = null;
  upstreamHttpVersion: string | null = null;
  responseHeadMs: number | null = null;
  firstByteMs: number | null = null;
  bytesDown = 0;
  bytesUp = 0;
  attempts = 0;
  resumes = 0;
  zeroCopy = false;
  /** Whether `zeroCopy` may become true. */
  readonly allowsZeroCopy: boolean;
  identity: string | null = null;
  /** Why the transfer cannot complete; the first reason stays. */
  error: SluicewayError | null = null;

  constructor(
    id: string,
    client: ClientExchange,
    timeouts: TimeoutSettings,
    hidePath: ((path: string) => string) | null = null,
    allowsZeroCopy = false,
  ) {
    this.id = id;
    this.method = client.method;
    const address = client.clientAddress;
    this.clientAddress = address === null ? null : plainAddress(address);
    // A host of `Request` and `Response` does not tell.
    this.httpVersion = client.connection === null ? null : client.httpVersion;
    this.allowsZeroCopy = allowsZeroCopy;
    const { url } = client;
    const question = url.indexOf('?');
    const path = question < 0 ? url : url.slice(0, question);
    this.path = (hidePath?.(path) ?? path) + (question < 0 ? '' : '?…');
    this.#client = client;
    this.timeouts = new TransferTimeouts(timeouts, (error) => this.#onExpired(error));
    this.timeouts.watchClientQueue(() => client.queuedBytes());
    client.onClose(() => this.#onClose());
  }

  /**
   * For a request that was pipelined: settles when the responses before it are out. Otherwise one packet of a client
   * could have hundreds of requests sent at once. Throws where the client leaves meanwhile.
   */
  async waitForPipeline(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#client.onTurn(resolve);
      this.onAborted(() => resolve());
    });
    this.throwIfAborted();
  }

  /** Ends the transfer now: the exchange under way is given up, whoever waits for the transfer is told. */
  abort(error: SluicewayError): void {
    if (this.#aborted !== null) return;
    this.#aborted = error;
    this.error ??= error;
    this.#exchange?.abort(error);
    this.#controller?.abort(error);
    for (const listener of this.#onAborted.splice(0)) listener(error);
  }

  /** The transfer has failed, and what remains is to answer so: that can be aborted in its turn. */
  fail(error: SluicewayError): void {
    this.error ??= error;
    this.#exchange?.abort(error);
    this.#exchange = null;
    this.resumedContent = null;
    this.hasOtherTargets = false;
    this.#transformed = null;
    this.#aborted = null;
    this.#controller?.abort(error);
    this.#controller = null;
    this.#onAborted.length = 0;
  }

  /** Aborted when the transfer is, with the error as the reason. Made when it is read first: few requests need one. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted !== null) this.#controller.abort(this.#aborted);
    return this.#controller.signal;
  }

  /** Calls the listener when the transfer is aborted, at once if it has been. */
  onAborted(listener: (error: SluicewayError) => void): void {
    if (this.#aborted !== null) listener(this.#aborted);
    else this.#onAborted.push(listener);
  }

  /** Calls the listener when the proxy wants to stop and this transfer would never end by itself: a tunnel. */
  onLeave(listener: () => void): void {
    if (this.#isLeaving) listener();
    else this.#onLeave = listener;
  }

  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#onLeave?.();
  }

  get isAborted(): boolean {
    return this.#aborted !== null;
  }

  throwIfAborted(): void {
    if (this.#aborted !== null) throw this.#aborted;
  }

  /** Notes the exchange under way, which an abort gives up. */
  attempt(exchange: Exchange, target: Target): void {
    this.attempts += 1;
    this.#exchange = exchange;
    this.#asked = exchange;
    this.#target = target;
    if (this.#aborted !== null) exchange.abort(this.#aborted);
  }

  /** Notes that the head of the upstream's final response is here. */
  receivedHead(httpVersion: string): void {
    this.upstreamHttpVersion = httpVersion;
    this.responseHeadMs = this.#elapsedMs;
  }

  /** Notes the status of the head that goes out now. */
  sentHead(status: number): void {
    this.status = status;
    this.firstByteMs = this.#elapsedMs;
  }

  get host(): string | null {
    return this.request?.host ?? null;
  }

  get forwardedFor(): string | null {
    const address = this.request?.forwarded.for ?? null;
    return address === this.clientAddress ? null : address;
  }

  get upstream(): string | null {
    return this.#target === null ? null : `${this.#target.base.protocol}//${this.#target.base.host}`;
  }

  get upstreamAddress(): string | null {
    return this.#asked?.remoteAddress?.() ?? null;
  }

  get errorMessage(): string | null {
    return this.error === null ? null : toLogMessage(this.error.message);
  }

  get #elapsedMs(): number {
    return Math.round(performance.now() - this.#started);
  }

  /** Settles once the response has been handed over whole or its connection is gone. */
  async closed(): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      this.#settled = resolve;
    });
  }

  meterUpload(): Meter {
    this.timeouts.watchUpstreamQueue(() => this.#exchange?.queuedBytes?.() ?? null);
    return new UploadMeter(this);
  }

  meterDownload(): Meter {
    return this.#transformed?.output ?? new DownloadMeter(this);
  }

  /** For content before streams that it passes through; what comes out of them is then metered by `meterDownload`. */
  meterTransform(): Meter {
    this.#transformed = new TransformMeters(this.timeouts, new DownloadMeter(this));
    return this.#transformed.input;
  }

  meterTunnel(direction: 'bytesUp' | 'bytesDown'): Meter {
    return new TunnelMeter(this, direction);
  }

  toRecord(outcome: Outcome): TransferRecord {
    return {
      time: new Date(this.#startedAt).toISOString(),
      id: this.id,
      clientAddress: this.clientAddress,
      forwardedFor: this.forwardedFor,
      host: this.host,
      httpVersion: this.httpVersion,
      method: this.method,
      path: this.path,
      status: this.status,
      outcome,
      bytesDown: this.bytesDown,
      bytesUp: this.bytesUp,
      durationMs: this.#elapsedMs,
      responseHeadMs: this.responseHeadMs,
      firstByteMs: this.firstByteMs,
      upstream: this.upstream,
      upstreamAddress: this.upstreamAddress,
      upstreamHttpVersion: this.upstreamHttpVersion,
      attempts: this.attempts,
      resumes: this.resumes,
      zeroCopy: this.zeroCopy,
      error: this.error?.code ?? null,
      errorMessage: this.errorMessage,
      identity: this.identity,
    };
  }

  /** Returns whether the transfer goes on: somebody else is asked. */
  #onExpired(error: SluicewayError): boolean {
    if (error.code === 'http_response_timeout' && this.hasOtherTargets) {
      this.#exchange?.abort(error);
      return true;
    }
    if (error.code === 'connection_read_timeout' && this.resumedContent?.interrupt(error) === true)
      return true;
    this.abort(error);
    return false;
  }

  #onClose(): void {
    this.#closed = true;
    if (!this.#client.isDelivered)
      this.abort(new SluicewayError('client_aborted', 'The client closed the connection'));
    else if (this.status === null) this.abort(answeredElsewhere());
    this.#settled?.();
  }
}
