import type { Outcome, RunningTransfer, TransferRecord } from 'sluiceway';
import { type RoutedTransfer, type TransferView, toView } from './transfer-view.js';

/** The members of a transfer that have changed. */
export type ViewChange = Partial<TransferView> & { id: string };

/** How a transfer has ended. */
export interface TransferEnd {
  id: string;
  outcome: Outcome;
  status: number | null;
  error: string | null;
  errorMessage: string | null;
  bytesDown: number;
  bytesUp: number;
  durationMs: number;
  resumes: number;
}

/** What has changed in one process. */
export interface ProcessChanges {
  /** `started` has all that runs. */
  isWhole: boolean;
  started: TransferView[];
  changed: ViewChange[];
  ended: TransferEnd[];
}

/**
 * Compares the running transfers with what was told before. `durationMs` changes all the time and is told with the start
 * only. `waitingMs` and `etaMs` are told when anything else changes.
 */
export class ChangeTracker {
  readonly #known = new Map<string, TransferView>();
  #ended: TransferEnd[] = [];
  #isWhole = true;

  /** Called for each transfer that ends. */
  onEnd(record: TransferRecord): void {
    if (this.#known.delete(record.id)) this.#ended.push(toEnd(record));
  }

  take(running: Iterable<RoutedTransfer>): ProcessChanges {
    const changes: ProcessChanges = {
      isWhole: this.#isWhole,
      started: [],
      changed: [],
      ended: this.#ended,
    };
    this.#isWhole = false;
    this.#ended = [];
    for (const routed of running) {
      const { transfer } = routed;
      const before = this.#known.get(transfer.id);
      if (before === undefined) {
        const view = toView(routed);
        this.#known.set(view.id, view);
        changes.started.push({ ...view });
        continue;
      }
      const change = findChange(before, transfer);
      if (change === null) continue;
      Object.assign(before, change);
      changes.changed.push(change);
    }
    return changes;
  }
}

/** The members that change with the content. */
const MOVING = ['bytesDown', 'bytesUp', 'rateDown', 'rateUp', 'waitingFor', 'zeroCopy', 'resumes'] as const;

/** The members that change when the request is read, and with each request to an origin server and its response. */
const SETTLED = [
  'requestId',
  'identity',
  'host',
  'requestLength',
  'status',
  'responseLength',
  'upstream',
  'upstreamAddress',
  'attempts',
] as const;

function findChange(before: TransferView, transfer: RunningTransfer): ViewChange | null {
  const change: ViewChange = { id: before.id };
  let count = compare(before, transfer, MOVING, change);
  const isSettled = before.status !== null && before.upstreamAddress !== null;
  if (!isSettled || change.resumes !== undefined || before.attempts !== transfer.attempts) {
    count += compare(before, transfer, SETTLED, change);
    const client = transfer.forwardedFor ?? transfer.clientAddress;
    if (client !== before.client) {
      change.client = client;
      count += 1;
    }
  }
  if (change.resumes !== undefined) change.resumedAt = [...transfer.resumedAt];
  if (count === 0) return null;
  const { etaMs, waitingMs } = transfer;
  if (etaMs !== before.etaMs) change.etaMs = etaMs;
  if (waitingMs !== before.waitingMs) change.waitingMs = waitingMs;
  return change;
}

type Member = (typeof MOVING)[number] | (typeof SETTLED)[number];

function compare(
  before: TransferView,
  transfer: RunningTransfer,
  members: readonly Member[],
  change: ViewChange,
): number {
  let count = 0;
  for (const member of members) {
    const value = transfer[member];
    if (value === before[member]) continue;
    Object.assign(change, { [member]: value });
    count += 1;
  }
  return count;
}

const toEnd = (record: TransferRecord): TransferEnd => ({
  id: record.id,
  outcome: record.outcome,
  status: record.status,
  error: record.error,
  errorMessage: record.errorMessage,
  bytesDown: record.bytesDown,
  bytesUp: record.bytesUp,
  durationMs: record.durationMs,
  resumes: record.resumes,
});
