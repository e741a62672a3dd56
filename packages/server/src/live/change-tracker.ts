import type { Outcome, RunningTransfer, TransferRecord } from 'sluiceway';
import type { EndData } from '../dashboard/contract.js';
import { type RoutedTransfer, type TransferView, toView } from './transfer-view.js';

/** The members of a transfer that have changed. */
export type ViewChange = Partial<TransferView> & { id: string };

/** How a transfer has ended. */
export interface TransferEnd extends EndData {
  outcome: Outcome;
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
  'link',
] as const;

/**
 * Returns null if nothing has changed that is worth telling. Most transfers are looked at several times a second, so members
 * that cannot have changed are not read, and rates are read only if they can have changed.
 */
function findChange(before: TransferView, transfer: RunningTransfer): ViewChange | null {
  const { bytesDown, bytesUp, resumes, zeroCopy, waitingFor, rateLimit } = transfer;
  const hasMoved = bytesDown !== before.bytesDown || bytesUp !== before.bytesUp;
  const isOther =
    waitingFor !== before.waitingFor || resumes !== before.resumes || rateLimit !== before.limit;
  const isSettled =
    before.status !== null && before.upstreamAddress !== null && before.attempts === transfer.attempts;
  const isStill = !hasMoved && !isOther && isSettled && zeroCopy === before.zeroCopy;
  if (isStill && before.rateDown === 0 && before.rateUp === 0) return null;
  const { rateDown, rateUp } = transfer;
  if (isStill && isClose(rateDown, before.rateDown) && isClose(rateUp, before.rateUp)) return null;
  const change: ViewChange = { id: before.id };
  if (bytesDown !== before.bytesDown) change.bytesDown = bytesDown;
  if (bytesUp !== before.bytesUp) change.bytesUp = bytesUp;
  if (rateDown !== before.rateDown) change.rateDown = rateDown;
  if (rateUp !== before.rateUp) change.rateUp = rateUp;
  if (waitingFor !== before.waitingFor) change.waitingFor = waitingFor;
  if (rateLimit !== before.limit) change.limit = rateLimit;
  if (zeroCopy !== before.zeroCopy) change.zeroCopy = zeroCopy;
  if (resumes !== before.resumes) {
    change.resumes = resumes;
    change.resumedAt = [...transfer.resumedAt];
  }
  const others = !isSettled || resumes !== before.resumes ? addSettled(before, transfer, change) : 0;
  const isNew = hasMoved || isOther || zeroCopy !== before.zeroCopy || others > 0;
  if (!isNew && isClose(rateDown, before.rateDown) && isClose(rateUp, before.rateUp)) return null;
  const { etaMs, waitingMs } = transfer;
  if (etaMs !== before.etaMs) change.etaMs = etaMs;
  if (waitingMs !== before.waitingMs) change.waitingMs = waitingMs;
  return change;
}

/** A rate that nothing else changes with decreases a little each time that it is read, down to 0. */
const isClose = (rate: number, before: number): boolean =>
  rate === before || (rate !== 0 && Math.abs(rate - before) < 0.2 * before);

/** Adds the settled members that have changed, and returns their number. */
function addSettled(before: TransferView, transfer: RunningTransfer, change: ViewChange): number {
  let count = 0;
  for (const member of SETTLED) {
    const value = transfer[member];
    if (value === before[member]) continue;
    Object.assign(change, { [member]: value });
    count += 1;
  }
  const client = transfer.forwardedFor ?? transfer.clientAddress;
  if (client === before.client) return count;
  change.client = client;
  return count + 1;
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
