import { constants, type Http2Session, type Http2Stream, type ServerHttp2Session } from 'node:http2';
import { type Placed, PlacedList } from '../placed-list.js';
import {
  INITIAL_WINDOW,
  LARGEST_WINDOW,
  SMALLEST_WINDOW,
  sharedWindowBudget,
  type WindowBudget,
  type WindowHolder,
} from './window-budget.js';

/** Open a session with these settings, so that its tuner knows the initial window. */
export const initialWindowSettings: { initialWindowSize: number } = { initialWindowSize: INITIAL_WINDOW };

/**
 * Node returns bytes to the connection's window as they arrive, read or not, so this window does not bound memory. It
 * only has to be larger than those of the streams.
 */
const CONNECTION_WINDOW = 2 * LARGEST_WINDOW;

/**
 * A measurement that fills this part of the window counts as limited by the window. With more than a few streams, the
 * threshold grows with their number: many slow streams together can fill one window.
 */
const FILLED = 2 / 3;
const FEW_STREAMS = 4;
/** Factor of one growth step. A full window shows only that the path holds more, and each step takes two round trips. */
const GROWTH = 8;
/** The largest window falls by this factor with more streams than 1, 4 and 16. */
const SHARE_STEP = 4;
/** A smaller growth step is not worth a frame. */
const MIN_GROWTH = 2;
/** How much the rate must have risen since the last step to allow another one. */
const GAIN = 1.5;
/** How long the rate at the last step is compared with: after that, the path may have changed. */
const RATE_HOLDS_MS = 60_000;
/** Most ticks between measurements that lead to no growth. */
const MAX_PATIENCE = 20;

/** A stream on which content can arrive. */
class OpenStream implements Placed {
  readonly stream: Http2Stream;
  place = -1;

  constructor(stream: Http2Stream) {
    this.stream = stream;
  }
}

/**
 * Fits the receive windows of a client's or server's HTTP/2 session to the path. They start small, and grow up to 32 MiB
 * while they limit one fast stream. As in gRPC, the tuner measures what arrives between a PING and its acknowledgement,
 * one round trip later.
 *
 * A stream that is not read holds up to its window in this process: Node keeps receiving and grants nothing new. So the
 * budget bounds windows times streams. Growth must fit into it, and a window shrinks if unread bytes pile up or many
 * streams need a share.
 */
export class WindowTuner implements WindowHolder {
  readonly #session: Http2Session;
  readonly #budget: WindowBudget;
  readonly #onSmaller: () => void;
  readonly #streams = new PlacedList<OpenStream>();
  /** The last size that was announced. It binds the peer once acknowledged. */
  #announced = INITIAL_WINDOW;
  #acknowledged = INITIAL_WINDOW;
  #isAwaiting = false;
  #isMeasuring = false;
  #measuredAt = 0;
  #reviewedAt = 0;
  #charged = 0;
  #unread = 0;
  /** Bytes per millisecond when the window last grew. */
  #rate = 0;
  #rateSince = 0;
  #patience = 0;
  #ticksToWait = 0;

  /** Calls `onSmaller` when the peer has confirmed a smaller window. */
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

  /** The stream window that the peer has acknowledged. */
  get window(): number {
    return this.#acknowledged;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  get unreadBytes(): number {
    return this.#unread;
  }

  /** Call this for each stream on which content can arrive. */
  opened(stream: Http2Stream): void {
    if (stream.destroyed || this.#session.destroyed) return;
    if (this.#streams.size === 0) this.#start();
    const open = new OpenStream(stream);
    this.#streams.add(open);
    stream.once('close', () => {
      if (!this.#streams.delete(open)) return;
      this.#recharge();
      if (this.#streams.size === 0) this.#budget.unwatch(this);
    });
    this.#recharge();
    this.shrinkTo(this.#largest);
  }

  /**
   * The largest window for the current number of streams. They share one path, so together they need no more than one
   * needs alone. It falls in steps, since each change costs a frame and a round trip.
   */
  get #largest(): number {
    const steps = Math.ceil(Math.log(Math.max(1, this.#streams.size)) / Math.log(SHARE_STEP));
    return Math.max(INITIAL_WINDOW, Math.ceil(LARGEST_WINDOW / SHARE_STEP ** steps));
  }

  /**
   * Whether another stream can be opened. False until the peer has confirmed a smaller window, if one more of the larger
   * windows would be too much.
   */
  get hasRoom(): boolean {
    const streams = this.#streams.size;
    if (this.#acknowledged <= this.#announced || streams < 2) return true;
    return (streams + 1) * this.#acknowledged <= LARGEST_WINDOW;
  }

  /** Whether the peer keeps opening streams under a large window without confirming a smaller one. */
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
    for (const { stream } of this.#streams.all) most = Math.max(most, stream.readableLength);
    if (most >= this.#announced / 2 || (isUnderPressure && isIdle)) {
      this.shrinkTo(Math.max(INITIAL_WINDOW, Math.ceil(this.#announced / 2)));
    }
  }

  shrinkTo(bytes: number): void {
    if (this.#announced <= bytes || this.#isAwaiting) return;
    this.#rate = 0;
    this.#announce(bytes);
  }

  /** All bytes that the socket has received. Cheaper than counting content, and as good a measure. */
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
      // Content that arrives in bursts rarely shows its highest rate: measure again at once.
      if (this.#ticksToWait === 0 && sample >= window / 3) this.#measure();
      return;
    }
    this.#patience = 0;
    this.#rate = rate;
    this.#rateSince = performance.now();
    this.#announce(next);
  }

  /** Announces a window. It also applies to open streams, from the peer's acknowledgement on (RFC 9113 section 6.9.2). */
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
      // The effect of the step shows in the next round trip.
      if (!hasGrown) this.#onSmaller();
      else if (this.#streams.size > 0) this.#measure();
      // More streams may have opened meanwhile.
      this.shrinkTo(this.#largest);
    });
  }

  /** Counts unread bytes that arrived under a larger window. What fits into Node's own buffer counts as read. */
  #countPile(): void {
    this.#unread = 0;
    for (const {
      stream: { readableLength, readableHighWaterMark },
    } of this.#streams.all)
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
    for (const open of [...this.#streams.all]) this.#streams.delete(open);
    this.#unread = 0;
    this.#recharge();
    this.#budget.unwatch(this);
  }
}

/**
 * Tunes the receive windows of a server's session for all requests with content. While the budget is far exceeded, new
 * streams are refused with REFUSED_STREAM, which tells the client that it can retry.
 */
export function tuneServerWindows(
  session: ServerHttp2Session,
  budget: WindowBudget = sharedWindowBudget,
): WindowTuner {
  const tuner = new WindowTuner(session, budget);
  // First, before Node emits the request.
  session.prependListener('stream', (stream, _headers, flags) => {
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) return;
    if (tuner.isOverdrawn) stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else tuner.opened(stream);
  });
  return tuner;
}
