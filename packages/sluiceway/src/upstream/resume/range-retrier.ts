import { toSluicewayError } from '../../errors.js';
import { isSameTarget } from '../redirect-policy.js';
import type { SendOptions, Sent } from '../send.js';
import { type Target, toTarget } from '../target.js';
import type { Transport } from '../transport.js';
import { NO_DIGESTS, openRest, type ReadRestDigests } from './rest-digests.js';
import { RestSearch, type SearchLimits } from './rest-search.js';
import type { AskedRest, Proof, ResumePoint } from './resume-point.js';
import {
  askForRest,
  backoffMs,
  checkRest,
  isBreak,
  lost,
  mayPass,
  type RestPlace,
  type RestVerdict,
} from './resume-policy.js';
import type { ResumeTargets } from './resume-targets.js';
import type { Gap, Rest, RestFinder } from './resumed-content.js';
import { isSilence, RetryPace } from './retry-pace.js';
import { isPortable } from './same-file.js';

/** Checked values of `resume`. */
export interface RetryLimits {
  /** Most consecutive attempts that bring nothing. */
  attempts: number;
  /** Longest time without a byte: from a break on, or from the last byte on if the origin server is silent. */
  timeoutMs: number;
}

interface ProgressLimits extends SearchLimits {
  /** Bytes per second below which content counts as broken. 0: no limit. */
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
  /** Reads the digests of a rest; null if they are not verified. */
  readDigests: ReadRestDigests | null;
  /** Returns the current URL of the file after a target has answered with `status`. Null: there is no such function. */
  refresh: ((target: Target, status: number) => Promise<string | URL | undefined>) | null;
  /** Whether the server that has sent content should not be asked first. Called after `onBroken`. */
  avoidsServer(): boolean;
  /** Called when the search for a rest begins. */
  onBroken(): void;
  /** Called when a rest has been found, before it is delivered. */
  onResumed(): void;
}

/** If a response has brought more than this, the overlap is not the problem and is reset. */
const MUCH_BYTES = 64 * 1024;

/**
 * Requests the rest of broken content until it arrives: from the target that delivered it, then from its mirrors in turn.
 * Limited by consecutive attempts without a byte and by time without a byte. Content that makes progress can break any
 * number of times.
 */
export class RangeRetrier implements RestFinder {
  readonly #options: RestFinderOptions;
  readonly #pace: RetryPace;
  #deadline = 0;
  #hasWalkedAgain = false;
  #hasRefreshed = false;
  #search: RestSearch | null = null;
  /** What is known of the content. Each rest can add to it, and none may contradict it. */
  #part: ResumePoint;
  /** The target of the first content. */
  readonly #firstTarget: Target;
  /** Do not send `If-Range`: the server answers it with the whole file, although the file is the same. */
  #isUnconditional = false;
  /** Most delivered bytes that are requested again and compared. Lower if the origin server sends small pieces. */
  #overlap = Number.POSITIVE_INFINITY;
  /** The position of the last gap. */
  #beganAt = 0;

  constructor(options: RestFinderOptions) {
    this.#options = options;
    this.#part = options.part;
    this.#pace = new RetryPace(options.limits.minRate, options.settings.timeoutMs);
    this.#firstTarget = options.route.place.target;
  }

  stop(): void {
    this.#search?.stop();
    this.#search = null;
  }

  async find(gap: Gap): Promise<Rest | null> {
    const { settings, onBroken, limits } = this.#options;
    const { error: broken } = gap;
    if (gap.silentMs === null) onBroken();
    const pauseMs = this.#begin(gap);
    const search = new RestSearch(this.#deadline, limits);
    this.#search = search;
    let earliest = Math.max(performance.now() + pauseMs, this.#options.route.notBefore);
    for (let reason = broken.message; ; ) {
      const { failures } = this.#pace;
      if (failures >= settings.attempts) throw lost(broken, `${reason}; ${failures} attempts`);
      const startAt = Math.max(earliest, performance.now() + backoffMs(failures));
      if (startAt >= search.deadline)
        throw lost(broken, `${reason}; ${settings.timeoutMs} ms without a byte`);
      await search.sleep(startAt - performance.now());
      if (search.isOver) throw broken;
      this.#pace.failures += 1;
      const verdict = await this.#attempt(search, gap);
      if (search.isOver) {
        if (verdict.kind === 'found') verdict.rest?.content.cancel();
        throw broken;
      }
      if (verdict.kind === 'found') {
        this.#pace.found();
        return verdict.rest;
      }
      ({ reason } = verdict);
      const goesOn = await this.#goOn(search, verdict).catch((error: unknown) => {
        reason = `${reason}; the target could not be refreshed: ${toSluicewayError(error).message}`;
        return false;
      });
      if (!goesOn) throw lost(broken, reason);
      earliest = this.#options.route.notBefore;
    }
  }

  /** Returns the shortest pause before the first attempt, in ms. */
  #begin(gap: Gap): number {
    const { settings, route, avoidsServer } = this.#options;
    // Try another server if this one was slow or silent, or has sent a rest without a new byte.
    if (gap.isStuck || isSilence(gap) || avoidsServer()) route.nextServer();
    if (gap.position - this.#beganAt >= MUCH_BYTES) this.#overlap = Number.POSITIVE_INFINITY;
    this.#beganAt = gap.position;
    // The response may have consisted only of the bytes to compare.
    if (gap.isStuck) this.#overlap = this.#lessThan(Math.min(this.#overlap, gap.delivered.length));
    if (!gap.isStuck) {
      this.#deadline = performance.now() + settings.timeoutMs - (gap.silentMs ?? 0);
      this.#hasWalkedAgain = false;
      this.#hasRefreshed = false;
    }
    return this.#pace.note(gap);
  }

