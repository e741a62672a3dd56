import type { HistoryData, PointData, TotalsData } from './contract.js';
import { kindOfOutcome } from './format.js';

const LENGTH_S = 600;
/** The charts begin with the shortest of these that has everything. */
const SPANS_S = [120, 300, LENGTH_S];
/** Seconds of one bar of ended transfers. */
const BUCKET_S = 10;

/** Counts of transfers that have ended. */
export interface Ended {
  completed: number;
  failed: number;
  left: number;
}

/** The last ten minutes, second by second. */
export class History {
  #points: PointData[] = [];
  #last: Ended | null = null;

  /** Replaces everything. */
  load({ points }: HistoryData): void {
    this.#points = points.slice(-LENGTH_S);
  }

  /** Adds a second. Counts since the previous one follow from the sums. */
  add(totals: TotalsData): void {
    const ended = sumOutcomes(totals.outcomes);
    const last = this.#last;
    this.#last = ended;
    const { time, rateDown, rateUp, running } = totals;
    if (this.#points.at(-1)?.time === time) return;
    this.#points.push({
      time,
      rateDown,
      rateUp,
      running,
      // A server that was restarted counts from 0.
      completed: last === null ? 0 : Math.max(0, ended.completed - last.completed),
      failed: last === null ? 0 : Math.max(0, ended.failed - last.failed),
    });
    if (this.#points.length > LENGTH_S) this.#points.shift();
  }

  /** Forgets the sums of a connection that was lost. */
  interrupt(): void {
    this.#last = null;
  }

  /** Seconds that the charts show: a server that has just started has no ten minutes. */
  get span(): number {
    const [first, last] = [this.#points.at(0), this.#points.at(-1)];
    if (first === undefined || last === undefined) return SPANS_S[0] ?? LENGTH_S;
    const seconds = (Date.parse(last.time) - Date.parse(first.time)) / 1000;
    return SPANS_S.find((span) => span >= seconds) ?? LENGTH_S;
  }

  /** Seconds, bytes per second down and up: a column each. */
  rates(): [number[], number[], number[]] {
    return [
      this.#points.map(({ time }) => Date.parse(time) / 1000),
      this.#points.map(({ rateDown }) => rateDown),
      this.#points.map(({ rateUp }) => rateUp),
    ];
  }

  /** Seconds, all that ended, failed ones: a column each, in steps of ten seconds. */
  ended(): [number[], number[], number[]] {
    const last = this.#points.at(-1);
    if (last === undefined) return [[], [], []];
    const lastBucket = Math.floor(Date.parse(last.time) / 1000 / BUCKET_S);
    const count = LENGTH_S / BUCKET_S;
    const first = lastBucket - count + 1;
    const all = Array<number>(count).fill(0);
    const failed = Array<number>(count).fill(0);
    for (const point of this.#points) {
      const i = Math.floor(Date.parse(point.time) / 1000 / BUCKET_S) - first;
      if (i < 0 || i >= count) continue;
      all[i] = (all[i] ?? 0) + point.completed + point.failed;
      failed[i] = (failed[i] ?? 0) + point.failed;
    }
    return [all.map((_, i) => (first + i) * BUCKET_S), all, failed];
  }
}

export function sumOutcomes(outcomes: Readonly<Record<string, number>>): Ended {
  const sums: Ended = { completed: 0, failed: 0, left: 0 };
  for (const [outcome, count] of Object.entries(outcomes)) {
    const kind = kindOfOutcome(outcome);
    if (kind === 'good') sums.completed += count;
    else if (kind === 'left') sums.left += count;
    else sums.failed += count;
  }
  return sums;
}
