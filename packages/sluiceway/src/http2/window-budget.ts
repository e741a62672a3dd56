/** What a stream may have in flight at the start (RFC 9113 section 6.9.2), and what it always may have. */
export const SMALLEST_WINDOW = 65_535;

/**
 * Added to windows, so that content of a round size does not end exactly where one does: Node's server, if it has not
 * read the request, resets the stream then in place of ending it.
 */
const ODD_BYTE = 1;

/**
 * What a new session grants each stream: enough for 80 Mbit/s over 50 ms. With 1 MiB for each of a hundred streams at
 * once nginx (1.22) takes what it sends itself for a flood, and closes the connection.
 */
export const INITIAL_WINDOW: number = 512 * 1024 + ODD_BYTE;

/** Enough for 5 Gbit/s over 50 ms. */
export const LARGEST_WINDOW: number = 32 * 1024 * 1024 + ODD_BYTE;

/** How often sessions with content under way are looked at. */
const TICK_MS = 50;
/** How many ticks between two searches for windows that nobody needs. */
const TICKS_BETWEEN_REVIEWS = 20;

/** A session as its budget sees it. */
export interface WindowHolder {
  /** Streams on which content may come. */
  readonly openStreams: number;
  /** Bytes that came under a larger window than there is now, and have not been read. */
  readonly unreadBytes: number;
  /** Looks whether content flows fast. */
  tick(): void;
  /** Looks whether the window is larger than is of use; `isUnderPressure` asks for more than only what is plainly wasted. */
  review(isUnderPressure: boolean): void;
  /** Brings the window down to `bytes`, if it is larger. */
  shrinkTo(bytes: number): void;
}

export interface WindowBudgetOptions {
  /** Bytes that all streams together may be granted above the smallest window. Default 128 MiB. */
  bytes?: number;
}

/**
 * What the receive windows of all HTTP/2 sessions of a process may add up to. A window is a promise: when the other
 * side of a transfer stalls, a stream's window fills with bytes that lie in this process. Large ones are for few fast
 * streams; with many streams each gets a small one.
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

  /** Bytes granted above the smallest windows, now. */
  get granted(): number {
    return this.#granted;
  }

  /** So much is granted against the word of peers that have not confirmed smaller windows that no more may be. */
  get isOverdrawn(): boolean {
    return this.#granted > 2 * this.#limit;
  }

  /** What may still be granted. */
  get room(): number {
    return Math.max(0, this.#limit - this.#granted);
  }

  /** Counts what a session grants more than before, or less. */
  charge(bytes: number): void {
    this.#granted += bytes;
    if (bytes > 0 && this.#granted > this.#limit && !this.#hasShrunk) this.#shrink();
  }

  /** Content may come on the session from now on. */
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

  /** Nobody keeps more than an equal share of what is left; once a tick, since it goes through all sessions. */
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

/** The budget of all sessions that are given no other. */
export const sharedWindowBudget: WindowBudget = new WindowBudget();
