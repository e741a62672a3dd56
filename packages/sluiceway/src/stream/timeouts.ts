import { SluicewayError } from '../errors.js';
import { idleError, type WaitsFor } from './idle-error.js';
import type { SilenceListener, TimeoutSettings } from './timeout-settings.js';

/** Over how much time a minimum rate is measured. Shorter would punish ordinary bursts. */
export const RATE_WINDOW_MS = 5000;
const RATE_RECHECK_MS = 250;

/** A timer that fires later than this had to wait for the thread, and so had what has arrived meanwhile. */
const LATE_MS = 2;

/** Measures progress that no callback tells: how many bytes the operating system has not taken yet; null for unknown. */
export type QueueProbe = () => number | null;

/**
 * The timeouts of one transfer. Each side's idle timeout runs whenever that side alone holds the transfer up, so
 * a client that pauses is never the origin server's fault, nor the other way round; where both directions wait,
 * the client has the say, since the origin server may be waiting for it too.
 *
 * All of them share one timer. It never sleeps longer than the shortest limit, so that a change of the waiting
 * side only sets a number: twice a chunk is too often for timer calls.
 */
export class TransferTimeouts {
  readonly #settings: TimeoutSettings;
  readonly #onExpired: (error: SluicewayError) => boolean;
  readonly #granularityMs: number;
  #totalDeadline: number;
  #clientQueue: QueueProbe | null = null;
  #upstreamQueue: QueueProbe | null = null;
  /** What the queue of the side that is waited for held when it was last looked at, and was given since then. */
  #queued = 0;
  #request: WaitsFor = 'nobody';
  #response: WaitsFor = 'nobody';
  #isContentBroken = false;
  #silenceListener: SilenceListener | null = null;
  /** Of this silence. */
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
   * `onExpired` is told of each limit that is exceeded, and says whether the transfer goes on all the same. Nothing runs
   * before one direction waits for somebody, nor after the end; who is waited for then (for the answer that tells the
   * client, or since it goes on) has a new time.
   */
  constructor(settings: TimeoutSettings, onExpired: (error: SluicewayError) => boolean) {
    this.#settings = settings;
    this.#onExpired = onExpired;
    this.#since = performance.now();
    this.#totalDeadline = settings.totalMs === 0 ? Number.POSITIVE_INFINITY : this.#since + settings.totalMs;
    const rateMs = settings.minRate === 0 ? 0 : RATE_WINDOW_MS;
    const { responseHeadMs, upstreamIdleMs, clientIdleMs, tunnelIdleMs, silenceMs, totalMs } = settings;
    const limits = [responseHeadMs, upstreamIdleMs, clientIdleMs, tunnelIdleMs, silenceMs, totalMs, rateMs];
    this.#granularityMs = Math.min(...limits.filter((limit) => limit > 0));
    if (Number.isFinite(this.#totalDeadline)) this.#arm(this.#since);
  }

  /** Gives a way to see that the client takes bytes of a chunk of which it has not taken all. */
  watchClientQueue(probe: QueueProbe): void {
    this.#clientQueue = probe;
  }

  /** As `watchClientQueue`, for the origin server and request content. */
  watchUpstreamQueue(probe: QueueProbe): void {
    this.#upstreamQueue = probe;
  }

  /** Has somebody told of silence within the content that is about to come. */
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
   * The response content has broken, and its rest is looked for, which has limits of its own. A client that has not taken
   * what was before it is waited for as ever.
   */
  contentBroken(): void {
    this.#isContentBroken = true;
    this.#changed();
  }

  /** The rest is about to come. */
  contentGoesOn(): void {
    this.#isContentBroken = false;
    this.#changed();
  }

  /** A tunnel is open, or bytes have moved through it. */
  tunnelProgress(): void {
    this.#request = 'nobody';
    this.responseWaitsFor('either');
  }

  /** The origin server has shown that it works on the request: its limits begin anew. */
  upstreamIsAlive(): void {
    if (this.#waiting === 'head' || this.#waiting === 'upstream') this.#changed();
  }

  /** Bytes move on, in whichever direction; to be told before whom they wait for. */
  progress(bytes: number): void {
    this.#bytes += bytes;
    this.#queued += bytes;
  }

  /** As `progress`, for bytes that the operating system has moved from one connection to the other. */
  moved(bytes: number): void {
    this.#bytes += bytes;
    this.#queued = 0;
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

  /** Whoever holds the transfer up has just begun to, or has just done something. */
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
    return this.#isContentBroken && this.#response === 'upstream' ? 'nobody' : this.#response;
  }

  /** The queue to look at; null where whoever is waited for has to send something. */
  #queue(): QueueProbe | null {
    if (this.#waiting === 'client') return this.#response === 'client' ? this.#clientQueue : null;
    return this.#waiting === 'upstream' && this.#request === 'upstream' ? this.#upstreamQueue : null;
  }

  #account(now: number): void {
    if (this.#waiting === 'client') this.#clientMs += now - this.#since;
    else if (this.#waiting === 'upstream') this.#upstreamMs += now - this.#since;
  }

  #limit(): number {
    const limit = this.#limitFor(this.#waiting);
    return limit === 0 ? Number.POSITIVE_INFINITY : limit;
  }

  #silenceDeadline(): number {
    const { silenceMs } = this.#settings;
    const isWatched = silenceMs > 0 && this.#silenceListener !== null && !this.#isSilenceTold;
    // Request content that waits for the origin server says nothing of its response.
    const isSilent = this.#waiting === 'upstream' && this.#request !== 'upstream';
    return isWatched && isSilent ? this.#since + silenceMs : Number.POSITIVE_INFINITY;
  }

  #limitFor(whom: WaitsFor): number {
    switch (whom) {
      case 'client':
        return this.#settings.clientIdleMs;
      case 'upstream':
        return this.#settings.upstreamIdleMs;
      case 'head':
        return this.#settings.responseHeadMs;
      case 'either':
        return this.#settings.tunnelIdleMs;
      case 'nobody':
        return 0;
    }
  }

  #arm(now: number): void {
    const deadline = Math.min(this.#since + this.#limit(), this.#totalDeadline, this.#silenceDeadline());
    const sleepMs = Math.min(deadline - now, this.#granularityMs, this.#untilRateCheckMs());
    if (!Number.isFinite(sleepMs)) return;
    const ms = Math.max(1, Math.ceil(sleepMs));
    this.#due = now + ms;
    this.#timer = setTimeout(this.#check, ms);
  }

  /** What is missing of the window; it fills only while content moves, so it is looked at again a little later. */
  #untilRateCheckMs(): number {
    if (this.#settings.minRate === 0) return Number.POSITIVE_INFINITY;
    return Math.max(RATE_RECHECK_MS, RATE_WINDOW_MS - this.#clientMs - this.#upstreamMs);
  }

  readonly #check = (): void => {
    const now = performance.now();
    this.#timer = null;
    if (now - this.#due > LATE_MS) {
      // Timers may come before sockets are read: only after that can silence be told from a thread that was busy.
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
    // Unless its end has just come about.
    if (this.#response === 'nobody') [this.#request, this.#response] = waitedFor;
    this.#changed();
    if (this.#timer === null) this.#arm(now);
  };

  readonly #lookAgain = (): void => {
    this.#secondLook = null;
    // Whatever has moved meanwhile has set the timer again.
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

  /** Whoever reads slowly takes a large chunk in many small steps. */
  #watchQueue(now: number): void {
    const queued = this.#queue()?.() ?? this.#queued;
    // More than before: what had waited behind an earlier chunk has taken its place.
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
    // What still waits for the client has not moved yet: it counts in the window in which it does.
    const queued = this.#waiting === 'client' ? (this.#clientQueue?.() ?? 0) : 0;
    const tooSlow = this.#bytes - queued < (minRate * ms) / 1000;
    this.#bytes = queued;
    // The silence so far will be accounted for once more when it ends.
    this.#clientMs = this.#waiting === 'client' ? -silentMs : 0;
    this.#upstreamMs = this.#waiting === 'upstream' ? -silentMs : 0;
    if (!tooSlow) return null;
    const slowSide = clientMs > upstreamMs ? 'client' : 'upstream';
    return idleError(slowSide, this.#request, `at ${minRate} bytes per second`);
  }

  /**
   * Whether a sender has been silent for a whole window; less belongs to what it sends next. A receiver is judged
   * only when it has taken something, since its operating system may take a megabyte at a time, with half a
   * minute of silence in between.
   */
  #isStandstill(now: number): boolean {
    if (now - this.#since < RATE_WINDOW_MS) return false;
    return this.#waiting === 'client' ? this.#response !== 'client' : this.#request !== 'upstream';
  }
}
