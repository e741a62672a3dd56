/** The window in which requests and retries are counted. */
const WINDOW_MS = 10_000;
const SLOTS = 10;

export interface BudgetSettings {
  /** Retries for each request, such as 0.2. */
  share: number;
  /** Retries per second that are allowed in any case. */
  minPerSecond: number;
}

/**
 * Limits the retries of all requests together, as in Finagle: at most `share` of the requests of the last ten seconds,
 * and `minPerSecond`. Without a limit, an outage of all servers would multiply the load on them.
 */
export class RetryBudget {
  readonly #settings: BudgetSettings;
  readonly #requests = new Float64Array(SLOTS);
  readonly #retries = new Float64Array(SLOTS);
  #slot = 0;

  constructor(settings: BudgetSettings) {
    this.#settings = settings;
  }

  /** Counts a request. */
  request(now: number = performance.now()): void {
    this.#move(now);
    const at = this.#slot % SLOTS;
    this.#requests[at] = (this.#requests[at] ?? 0) + 1;
  }

  /** Takes a retry from the budget. False if there is none left. */
  take(now: number = performance.now()): boolean {
    this.#move(now);
    const { share, minPerSecond } = this.#settings;
    const allowed = share * sum(this.#requests) + (minPerSecond * WINDOW_MS) / 1000;
    if (sum(this.#retries) + 1 > allowed) return false;
    const at = this.#slot % SLOTS;
    this.#retries[at] = (this.#retries[at] ?? 0) + 1;
    return true;
  }

  /** Forgets what is older than the window. */
  #move(now: number): void {
    const slot = Math.floor(now / (WINDOW_MS / SLOTS));
    const passed = Math.min(SLOTS, slot - this.#slot);
    for (let index = 1; index <= passed; index += 1) {
      const at = (slot - passed + index) % SLOTS;
      this.#requests[at] = 0;
      this.#retries[at] = 0;
    }
    this.#slot = slot;
  }
}

const sum = (counts: Float64Array): number => counts.reduce((total, count) => total + count, 0);