  async #attempt(search: RestSearch, gap: Gap): Promise<Found | Failed> {
    const { route, transport, send } = this.#options;
    const { target, request } = route.place;
    const asked = this.#decideAsked(gap);
    const headers = request.headers.clone();
    askForRest(headers, this.#part, asked);
    let sent: Sent;
    try {
      const plain = { ...request, headers, upgrade: null, onInterim: ignore, onRequestSent: ignore };
      sent = await search.send(transport, { target, request: plain }, send);
    } catch (thrown) {
      const error = toSluicewayError(thrown);
      return mayPass(error)
        ? { kind: 'later', afterMs: 0, reason: error.message }
        : { kind: 'different', reason: error.message };
    }
    const { response } = sent;
    const isSamePlace = isSameTarget(sent.target, this.#firstTarget);
    const verdict = search.isOver
      ? cancelled
      : checkRest(response, this.#part, { ...asked, isSamePlace, proof: this.#proofAt(isSamePlace) });
    if (verdict.kind === 'rest') return this.#take(search, gap, sent, verdict, asked.position - asked.from);
    response.content.cancel();
    switch (verdict.kind) {
      case 'nothing left':
        return { kind: 'found', rest: null };
      case 'unconditional':
        this.#isUnconditional = true;
        return this.#attempt(search, gap);
      case 'short':
        return this.#askForLess(search, gap, asked.position - asked.from);
      default:
        return verdict;
    }
  }

  /** Requests fewer bytes to compare: the response was so short that it contained only those. */
  #askForLess(search: RestSearch, gap: Gap, bytes: number): Promise<Found | Failed> {
    const less = this.#lessThan(bytes);
    if (less >= bytes) return Promise.resolve({ kind: 'different', reason: 'the rest is too short' });
    this.#overlap = less;
    return this.#attempt(search, gap);
  }

  /** A quarter of the bytes to compare. Where nothing else proves the rest, at least one byte. */
  #lessThan(bytes: number): number {
    return Math.max(this.#part.validator?.strength === 'opaque' ? 1 : 0, Math.floor(bytes / 4));
  }

  #decideAsked({ position, delivered }: Gap): AskedRest {
    const { proof, route } = this.#options;
    const { validator } = this.#part;
    // A mirror may have different entity tags for the same file. A digest proves the rest instead.
    const isConditional =
      validator?.strength === 'strong' && !this.#isUnconditional && !(proof === 'digest' && route.isAtMirror);
    return { position, from: position - Math.min(delivered.length, this.#overlap), isConditional };
  }

  /** What proves a rest: a validator if it applies at that URL, otherwise the configured proof. */
  #proofAt(isSamePlace: boolean): Proof {
    const { proof, route } = this.#options;
    const { validator } = this.#part;
    if (validator === null || (proof === 'digest' && route.isAtMirror)) return proof;
    return isSamePlace || isPortable(validator) ? 'validator' : proof;
  }

  /** Accepts a response whose head proves that it is the rest, if its first bytes match too. */
  async #take(
    search: RestSearch,
    gap: Gap,
    sent: Sent,
    place: RestPlace,
    overlap: number,
  ): Promise<Found | Failed> {
    const { response } = sent;
    const { readDigests, route, onResumed } = this.#options;
    const digests = readDigests?.(response, place.length) ?? NO_DIGESTS;
    if (typeof digests === 'string') {
      response.content.cancel();
      return { kind: 'different', reason: digests };
    }
    const content = openRest(response, place, gap.delivered, digests);
    if (place.skip > 0) {
      const comparison = await search.compare(content);
      if (comparison === 'different')
        return { kind: 'different', reason: 'the rest does not begin with the bytes that were delivered' };
      if (comparison !== 'same') {
        const bytes = place.skip - content.left;
        const canBeLess = place.skip === overlap && this.#lessThan(bytes) < bytes;
        if (isBreak(comparison) && canBeLess && !search.isOver) return this.#askForLess(search, gap, bytes);
        const { message: reason } = comparison;
        return isBreak(comparison) ? { kind: 'later', afterMs: 0, reason } : { kind: 'different', reason };
      }
    }
    const { end, total } = place;
    if (!search.isOver) {
      route.arrived(sent);
      this.#part = { ...this.#part, total, end };
      if (place.skip < place.length) onResumed();
    }
    if (place.skip < place.length) return { kind: 'found', rest: { content, end, check: digests.check } };
    content.cancel();
    return { kind: 'found', rest: null };
  }

  /** Decides which server to ask next. False if asking again is useless. */
  async #goOn(search: RestSearch, verdict: Failed): Promise<boolean> {
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
      if (await this.#refresh(search, verdict.status)) return true;
    }
    return route.drop();
  }

  async #refresh(search: RestSearch, status: number): Promise<boolean> {
    const { refresh, route, send: options } = this.#options;
    if (refresh === null || this.#hasRefreshed || route.isAtMirror) return false;
    this.#hasRefreshed = true;
    // The application may never answer, and no other timeout runs meanwhile.
    const late = search.sleep(search.leftMs);
    let url: string | URL | undefined;
    try {
      url = (await Promise.race([refresh(route.place.target, status), late])) ?? undefined;
    } finally {
      search.wake();
    }
    if (url === undefined || search.isOver) return false;
    route.moveTo(toTarget(url), options.secretFields?.() ?? []);
    return true;
  }
}

interface Found {
  kind: 'found';
  rest: Rest | null;
}

/** Why an attempt has not found the rest. */
type Failed = Extract<RestVerdict, { kind: 'later' | 'gone' | 'different' }>;

const cancelled: Failed = { kind: 'different', reason: 'the transfer is over' };

const ignore = (): void => {};
