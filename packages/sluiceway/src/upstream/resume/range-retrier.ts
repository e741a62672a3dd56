import { SluicewayError, toSluicewayError } from '../../errors.js';
import { isSameTarget } from '../redirect-policy.js';
import { type SendOptions, type Sent, send } from '../send.js';
import { type Target, toTarget } from '../target.js';
import type { Exchange, Transport } from '../transport.js';
import { NO_DIGESTS, type ReadRestDigests, toRest } from './rest-digests.js';
import {
  askForRest,
  backoffMs,
  checkRest,
  hasSameTag,
  lost,
  mayPass,
  type Proof,
  type RestVerdict,
  type ResumePoint,
} from './resume-policy.js';
import type { ResumeTargets } from './resume-targets.js';
import type { Rest, RestFinder } from './resumed-content.js';

/** Checked values of `resume`. */
export interface RetryLimits {
  /** Attempts in a row that bring nothing. */
  attempts: number;
  /** Without a byte, from a break on. */
  timeoutMs: number;
}

interface ProgressLimits {
  /** For the head of each attempt, in milliseconds; 0 is no limit. */
  responseHeadMs: number;
  /** Bytes per second below which content counts as broken; 0 is no limit. */
  minRate: number;
}

export interface RestFinderOptions {
  transport: Transport;
  settings: RetryLimits;
  part: ResumePoint;
  proof: Proof;
  route: ResumeTargets;
  send: SendOptions;
  limits: ProgressLimits;
  /** Reads the digests of a rest; null where they are not verified. */
  readDigests: ReadRestDigests | null;
  /** Gives the URL at which the file is now, where a target has answered with such a status; null for none. */
  refresh: ((target: Target, status: number) => Promise<string | URL | undefined>) | null;
  /** The search for a rest begins. */
  onBroken(): void;
  /** A rest has been found, which is about to be delivered. */
  onResumed(): void;
}

/** Less than this between two timeouts is no progress: whoever trickles would be asked for ever. */
const MOVING_BYTES = 64 * 1024;

/** A rest that breaks sooner is not asked for at once: an origin server may be falling over and over. */
const QUICK_MS = 1000;
const QUICK_PAUSE_MS = 25;
/** From so many in a row on that have brought next to nothing, each pause is twice as long as the one before, up to a limit. */
const MANY_QUICK = 20;
const NEXT_TO_NOTHING_BYTES = 1024;
const MAX_DOUBLINGS = 6;

/**
 * Asks for the rest of a broken content until it is there: at the target that delivered it, then at its mirrors in
 * turn. Bounded by attempts in a row without a byte and by time without a byte; a content that moves may break for
 * ever.
 */
export class RangeRetrier implements RestFinder {
  readonly #options: RestFinderOptions;
  /** In vain, since a byte came last. */
  #failures = 0;
  /** Breaks in a row for silence or too low a rate, where bytes came, and too few. */
  #slowBreaks = 0;
  #brokenPosition = 0;
  #deadline = 0;
  /** Breaks in a row that came soon, and brought next to nothing. */
  #quickBreaks = 0;
  /** When the content under way began to come. */
  #foundAt = Number.NEGATIVE_INFINITY;
  #hasWalkedAgain = false;
  #hasRefreshed = false;
  #exchange: Exchange | null = null;
  #isCancelled = false;
  #wake: (() => void) | null = null;
  /** What is known of it by now: each rest may tell more, and none may contradict it. */
  #part: ResumePoint;
  /** Where the content began to come from. */
  readonly #firstTarget: Target;
  /** An `If-Range` is of no use: it is answered with the whole of the same file. */
  #isUnconditional = false;

  constructor(options: RestFinderOptions) {
    this.#options = options;
    this.#part = options.part;
    this.#firstTarget = options.route.place.target;
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#wake?.();
  }

