import { SluicewayError } from '../errors.js';
import { idleError, idleLimitMs, type WaitsFor } from './idle-error.js';
import { type SilenceListener, shortestLimitMs, type TimeoutSettings } from './timeout-settings.js';

/** The window in which a minimum rate is measured. A shorter one would fail ordinary bursts. */
export const RATE_WINDOW_MS = 5000;
const RATE_RECHECK_MS = 250;

/** If a timer fires later than this, the thread was busy, and data that has arrived meanwhile is not read yet. */
const LATE_MS = 2;

/** Returns how many bytes the operating system has not taken yet, to see progress without a callback. Null: unknown. */
export type QueueProbe = () => number | null;

/**
 * The timeouts of one transfer. A side's idle timeout runs only while the transfer waits for that side alone, so a pause
 * of the client does not count against the origin server, nor the other way round. If both directions wait, the client
 * counts, since the origin server may be waiting for it too.
 *
 * All timeouts share one timer. It never sleeps longer than the shortest limit, so that a change of the side only sets a
 * number: changes happen twice per chunk, which is too often for timer calls.
 */
export class TransferTimeouts {
  readonly #settings: TimeoutSettings;
  readonly #onExpired: (error: SluicewayError) => boolean;
  readonly #granularityMs: number;
  #totalDeadline: number;
  #clientQueue: QueueProbe | null = null;
  #upstreamQueue: QueueProbe | null = null;
  /** Bytes in the queue of the awaited side at the last check, plus the bytes added since. */
  #queued = 0;
  #request: WaitsFor = 'nobody';
  #response: WaitsFor = 'nobody';
  #isContentBroken = false;
  #silenceListener: SilenceListener | null = null;
  /** Whether the listener was called for the current silence. */
  #isSilenceTold = false;
  #waiting: WaitsFor = 'nobody';
  #since: number;
  #timer: NodeJS.Timeout | null = null;
  /** When the timer should fire. */
  #due = 0;
  #secondLook: NodeJS.Immediate | null = null;
  #bytes = 0;
  #clientMs = 0;
  #upstreamMs = 0;

