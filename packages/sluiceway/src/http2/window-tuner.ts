import { constants, type Http2Session, type Http2Stream, type ServerHttp2Session } from 'node:http2';
import {
  INITIAL_WINDOW,
  LARGEST_WINDOW,
  SMALLEST_WINDOW,
  sharedWindowBudget,
  type WindowBudget,
  type WindowHolder,
} from './window-budget.js';

/** The settings that a session is to be opened with, so that its tuner knows where it starts. */
export const initialWindowSettings: { initialWindowSize: number } = { initialWindowSize: INITIAL_WINDOW };

/**
 * Node takes everything off the connection's window as it arrives, read or not, so this one bounds no memory; it only
 * must not be in the way of the streams'.
 */
const CONNECTION_WINDOW = 2 * LARGEST_WINDOW;

/**
 * A measurement that fills this part of the window was limited by it, as far as one can tell: of one window where a few
 * streams are open, and of the more windows the more there are, which together fill one although none of them is fast.
 */
const FILLED = 2 / 3;
const FEW_STREAMS = 4;
/** A window that is filled says only that the path holds more; each step takes two round trips. */
const GROWTH = 8;
/** How the largest window falls: with more streams than 1, 4 and 16. */
const SHARE_STEP = 4;
/** Less of a step is not worth a frame. */
const MIN_GROWTH = 2;
/** What a larger window must have brought, for another step to be worth it. */
const GAIN = 1.5;
/** How long the rate at the last step is what a next one is compared with: the path may have changed. */
const RATE_HOLDS_MS = 60_000;
/** Ticks between measurements that lead to nothing, at most. */
const MAX_PATIENCE = 20;

/**
 * Fits the receive windows of an HTTP/2 session, of a client or a server, to the path: they start modest, and grow
 * while one fast stream is limited by them, up to 32 MiB. As in gRPC, the measure is what arrives between a PING and
 * its acknowledgement, one round trip later.
 *
 * A stream that is not read holds up to its window in this process (Node reads on, and grants nothing new), so the
 * budget bounds windows times streams: growth must fit into it, and a window shrinks where the bytes pile up, or where
 * many streams need a share.
 */
export class WindowTuner implements WindowHolder {
  readonly #session: Http2Session;
  readonly #budget: WindowBudget;
  readonly #onSmaller: () => void;
  readonly #streams = new Set<Http2Stream>();
  /** The last size that was announced; it binds the peer once acknowledged. */
  #announced = INITIAL_WINDOW;
  #acknowledged = INITIAL_WINDOW;
  #isAwaiting = false;
  #isMeasuring = false;
  #measuredAt = 0;
  #reviewedAt = 0;
  #charged = 0;
  #unread = 0;
  /** Bytes a millisecond when the window last grew. */
  #rate = 0;
  #rateSince = 0;
  #patience = 0;
  #ticksToWait = 0;