  async find(position: number, isStuck: boolean, broken: SluicewayError): Promise<Rest | null> {
    const { settings, onBroken } = this.#options;
    onBroken();
    const pauseMs = this.#noteBreak(position, isStuck, broken);
    let earliest = Math.max(performance.now() + pauseMs, this.#options.route.notBefore);
    for (let reason = broken.message; ; ) {
      if (this.#failures >= settings.attempts) throw lost(broken, `${reason}; ${this.#failures} attempts`);
      const startAt = Math.max(earliest, performance.now() + backoffMs(this.#failures));
      if (startAt >= this.#deadline) throw lost(broken, `${reason}; ${settings.timeoutMs} ms without a byte`);
      await this.#sleep(startAt - performance.now());
      if (this.#isCancelled) throw broken;
      this.#failures += 1;
      const verdict = await this.#attempt(position);
      if (verdict.kind === 'found') {
        this.#foundAt = performance.now();
        return verdict.rest;
      }
      if (this.#isCancelled) throw broken;
      ({ reason } = verdict);
      const goesOn = await this.#goOn(verdict).catch((error: unknown) => {
        reason = `${reason}; the target could not be refreshed: ${toSluicewayError(error).message}`;
        return false;
      });
      if (!goesOn) throw lost(broken, reason);
      earliest = this.#options.route.notBefore;
    }
  }

  /** Returns how long to wait at least. */
  #noteBreak(position: number, isStuck: boolean, broken: SluicewayError): number {
    const { settings, route, limits } = this.#options;
    const now = performance.now();
    const isSilent = broken.code === 'connection_read_timeout';
    // Whoever trickles would go on doing so, one that is silent has cost much time already, and one of which a rest has
    // come without a byte is no better.
    if (isStuck || isSilent) route.nextServer();
    const bytes = position - this.#brokenPosition;
    this.#brokenPosition = position;
    const ms = now - this.#foundAt;
    const wantedBytes = limits.minRate === 0 ? 0 : (limits.minRate * ms) / 1000;
    const isSlow = isSilent && bytes < Math.max(MOVING_BYTES, wantedBytes);
    this.#slowBreaks = isSlow ? this.#slowBreaks + 1 : 0;
    if (!isStuck) {
      this.#failures = 0;
      this.#deadline = now + settings.timeoutMs;
      this.#hasWalkedAgain = false;
      this.#hasRefreshed = false;
    }
    this.#failures = Math.max(this.#failures, this.#slowBreaks - 1);
    const isQuick = ms < QUICK_MS;
    this.#quickBreaks = isQuick && bytes < NEXT_TO_NOTHING_BYTES ? this.#quickBreaks + 1 : 0;
    if (!isQuick) return 0;
    const doublings = Math.min(MAX_DOUBLINGS, Math.max(0, this.#quickBreaks - MANY_QUICK));
    const pauseMs = QUICK_PAUSE_MS * 2 ** doublings * (1 + Math.random());
    return Math.min(pauseMs, settings.timeoutMs / 2);
  }

  async #attempt(position: number): Promise<Found | Exclude<RestVerdict, { kind: 'rest' | 'nothing left' }>> {
    const { route, onResumed } = this.#options;
    const part = this.#part;
    const proof = this.#proof;
    const { target, request } = route.place;
    const headers = request.headers.clone();
    const isConditional = proof !== 'digest' && part.validator !== null && !this.#isUnconditional;
    askForRest(headers, part, position, isConditional ? part.validator : null);
    const asked = { ...request, headers, upgrade: null, onInterim: ignore, onRequestSent: ignore };
    let sent: Sent;
    try {
      sent = await this.#send({ target, request: asked });
    } catch (thrown) {
      const error = toSluicewayError(thrown);
      return mayPass(error)
        ? { kind: 'later', afterMs: 0, reason: error.message }
        : { kind: 'different', reason: error.message };
    }
    const { response } = sent;
    if (isConditional && response.status === 200 && hasSameTag(response.headers, part)) {
      // Some servers do not understand the condition. The tag of what they send without it tells as much.
      response.content.cancel();
      this.#isUnconditional = true;
      return this.#isCancelled ? cancelled : this.#attempt(position);
    }
    const verdict = this.#isCancelled
      ? cancelled
      : this.#refuseElsewhere(sent, checkRest(response, part, position, proof, isConditional));
    const digests =
      verdict.kind === 'rest' ? this.#options.readDigests?.(response, verdict.length) : undefined;
    if (verdict.kind !== 'rest' || typeof digests === 'string') response.content.cancel();
    if (typeof digests === 'string') return { kind: 'different', reason: digests };
    if (verdict.kind === 'nothing left') return { kind: 'found', rest: null };
    if (verdict.kind !== 'rest') return verdict;
    route.arrived(sent);
    onResumed();
    this.#part = { ...part, total: verdict.total, end: verdict.end };
    return { kind: 'found', rest: toRest(response, verdict, digests ?? NO_DIGESTS) };
  }

  /** A date proves nothing of what comes from another URL: files of several servers may share one. */
  #refuseElsewhere({ target }: Sent, verdict: RestVerdict): RestVerdict {
    const { proof } = this.#options;
    if (proof !== 'validator' || this.#part.validator?.field !== 'Last-Modified') return verdict;
    if (verdict.kind !== 'rest' && verdict.kind !== 'nothing left') return verdict;
    if (isSameTarget(target, this.#firstTarget)) return verdict;
    return { kind: 'different', reason: 'the rest comes from another URL, where its date proves nothing' };
  }

  /** A mirror's entity tags may be its own, which a digest makes up for. */
  get #proof(): Proof {
    const { proof, route } = this.#options;
    const part = this.#part;
    if (proof === 'digest') return part.validator !== null && !route.isAtMirror ? 'validator' : 'digest';
    return part.validator === null ? proof : 'validator';
  }

  /** Sends the request; gives it up where no head comes in time. */
  async #send({ target, request }: Pick<Sent, 'target' | 'request'>): Promise<Sent> {
    const { transport, limits, send: options } = this.#options;
    const leftMs = this.#deadline - performance.now();
    const ms = Math.max(1, limits.responseHeadMs === 0 ? leftMs : Math.min(limits.responseHeadMs, leftMs));
    const timer = setTimeout(() => {
      this.#exchange?.abort(new SluicewayError('http_response_timeout', `No response head for ${ms} ms`));
    }, ms);
    try {
      return await send(transport, request, target, {
        ...options,
        onAttempt: (exchange, asked) => {
          this.#exchange = exchange;
          options.onAttempt(exchange, asked);
        },
      });
    } finally {
      clearTimeout(timer);
      this.#exchange = null;
    }
  }

  /** Decides where to ask next; false where there is no use in asking again. */
  async #goOn(verdict: Exclude<RestVerdict, { kind: 'rest' | 'nothing left' }>): Promise<boolean> {
    const { route } = this.#options;
    if (verdict.kind === 'later') {
      route.nextServer(verdict.afterMs);
      return true;
    }
    if (verdict.kind === 'gone') {
      if (!this.#hasWalkedAgain && route.walkAgain()) {
        this.#hasWalkedAgain = true;
        return true;
      }
      if (await this.#refresh(verdict.status)) return true;
    }
    return route.drop();
  }

  async #refresh(status: number): Promise<boolean> {
    const { refresh, route, send: options } = this.#options;
    if (refresh === null || this.#hasRefreshed || route.isAtMirror) return false;
    this.#hasRefreshed = true;
    // The application may never answer, and nothing else is timed meanwhile.
    const late = this.#sleep(this.#deadline - performance.now());
    let url: string | URL | undefined;
    try {
      url = (await Promise.race([refresh(route.place.target, status), late])) ?? undefined;
    } finally {
      this.#wake?.();
    }
    if (url === undefined || this.#isCancelled) return false;
    route.moveTo(toTarget(url), options.secretFields?.() ?? []);
    return true;
  }

  #sleep(ms: number): Promise<void> {
    if (ms <= 0 || this.#isCancelled) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }
}

interface Found {
  kind: 'found';
  rest: Rest | null;
}

const cancelled: RestVerdict & { kind: 'different' } = { kind: 'different', reason: 'the transfer is over' };

const ignore = (): void => {};