  /**
   * `onExpired` is called for each exceeded limit, and returns whether the transfer continues anyway. No limit except the
   * total runs before one direction waits, or after the end. If a direction waits again afterwards (for the error answer,
   * or because the transfer continues), its time starts again.
   */
  constructor(settings: TimeoutSettings, onExpired: (error: SluicewayError) => boolean) {
    this.#settings = settings;
    this.#onExpired = onExpired;
    this.#since = performance.now();
    this.#totalDeadline = settings.totalMs === 0 ? Number.POSITIVE_INFINITY : this.#since + settings.totalMs;
    this.#granularityMs = shortestLimitMs(settings, RATE_WINDOW_MS);
    if (Number.isFinite(this.#totalDeadline)) this.#arm(this.#since);
  }

  /** Sets the probe that shows that the client takes parts of a chunk. */
  watchClientQueue(probe: QueueProbe): void {
    this.#clientQueue = probe;
  }

  /** Like `watchClientQueue`, for the origin server and request content. */
  watchUpstreamQueue(probe: QueueProbe): void {
    this.#upstreamQueue = probe;
  }

  /** Sets the listener for silence within the content that follows. */
  watchSilence(listener: SilenceListener): void {
    this.#silenceListener = listener;
  }

  requestWaitsFor(whom: WaitsFor): void {
    this.#request = whom;
    this.#changed();
  }

  responseWaitsFor(whom: WaitsFor): void {
    this.#response = whom;
    this.#changed();
  }

  /**
   * The response content has broken. Asking for its rest has its own limits. If the client has not taken the content before
   * the break, its idle timeout still runs.
   */
  contentBroken(): void {
    this.#isContentBroken = true;
    this.#changed();
  }

  /** The rest of the content follows. */
  contentGoesOn(): void {
    this.#isContentBroken = false;
    this.#changed();
  }

  /** A tunnel is open, or bytes have moved through it. */
  tunnelProgress(): void {
    this.#request = 'nobody';
    this.responseWaitsFor('either');
  }

  /** The origin server has shown that it works on the request. Its limits start again. */
  upstreamIsAlive(): void {
    if (this.#waiting === 'head' || this.#waiting === 'upstream') this.#changed();
  }

  /** Bytes have moved, in either direction. Call it before the change of the awaited side. */
  progress(bytes: number): void {
    this.#bytes += bytes;
    this.#queued += bytes;
  }

  /** Like `progress`, for bytes that the operating system has moved between the connections. */
  moved(bytes: number): void {
    this.#bytes += bytes;
    this.#queued = 0;
  }

  get waitsForUpstream(): boolean {
    return this.#waiting === 'upstream';
  }

  /** The side or the rule that holds the transfer up. Null: none, or either side. */
  get awaited(): 'client' | 'upstream' | 'limit' | null {
    if (this.#waiting === 'client' || this.#waiting === 'limit') return this.#waiting;
    if (this.#waiting === 'either') return null;
    return this.#waiting !== 'nobody' || this.#isContentBroken ? 'upstream' : null;
  }

  /** How long `awaited` has been so, without progress. */
  get waitedMs(): number {
    return Math.round(performance.now() - this.#since);
  }

  stop(): void {
    this.#waiting = 'nobody';
    this.#request = 'nobody';
    this.#response = 'nobody';
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#secondLook !== null) clearImmediate(this.#secondLook);
    this.#secondLook = null;
  }

  /** The awaited side has changed or has made progress. */
  #changed(): void {
    const now = performance.now();
    this.#account(now);
    const waiting = this.#decideWaiting();
    this.#waiting = waiting;
    this.#since = now;
    this.#isSilenceTold = false;
    if (this.#queue() === null) this.#queued = 0;
    if (this.#timer === null && waiting !== 'nobody') this.#arm(now);
  }

  #decideWaiting(): WaitsFor {
    if (this.#request === 'client' || this.#response === 'client') return 'client';
    if (this.#request === 'upstream') return 'upstream';
    if (this.#request === 'limit' && this.#response === 'nobody') return 'limit';
    return this.#isContentBroken && this.#response === 'upstream' ? 'nobody' : this.#response;
  }

  /** The queue of the awaited side; null if that side has to send something. */
  #queue(): QueueProbe | null {
    if (this.#waiting === 'client') return this.#response === 'client' ? this.#clientQueue : null;
    return this.#waiting === 'upstream' && this.#request === 'upstream' ? this.#upstreamQueue : null;
  }

  #account(now: number): void {
    if (this.#waiting === 'client') this.#clientMs += now - this.#since;
    else if (this.#waiting === 'upstream') this.#upstreamMs += now - this.#since;
  }

  #limit(): number {
    const limit = idleLimitMs(this.#waiting, this.#settings);
    return limit === 0 ? Number.POSITIVE_INFINITY : limit;
  }

  #silenceDeadline(): number {
    const { silenceMs } = this.#settings;
    const isWatched = silenceMs > 0 && this.#silenceListener !== null && !this.#isSilenceTold;
    // While request content waits for the origin server, its silence has no meaning for the response.
    const isSilent = this.#waiting === 'upstream' && this.#request !== 'upstream';
    return isWatched && isSilent ? this.#since + silenceMs : Number.POSITIVE_INFINITY;
  }

  #arm(now: number): void {
    const deadline = Math.min(this.#since + this.#limit(), this.#totalDeadline, this.#silenceDeadline());
    const sleepMs = Math.min(deadline - now, this.#granularityMs, this.#untilRateCheckMs());
    if (!Number.isFinite(sleepMs)) return;
    const ms = Math.max(1, Math.ceil(sleepMs));
    this.#due = now + ms;
    this.#timer = setTimeout(this.#check, ms);
  }

  /** The rest of the window. It fills only while content moves, so the next check may find it incomplete and repeats. */
  #untilRateCheckMs(): number {
    if (this.#settings.minRate === 0) return Number.POSITIVE_INFINITY;
    return Math.max(RATE_RECHECK_MS, RATE_WINDOW_MS - this.#clientMs - this.#upstreamMs);
  }

  readonly #check = (): void => {
    const now = performance.now();
    this.#timer = null;
    if (now - this.#due > LATE_MS) {
      // Timers can fire before sockets are read. Only after reading is it clear if the side was silent or the thread busy.
      this.#secondLook = setImmediate(this.#lookAgain);
      return;
    }
    const error = this.#findExpired(now);
    if (error === null) {
      if (now >= this.#silenceDeadline()) {
        this.#isSilenceTold = true;
        this.#silenceListener?.onSilence(Math.round(now - this.#since));
      }
      if (this.#timer === null) this.#arm(now);
      return;
    }
    const waitedFor = [this.#request, this.#response] as const;
    this.stop();
    if (error.code === 'total_timeout') this.#totalDeadline = Number.POSITIVE_INFINITY;
    if (!this.#onExpired(error)) return;
    // Restore the state, unless `onExpired` has changed it.
    if (this.#response === 'nobody') [this.#request, this.#response] = waitedFor;
    this.#changed();
    if (this.#timer === null) this.#arm(now);
  };

  readonly #lookAgain = (): void => {
    this.#secondLook = null;
    // Progress since then may have set the timer again.
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#due = Number.POSITIVE_INFINITY;
    this.#check();
  };

  #findExpired(now: number): SluicewayError | null {
    if (now >= this.#totalDeadline) {
      return new SluicewayError(
        'total_timeout',
        `The transfer took longer than ${this.#settings.totalMs} ms`,
      );
    }
    this.#watchQueue(now);
    const limit = this.#limit();
    if (now - this.#since >= limit) return idleError(this.#waiting, this.#request, `for ${limit} ms`);
    return this.#settings.minRate === 0 ? null : this.#checkRate(now);
  }

  /** Counts a change of the queue as progress: a slow reader takes a large chunk in many small steps. */
  #watchQueue(now: number): void {
    const queued = this.#queue()?.() ?? this.#queued;
    // The queue can also grow: the next chunk takes the place of an earlier one.
    if (queued === this.#queued) return;
    this.#queued = queued;
    this.#account(now);
    this.#since = now;
  }

  #checkRate(now: number): SluicewayError | null {
    const silentMs = this.#isStandstill(now) ? now - this.#since : 0;
    const clientMs = this.#clientMs + (this.#waiting === 'client' ? silentMs : 0);
    const upstreamMs = this.#upstreamMs + (this.#waiting === 'upstream' ? silentMs : 0);
    const ms = clientMs + upstreamMs;
    if (ms < RATE_WINDOW_MS) return null;
    const { minRate } = this.#settings;
    // Bytes that still wait for the client count in the window in which the client takes them.
    const queued = this.#waiting === 'client' ? (this.#clientQueue?.() ?? 0) : 0;
    const tooSlow = this.#bytes - queued < (minRate * ms) / 1000;
    this.#bytes = queued;
    // `#account` will add the silence so far again when it ends.
    this.#clientMs = this.#waiting === 'client' ? -silentMs : 0;
    this.#upstreamMs = this.#waiting === 'upstream' ? -silentMs : 0;
    if (!tooSlow) return null;
    const slowSide = clientMs > upstreamMs ? 'client' : 'upstream';
    return idleError(slowSide, this.#request, `at ${minRate} bytes per second`);
  }

  /**
   * Whether a sender has been silent for a whole window. A shorter silence counts with what it sends next. A receiver
   * counts only when it has taken something, since its operating system may take a megabyte at a time, with half a minute
   * of silence in between.
   */
  #isStandstill(now: number): boolean {
    if (now - this.#since < RATE_WINDOW_MS) return false;
    return this.#waiting === 'client' ? this.#response !== 'client' : this.#request !== 'upstream';
  }
}
