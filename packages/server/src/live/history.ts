import type { ProcessAnswer, ProcessTotals } from './questions.js';

/** Seconds that are kept. */
const LENGTH = 600;

/** One second of all processes. Rates are in bytes per second. */
export interface HistoryPoint {
  /** ISO 8601 in UTC, a whole second. */
  time: string;
  rateDown: number;
  rateUp: number;
  /** Running transfers at the end of the second. */
  running: number;
  /** Transfers that ended as they should in this second: `completed` and `answered`. */
  completed: number;
  /** Transfers that failed. Those that their client aborted count neither way. */
  failed: number;
}

/** The sums of all processes. */
export interface Totals {
  time: string;
  rateDown: number;
  rateUp: number;
  running: number;
  /** Transfers since the start of the server, running ones included. */
  requests: number;
  /** How many transfers have ended since the start of the server, by outcome. */
  outcomes: Readonly<Record<string, number>>;
}

const NONE: ProcessTotals = { running: 0, bytesDown: 0, bytesUp: 0, outcomes: {} };

/** The throughput and the outcomes of the last ten minutes, from the sums of each process. */
export class TotalsHistory {
  #before = new Map<number, ProcessTotals>();
  #at: number | null = null;
  readonly #outcomes = new Map<string, number>();
  readonly #points: HistoryPoint[] = [];
  #last: Totals | null = null;

  /** The latest sums; null before the first. */
  get last(): Totals | null {
    return this.#last;
  }

  /** The seconds after a time in milliseconds, oldest first. */
  since(ms: number): readonly HistoryPoint[] {
    return this.#points.filter(({ time }) => Date.parse(time) > ms);
  }

  /** `now`: as `Date.now`. */
  add(answers: readonly ProcessAnswer<ProcessTotals>[], now: number): Totals {
    const isFirst = this.#at === null;
    const seconds = Math.max(0.001, (now - (this.#at ?? now)) / 1000);
    const before = this.#before;
    const sum = { running: 0, down: 0, up: 0, completed: 0, failed: 0 };
    this.#before = new Map();
    for (const { pid, answer } of answers) {
      const last = before.get(pid);
      const current = answer ?? last;
      if (current === undefined) continue;
      this.#before.set(pid, current);
      sum.running += current.running;
      sum.down += growth(current.bytesDown, (last ?? NONE).bytesDown);
      sum.up += growth(current.bytesUp, (last ?? NONE).bytesUp);
      for (const [outcome, count] of Object.entries(current.outcomes)) {
        const more = growth(count, last?.outcomes[outcome] ?? 0);
        this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + more);
        if (outcome === 'completed' || outcome === 'answered') sum.completed += more;
        else if (outcome !== 'client_aborted') sum.failed += more;
      }
    }
    this.#at = now;
    const time = new Date(Math.floor(now / 1000) * 1000).toISOString();
    // What was before the first second has no rate.
    const rateDown = isFirst ? 0 : Math.round(sum.down / seconds);
    const rateUp = isFirst ? 0 : Math.round(sum.up / seconds);
    const { running } = sum;
    const ended = isFirst ? { completed: 0, failed: 0 } : { completed: sum.completed, failed: sum.failed };
    this.#points.push({ time, rateDown, rateUp, running, ...ended });
    if (this.#points.length > LENGTH) this.#points.shift();
    const outcomes = Object.fromEntries(this.#outcomes);
    const requests = Object.values(outcomes).reduce((all, count) => all + count, running);
    this.#last = { time, rateDown, rateUp, running, requests, outcomes };
    return this.#last;
  }
}

const growth = (now: number, before: number): number => Math.max(0, now - before);
