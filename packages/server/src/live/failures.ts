import {
  type ErrorCode,
  type ErrorSource,
  type Outcome,
  SluicewayError,
  type TransferRecord,
} from 'sluiceway';
import { explanations } from './explanations.js';

/** Most examples of one failure that are kept. */
const MAX_EXAMPLES = 5;

/** A transfer that has failed. */
export interface FailedTransfer {
  id: string;
  time: string;
  route: string;
  client: string | null;
  method: string;
  path: string;
  upstream: string | null;
  errorMessage: string | null;
}

/** The failures of one kind in a process. */
export interface FailureCount {
  code: ErrorCode;
  count: number;
  /** ISO 8601 in UTC. */
  lastAt: string;
  /** The last ones, newest first. */
  examples: readonly FailedTransfer[];
}

/** Failures of one kind, with their explanation. */
export interface ExplainedFailure extends FailureCount {
  source: ErrorSource;
  /** What it means, and what to look at. */
  message: string;
  /** The page of the documentation. */
  docs: string;
}

/** Clients leave all the time, and the operator has done the others. */
const IS_NO_FAILURE: ReadonlySet<Outcome> = new Set(['completed', 'answered', 'client_aborted', 'shutdown']);

/** Counts failures, by their code. The codes are a closed set, so the size is bounded. */
export class FailureLog {
  readonly #counts = new Map<ErrorCode, { count: number; lastAt: string; examples: FailedTransfer[] }>();

  add(record: TransferRecord, route: string): void {
    const { error } = record;
    if (error === null || IS_NO_FAILURE.has(record.outcome)) return;
    let entry = this.#counts.get(error);
    if (entry === undefined) {
      entry = { count: 0, lastAt: '', examples: [] };
      this.#counts.set(error, entry);
    }
    entry.count += 1;
    entry.lastAt = new Date().toISOString();
    entry.examples.unshift({
      id: record.id,
      time: record.time,
      route,
      client: record.forwardedFor ?? record.clientAddress,
      method: record.method,
      path: record.path,
      upstream: record.upstream,
      errorMessage: record.errorMessage,
    });
    if (entry.examples.length > MAX_EXAMPLES) entry.examples.pop();
  }

  list(): FailureCount[] {
    return Array.from(this.#counts, ([code, { count, lastAt, examples }]) => ({
      code,
      count,
      lastAt,
      examples: [...examples],
    }));
  }
}

/** The failures of all processes, the last ones first. */
export function mergeFailures(counts: readonly FailureCount[]): ExplainedFailure[] {
  const merged = new Map<ErrorCode, FailureCount>();
  for (const each of counts) {
    const other = merged.get(each.code);
    merged.set(each.code, other === undefined ? each : addCounts(each, other));
  }
  return Array.from(merged.values(), (each) => ({
    ...each,
    source: new SluicewayError(each.code, '').source,
    message: explanations[each.code],
    docs: 'docs/outcomes.md#error-codes',
  })).toSorted((a, b) => (a.lastAt < b.lastAt ? 1 : -1));
}

const addCounts = (a: FailureCount, b: FailureCount): FailureCount => ({
  code: a.code,
  count: a.count + b.count,
  lastAt: a.lastAt > b.lastAt ? a.lastAt : b.lastAt,
  examples: [...a.examples, ...b.examples]
    .toSorted((x, y) => (x.time < y.time ? 1 : -1))
    .slice(0, MAX_EXAMPLES),
});
