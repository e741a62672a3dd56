/** The initial window in HTTP/2 (RFC 9113 section 6.9.2), and the smallest that a stream gets. In bytes. */
export const SMALLEST_WINDOW = 65_535;

/**
 * Added to windows, so that content of a round size does not end exactly where a window does: Node's server, if it has
 * not read the request, would then reset the stream instead of ending it.
 */
const ODD_BYTE = 1;

/**
 * The window of each stream of a new session, in bytes: enough for 80 Mbit/s over 50 ms. With 1 MiB for each of a
 * hundred streams, nginx (1.22) counts its own output as a flood and closes the connection.
 */
export const INITIAL_WINDOW: number = 512 * 1024 + ODD_BYTE;

/** Enough for 5 Gbit/s over 50 ms. */
export const LARGEST_WINDOW: number = 32 * 1024 * 1024 + ODD_BYTE;

/** Interval between measurements of sessions with open streams. */
const TICK_MS = 50;
/** Ticks between two reviews, which shrink windows that are larger than needed. */
const TICKS_BETWEEN_REVIEWS = 20;

/** A session, as the budget sees it. */
export interface WindowHolder {
  /** Streams on which content can arrive. */
  readonly openStreams: number;
  /** Unread bytes beyond the current windows: they arrived while the windows were larger. */
  readonly unreadBytes: number;
  /** Measures if content arrives fast. */
  tick(): void;
  /** Shrinks the window if content piles up unread. `isUnderPressure`: also if the session is nearly idle. */
  review(isUnderPressure: boolean): void;
  /** Shrinks the window to `bytes`, if it is larger. */
  shrinkTo(bytes: number): void;
}

export interface WindowBudgetOptions {
  /** Bytes above the smallest window that all streams together can be granted. Default 128 MiB. */
  bytes?: number;
}

/**
 * Limits the sum of the receive windows of all HTTP/2 sessions of a process. When the other side of a transfer stalls,
 * a stream's window fills with bytes that this process has to hold. A few fast streams get large windows; with many
 * streams, each gets a small one.
 */
export class WindowBudget {
  readonly #limit: number;
  readonly #active = new Set<WindowHolder>();
  #granted = 0;
  #timer: NodeJS.Timeout | null = null;
  #ticks = 0;
  #hasShrunk = false;

  constructor(options: WindowBudgetOptions = {}) {
    this.#limit = options.bytes ?? 128 * 1024 * 1024;
  }

  /** Bytes currently granted above the smallest windows. */
  get granted(): number {
    return this.#granted;
  }

  /** Whether more than twice the limit is granted, because peers have not confirmed smaller windows. */
  get isOverdrawn(): boolean {
    return this.#granted > 2 * this.#limit;
  }

  /** Bytes that can still be granted. */
  get room(): number {
    return Math.max(0, this.#limit - this.#granted);
  }

  /** Counts a change of the bytes that a session grants. */
  charge(bytes: number): void {
    this.#granted += bytes;
    if (bytes > 0 && this.#granted > this.#limit && !this.#hasShrunk) this.#shrink();
  }

  /** Starts ticks and reviews of a session. */
  watch(holder: WindowHolder): void {
    this.#active.add(holder);
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  unwatch(holder: WindowHolder): void {
    this.#active.delete(holder);
    if (this.#active.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#hasShrunk = false;
  }

  #tick(): void {
    this.#ticks += 1;
    this.#hasShrunk = false;
    if (this.#granted > this.#limit) this.#shrink();
    const isReview = this.#ticks % TICKS_BETWEEN_REVIEWS === 0;
    const isUnderPressure = this.#granted > this.#limit / 2;
    for (const holder of this.#active) {
      holder.tick();
      if (isReview) holder.review(isUnderPressure);
    }
  }

  /** Limits every window to an equal share. At most once per tick, since it visits all sessions. */
  #shrink(): void {
    this.#hasShrunk = true;
    let streams = 0;
    let left = this.#limit;
    for (const holder of this.#active) {
      streams += holder.openStreams;
      left -= holder.unreadBytes;
    }
    const share = 2 ** Math.floor(Math.log2(Math.max(1, left / Math.max(1, streams)))) - ODD_BYTE;
    for (const holder of this.#active) holder.shrinkTo(Math.max(SMALLEST_WINDOW, share));
  }
}

/** The default budget of sessions. */
export const sharedWindowBudget: WindowBudget = new WindowBudget();