  /** `onSmaller` is told when the peer has confirmed a smaller window. */
  constructor(
    session: Http2Session,
    budget: WindowBudget = sharedWindowBudget,
    onSmaller: () => void = () => {},
  ) {
    this.#session = session;
    this.#budget = budget;
    this.#onSmaller = onSmaller;
    session.setLocalWindowSize(CONNECTION_WINDOW);
    session.once('close', () => this.#closed());
  }

  /** The stream window that the peer may use up. */
  get window(): number {
    return this.#acknowledged;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  get unreadBytes(): number {
    return this.#unread;
  }

  /** Content may come on this stream. */
  opened(stream: Http2Stream): void {
    if (stream.destroyed || this.#session.destroyed) return;
    if (this.#streams.size === 0) this.#start();
    this.#streams.add(stream);
    stream.once('close', () => {
      if (!this.#streams.delete(stream)) return;
      this.#recharge();
      if (this.#streams.size === 0) this.#budget.unwatch(this);
    });
    this.#recharge();
    this.shrinkTo(this.#largest);
  }

  /**
   * All streams share one path, so together they need no more than one needs alone. In steps, since each is a frame and
   * a round trip.
   */
  get #largest(): number {
    const steps = Math.ceil(Math.log(Math.max(1, this.#streams.size)) / Math.log(SHARE_STEP));
    return Math.max(INITIAL_WINDOW, Math.ceil(LARGEST_WINDOW / SHARE_STEP ** steps));
  }

  /**
   * Another stream may be opened: false for a round trip, while one more of the windows that the peer has not given up
   * yet would be too much.
   */
  get hasRoom(): boolean {
    const streams = this.#streams.size;
    if (this.#acknowledged <= this.#announced || streams < 2) return true;
    return (streams + 1) * this.#acknowledged <= LARGEST_WINDOW;
  }

  /** The peer has not confirmed a smaller window, and opens stream after stream under the large one. */
  get isOverdrawn(): boolean {
    return this.#acknowledged > this.#announced && this.#budget.isOverdrawn;
  }

  tick(): void {
    if (this.#ticksToWait > 0) this.#ticksToWait -= 1;
    else if (this.#received - this.#measuredAt >= this.#acknowledged / 2) this.#measure();
  }

  review(isUnderPressure: boolean): void {
    const received = this.#received;
    const isIdle = received - this.#reviewedAt < this.#announced / 2;
    this.#reviewedAt = received;
    this.#countPile();
    let most = 0;
    for (const { readableLength } of this.#streams) most = Math.max(most, readableLength);
    if (most >= this.#announced / 2 || (isUnderPressure && isIdle)) {
      this.shrinkTo(Math.max(INITIAL_WINDOW, Math.ceil(this.#announced / 2)));
    }
  }

  shrinkTo(bytes: number): void {
    if (this.#announced <= bytes || this.#isAwaiting) return;
    this.#rate = 0;
    this.#announce(bytes);
  }

  /** Everything that the socket has received: cheaper than counting content, and as good a measure. */
  get #received(): number {
    return this.#session.destroyed ? 0 : this.#session.socket.bytesRead;
  }

  #start(): void {
    this.#measuredAt = this.#received;
    this.#reviewedAt = this.#measuredAt;
    this.#ticksToWait = 0;
    this.#patience = 0;
    this.#budget.watch(this);
  }

  #measure(): void {
    if (this.#isMeasuring || this.#isAwaiting || this.#session.destroyed) return;
    const startedAt = performance.now();
    const receivedBefore = this.#received;
    this.#measuredAt = receivedBefore;
    this.#isMeasuring = this.#session.ping((error) => {
      this.#isMeasuring = false;
      if (error !== null || this.#session.destroyed || this.#streams.size === 0) return;
      const sample = this.#received - receivedBefore;
      this.#measuredAt = this.#received;
      this.#onSample(sample, Math.max(0.01, performance.now() - startedAt));
    });
  }

  #onSample(sample: number, elapsedMs: number): void {
    const window = this.#acknowledged;
    const rate = sample / elapsedMs;
    const hasGained = rate >= this.#rate * GAIN || performance.now() - this.#rateSince > RATE_HOLDS_MS;
    const affordable = window + Math.floor(this.#budget.room / this.#streams.size);
    const next = Math.min(window * GROWTH, this.#largest, affordable);
    const limited = window * FILLED * Math.max(1, this.#streams.size / FEW_STREAMS);
    if (sample < limited || !hasGained || next < window * MIN_GROWTH) {
      this.#ticksToWait = this.#patience;
      this.#patience = Math.min(MAX_PATIENCE, this.#patience + 1);
      // What comes in bursts is measured at its best only now and then.
      if (this.#ticksToWait === 0 && sample >= window / 3) this.#measure();
      return;
    }
    this.#patience = 0;
    this.#rate = rate;
    this.#rateSince = performance.now();
    this.#announce(next);
  }

  /** The new size holds for open streams too, from the peer's acknowledgement on (RFC 9113 section 6.9.2). */
  #announce(bytes: number): void {
    if (this.#session.destroyed) return;
    this.#isAwaiting = true;
    this.#announced = bytes;
    this.#recharge();
    this.#session.settings({ initialWindowSize: bytes }, (error) => {
      this.#isAwaiting = false;
      if (error !== null || this.#session.destroyed) return;
      const hasGrown = bytes > this.#acknowledged;
      this.#acknowledged = bytes;
      this.#countPile();
      // What the step has brought shows in the next round trip.
      if (!hasGrown) this.#onSmaller();
      else if (this.#streams.size > 0) this.#measure();
      // More streams may have come meanwhile.
      this.shrinkTo(this.#largest);
    });
  }

  /** Bytes that came under a larger window, and lie there still. What fits into Node's own buffer counts as read. */
  #countPile(): void {
    this.#unread = 0;
    for (const { readableLength, readableHighWaterMark } of this.#streams)
      this.#unread += Math.max(0, readableLength - this.#acknowledged - readableHighWaterMark);
    this.#recharge();
  }

  #recharge(): void {
    const granted = Math.max(this.#announced, this.#acknowledged) - SMALLEST_WINDOW;
    const charge = granted * this.#streams.size + (this.#streams.size === 0 ? 0 : this.#unread);
    const change = charge - this.#charged;
    this.#charged = charge;
    if (change !== 0) this.#budget.charge(change);
  }

  #closed(): void {
    this.#streams.clear();
    this.#unread = 0;
    this.#recharge();
    this.#budget.unwatch(this);
  }
}

/**
 * Tunes the receive windows of a server's session, which every request with content has a part in. A stream that would
 * take what is promised far beyond the budget is refused, which tells the client that it may send it again.
 */
export function tuneServerWindows(
  session: ServerHttp2Session,
  budget: WindowBudget = sharedWindowBudget,
): WindowTuner {
  const tuner = new WindowTuner(session, budget);
  // Before Node hands the request on.
  session.prependListener('stream', (stream, _headers, flags) => {
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) return;
    if (tuner.isOverdrawn) stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else tuner.opened(stream);
  });
  return tuner;
}
