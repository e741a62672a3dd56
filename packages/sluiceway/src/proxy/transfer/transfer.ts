import { answeredElsewhere } from '../../downstream/checks.js';
import type { ClientExchange, ResponseHead } from '../../downstream/exchange.js';
import { type Outcome, SluicewayError } from '../../errors.js';
import { plainAddress } from '../../http/forwarded.js';
import type { Meter } from '../../stream/metered-source.js';
import type { TimeoutSettings } from '../../stream/timeout-settings.js';
import { TransferTimeouts } from '../../stream/timeouts.js';
import type { Target } from '../../upstream/target.js';
import type { Exchange } from '../../upstream/transport.js';
import { toLogMessage } from './log-message.js';
import { announcedLength, type RequestFacts } from './request-facts.js';
import { toTransferRecord } from './to-transfer-record.js';
import { DownloadMeter, TunnelMeter, UploadMeter } from './transfer-meters.js';
import type { LiveTransfer, TransferRecord } from './transfer-record.js';
import { TransformMeters } from './transform-meters.js';
import { visibleReferer, visibleTarget } from './visible-url.js';

/** One client request from its arrival to its end: its counts, its timeouts, its abort and its outcome. */
export class Transfer implements LiveTransfer {
  readonly id: string;
  requestId: string;
  readonly method: string;
  readonly path: string;
  readonly timeouts: TransferTimeouts;
  readonly #client: ClientExchange;
  readonly #hidePath: ((path: string) => string) | null;
  readonly #startedAt = Date.now();
  readonly #started = performance.now();
  readonly #onAborted: Array<(error: SluicewayError) => void> = [];
  /** The current exchange. */
  #exchange: Exchange | null = null;
  /** The last exchange, and its target. */
  #asked: Exchange | null = null;
  #target: Target | null = null;
  #onLeave: (() => void) | null = null;
  #isLeaving = false;
  #transformed: TransformMeters | null = null;
  #aborted: SluicewayError | null = null;
  #controller: AbortController | null = null;
  #settled: (() => void) | null = null;
  #closed = false;
  /** Index in the list of `RunningTransfers`, which maintains it. */
  place = -1;
  /**
   * Content that can be resumed: `interrupt` gives up the current response and not the transfer. Null if it cannot be
   * resumed. An object, not a function: with a closure here each transfer survives minor garbage collections, which
   * raises the CPU time of small responses by half.
   */
  resumedContent: { interrupt(error: SluicewayError): boolean } | null = null;
  /** Whether another target can be tried if the current one sends no response head. */
  hasOtherTargets = false;
  /** Shows response content to observers; null if none watches content. */
  onContent: ((bytes: Uint8Array) => void) | null = null;
  /** Null until the request has been read. */
  request: RequestFacts | null = null;
  readonly clientAddress: string | null;
  readonly httpVersion: string | null;
  status: number | null = null;
  upstreamHttpVersion: string | null = null;
  responseHeadMs: number | null = null;
  responseLength: number | null = null;
  firstByteMs: number | null = null;
  bytesDown = 0;
  bytesUp = 0;
  attempts = 0;
  resumes = 0;
  /** `bytesDown` when content was continued for the first time. */
  #bytesBeforeResume = 0;
  ifRangeRetries = 0;
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
    this.requestId = id;
    this.method = client.method;
    const address = client.clientAddress;
    this.clientAddress = address === null ? null : plainAddress(address);
    // Hosts of the fetch adapter do not provide it.
    this.httpVersion = client.connection === null ? null : client.httpVersion;
    this.allowsZeroCopy = allowsZeroCopy;
    this.path = visibleTarget(client.url, hidePath);
    this.#hidePath = hidePath;
    this.#client = client;
    this.timeouts = new TransferTimeouts(timeouts, (error) => this.#onExpired(error));
    this.timeouts.watchClientQueue(() => client.queuedBytes());
    client.onClose(() => this.#onClose());
  }

  /**
   * Waits until the responses before a pipelined request are sent. Otherwise one packet from a client could start
   * hundreds of upstream requests at once. Throws if the client leaves meanwhile.
   */
  async waitForPipeline(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#client.onTurn(resolve);
      this.onAborted(() => resolve());
    });
    this.throwIfAborted();
  }

  /** Aborts the transfer immediately: aborts the current exchange and calls all listeners. */
  abort(error: SluicewayError): void {
    if (this.#aborted !== null) return;
    this.#aborted = error;
    this.error ??= error;
    this.#exchange?.abort(error);
    this.#controller?.abort(error);
    for (const listener of this.#onAborted.splice(0)) listener(error);
  }

  /** Marks the transfer as failed. The error response that follows can be aborted as well. */
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

  /** Aborted when the transfer is, with the error as the reason. Made on first use: few requests need one. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted !== null) this.#controller.abort(this.#aborted);
    return this.#controller.signal;
  }

  /** Calls the listener when the transfer is aborted, or at once if it already is. */
  onAborted(listener: (error: SluicewayError) => void): void {
    if (this.#aborted !== null) listener(this.#aborted);
    else this.#onAborted.push(listener);
  }

  /** Calls the listener when the proxy stops. For tunnels, which would not end otherwise. */
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

  /** Records the exchange under way, which an abort ends. */
  attempt(exchange: Exchange, target: Target): void {
    this.attempts += 1;
    this.#exchange = exchange;
    this.#asked = exchange;
    this.#target = target;
    if (this.#aborted !== null) exchange.abort(this.#aborted);
  }

  /** Records that the head of the final upstream response has arrived. */
  receivedHead(httpVersion: string): void {
    this.upstreamHttpVersion = httpVersion;
    this.responseHeadMs = this.#elapsedMs;
  }

  /** Records that broken content goes on. */
  resumed(): void {
    if (this.resumes === 0) this.#bytesBeforeResume = this.bytesDown;
    this.resumes += 1;
  }

  /** Records the head that is sent now. */
  sentHead({ status, headers }: Pick<ResponseHead, 'status' | 'headers'>): void {
    this.status = status;
    this.responseLength = announcedLength(headers);
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

  get connectMs(): number | null {
    const connectMs = this.#asked?.connectMs ?? null;
    return connectMs === null ? null : Math.round(connectMs);
  }

  get bytesResumed(): number {
    return this.resumes === 0 ? 0 : this.bytesDown - this.#bytesBeforeResume;
  }

  get userAgent(): string | null {
    return this.request?.headers.get('user-agent') ?? null;
  }

  get referer(): string | null {
    return visibleReferer(this.request?.headers.get('referer'), this.#hidePath);
  }

  get errorMessage(): string | null {
    return this.error === null ? null : toLogMessage(this.error.message);
  }

  get requestLength(): number | null {
    return announcedLength(this.request?.headers);
  }

  get #elapsedMs(): number {
    return Math.round(performance.now() - this.#started);
  }

  /** Settles once the whole response has been handed over or its connection has closed. */
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

  /** For content before and behind streams that it passes through. */
  meterRequestTransform(): TransformMeters {
    return new TransformMeters(this.timeouts, this.meterUpload(), (isHungry) =>
      this.timeouts.requestWaitsFor(isHungry ? 'client' : 'nobody'),
    );
  }

  meterDownload(): Meter {
    return this.#transformed?.output ?? new DownloadMeter(this);
  }

  /** Meters content before it enters a transform's streams. `meterDownload` then meters what comes out of them. */
  meterTransform(): Meter {
    this.#transformed = new TransformMeters(this.timeouts, new DownloadMeter(this));
    return this.#transformed.input;
  }

  meterTunnel(direction: 'bytesUp' | 'bytesDown'): Meter {
    return new TunnelMeter(this, direction);
  }

  toRecord(outcome: Outcome): TransferRecord {
    return toTransferRecord(this, { time: new Date(this.#startedAt), durationMs: this.#elapsedMs, outcome });
  }

  /** Returns whether the transfer continues with another server. */
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
