import { answeredElsewhere } from '../../downstream/checks.js';
import type { ClientExchange } from '../../downstream/exchange.js';
import { describeThrown, type Outcome, SluicewayError } from '../../errors.js';
import type { Admission } from '../../limits/admission.js';
import type { LimitTarget } from '../../limits/keys.js';
import { Bandwidth } from '../../stream/bandwidth.js';
import { Flow } from '../../stream/flow.js';
import type { Meter } from '../../stream/metered-source.js';
import type { TimeoutSettings } from '../../stream/timeout-settings.js';
import { TransferTimeouts } from '../../stream/timeouts.js';
import { parseBytes, type Size } from '../../units.js';
import type { Target } from '../../upstream/target.js';
import type { Exchange } from '../../upstream/transport.js';
import { toLogMessage } from './log-message.js';
import type { RunningTransfer, WaitingFor } from './running-transfer.js';
import { toTransferRecord } from './to-transfer-record.js';
import { TransferFacts } from './transfer-facts.js';
import { DownloadMeter, TunnelMeter, UploadMeter } from './transfer-meters.js';
import type { TransferRecord } from './transfer-record.js';
import { TransformMeters } from './transform-meters.js';

const CONTROL_CHARACTERS = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu;

/** One client request from its arrival to its end: its timeouts, its abort and its outcome. */
export class Transfer extends TransferFacts implements RunningTransfer {
  readonly timeouts: TransferTimeouts;
  readonly #client: ClientExchange;
  readonly #onAborted: Array<(error: SluicewayError) => void> = [];
  /** The current exchange. */
  #exchange: Exchange | null = null;
  #onLeave: (() => void) | null = null;
  #isLeaving = false;
  #transformed: TransformMeters | null = null;
  #aborted: SluicewayError | null = null;
  #controller: AbortController | null = null;
  #settled: (() => void) | null = null;
  #closed = false;
  /** Whether limits can be added. */
  #hasFlows = true;
  /** Index in the list of `RunningTransfers`, which maintains it. */
  place = -1;
  /** Whether the access policy is deciding. */
  isCheckingAccess = false;
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
  /** Limits of the rate of each direction. Null if there have been none. */
  flowUp: Flow | null = null;
  flowDown: Flow | null = null;
  /** The use of rules. Null: none. */
  admission: Admission | null = null;
  /** What rules count by. Null until the link is read or the target is selected. */
  limitTarget: LimitTarget | null = null;
  rateLimit: number | null = null;
  link: string | null = null;
  /** The limit of this transfer alone. */
  #ownLimit: Bandwidth | null = null;

  constructor(
    id: string,
    client: ClientExchange,
    timeouts: TimeoutSettings,
    hidePath: ((path: string) => string) | null = null,
    allowsZeroCopy = false,
  ) {
    super(id, client, hidePath, allowsZeroCopy);
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

  abort(reason = ''): void {
    const why = toLogMessage(reason.replaceAll(CONTROL_CHARACTERS, ' ').trim());
    const message = `An operator aborted the transfer${why === '' ? '' : `: ${why}`}`;
    this.abortWith(new SluicewayError('aborted_by_operator', message));
  }

  /** Aborts the transfer immediately: aborts the current exchange and calls all listeners. */
  abortWith(error: SluicewayError): void {
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
    this.asked(exchange, target);
    this.#exchange = exchange;
    if (this.#aborted !== null) exchange.abort(this.#aborted);
  }

  /** Of two exchanges under way, this one alone goes on. */
  goesOnWith(exchange: Exchange, target: Target): void {
    this.carriedBy(exchange, target);
    this.#exchange = exchange;
  }

  get waitingFor(): WaitingFor | null {
    if (this.isCheckingAccess) return 'access';
    const { awaited } = this.timeouts;
    if (awaited !== null) return awaited;
    // The connection is being opened.
    return this.#exchange !== null && this.responseHeadMs === null ? 'upstream' : null;
  }

  get waitingMs(): number {
    return this.waitingFor === null ? 0 : this.timeouts.waitedMs;
  }

  /** Settles once the whole response has been handed over or its connection has closed. */
  async closed(): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      this.#settled = resolve;
    });
  }

  /** The flow of one direction, for limits that it joins. */
  flow(direction: 'up' | 'down'): Flow {
    if (direction === 'up') return (this.flowUp ??= new Flow());
    return (this.flowDown ??= new Flow());
  }

  limit(given: Size | null): void {
    const bytesPerSecond = typeof given === 'string' ? parseLimit(given) : given;
    if (bytesPerSecond !== null && !(bytesPerSecond >= 1))
      throw new RangeError(`The limit must be at least 1 byte per second, not ${bytesPerSecond}`);
    this.rateLimit = bytesPerSecond;
    const rate = bytesPerSecond ?? Number.POSITIVE_INFINITY;
    if (this.#ownLimit !== null) this.#ownLimit.setRate(rate);
    else if (bytesPerSecond !== null && this.#hasFlows) {
      this.#ownLimit = new Bandwidth(rate);
      this.#ownLimit.join(this.flow('up'));
      this.#ownLimit.join(this.flow('down'));
    }
  }

  /** Leaves all limits. */
  endFlows(): void {
    this.#hasFlows = false;
    this.flowUp?.end();
    this.flowDown?.end();
  }

  meterUpload(): Meter {
    this.timeouts.watchUpstreamQueue(() => this.#exchange?.queuedBytes?.() ?? null);
    return new UploadMeter(this);
  }

  /** For content before and behind streams that it passes through. */
  meterRequestTransform(): TransformMeters {
    const waitFor = (isHungry: boolean): void =>
      this.timeouts.requestWaitsFor(isHungry ? 'client' : 'nobody');
    return new TransformMeters(this.timeouts, this.meterUpload(), waitFor, 'input');
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
    return toTransferRecord(this, { durationMs: this.durationMs, outcome });
  }

  /** Returns whether the transfer continues with another server. */
  #onExpired(error: SluicewayError): boolean {
    if (error.code === 'http_response_timeout' && this.hasOtherTargets) {
      this.#exchange?.abort(error);
      return true;
    }
    if (error.code === 'connection_read_timeout' && this.resumedContent?.interrupt(error) === true)
      return true;
    this.abortWith(error);
    return false;
  }

  #onClose(): void {
    this.#closed = true;
    if (!this.#client.isDelivered)
      this.abortWith(new SluicewayError('client_aborted', 'The client closed the connection'));
    else if (this.status === null) this.abortWith(answeredElsewhere());
    this.#settled?.();
  }
}

function parseLimit(text: string): number {
  try {
    return parseBytes(text);
  } catch (error) {
    throw new RangeError(`The limit ${describeThrown(error)}`);
  }
}
