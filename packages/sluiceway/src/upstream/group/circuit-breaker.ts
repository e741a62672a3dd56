import { SluicewayError } from '../../errors.js';
import { WindowCounts } from './window-counts.js';

/** Checked values of `breaker`. */
export interface BreakerSettings {
  /** Share of failed requests from which it opens, such as 0.5. */
  failureShare: number;
  /** Requests in the window without which it stays closed. */
  minRequests: number;
  windowMs: number;
  /** How long it stays open before a request is tried. */
  openMs: number;
}

/** `closed` requests pass. `open` none does. `half-open` one does, and decides. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/**
 * A circuit breaker for a whole group: if too many requests to all servers together fail, clients get 503 at once, and the
 * servers time to recover.
 */
export class CircuitBreaker {
  readonly #settings: BreakerSettings;
  readonly #counts: WindowCounts;
  #openedAt: number | null = null;
  /** When the last request was let through while it was open. Null: none since it opened. */
  #triedAt: number | null = null;

  constructor(settings: BreakerSettings) {
    this.#settings = settings;
    this.#counts = new WindowCounts(settings.windowMs);
  }

  get state(): BreakerState {
    if (this.#openedAt === null) return 'closed';
    return performance.now() < this.#openedAt + this.#settings.openMs ? 'open' : 'half-open';
  }

  /** Throws unless a request may pass. After `openMs`, one request passes per `openMs`. */
  admit(now: number = performance.now()): void {
    if (this.#openedAt === null) return;
    const next = (this.#triedAt ?? this.#openedAt) + this.#settings.openMs;
    if (now >= next) {
      this.#triedAt = now;
      return;
    }
    throw new SluicewayError('destination_unavailable', 'Too many requests to the group have failed', {
      headers: { 'Retry-After': String(Math.max(1, Math.ceil((next - now) / 1000))) },
    });
  }

  /** Whether requests pass without limit. Failed requests are repeated only then. */
  get isClosed(): boolean {
    return this.#openedAt === null;
  }

  /** A request that began at `beganAt` has ended. */
  record(isFailure: boolean, beganAt: number, now: number): void {
    if (this.#openedAt !== null) {
      // Requests from before show nothing new.
      if (this.#triedAt === null || beganAt < this.#triedAt) return;
      this.#counts.clear();
      this.#openedAt = isFailure ? now : null;
      this.#triedAt = null;
      return;
    }
    this.#counts.add(now, isFailure, null);
    if (!isFailure) return;
    const { requests, failures } = this.#counts.totals(now);
    const { minRequests, failureShare } = this.#settings;
    if (requests >= minRequests && failures >= failureShare * requests) this.#openedAt = now;
  }
}
