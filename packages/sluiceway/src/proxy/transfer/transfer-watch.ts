import { Checker } from '../../options/checker.js';
import type { RunningTransfer, TransferWatcher, WatchOptions } from './running-transfer.js';
import type { TransferRecord } from './transfer-record.js';

const DEFAULT_INTERVAL_MS = 250;
const MIN_INTERVAL_MS = 10;

/** The members whose change a watcher is told, in a fixed order. */
const stateOf = (transfer: RunningTransfer): readonly unknown[] => [
  transfer.bytesDown,
  transfer.bytesUp,
  transfer.status,
  transfer.upstream,
  transfer.attempts,
  transfer.resumes,
  transfer.waitingFor,
  transfer.identity,
  transfer.errorMessage,
  transfer.rateDown,
  transfer.rateUp,
];

/** Compares the running transfers with those of the time before, at an interval, and tells a listener what is different. */
export class TransferWatch {
  readonly #list: () => readonly RunningTransfer[];
  readonly #tell: TransferWatcher;
  readonly #timer: NodeJS.Timeout;
  readonly #known = new Map<string, readonly unknown[]>();
  #ended: TransferRecord[] = [];
  #isStopped = false;

  /** `tell` must not throw. Throws an `OptionsError`. */
  constructor(list: () => readonly RunningTransfer[], options: WatchOptions, tell: TransferWatcher) {
    this.#list = list;
    this.#tell = tell;
    this.#timer = setInterval(() => this.#look(), readInterval(options));
    this.#timer.unref();
    setImmediate(() => this.#look());
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#isStopped = true;
    this.#known.clear();
  }

  /** Called for each transfer that ends. */
  ended(record: TransferRecord): void {
    if (this.#known.delete(record.id)) this.#ended.push(record);
  }

  #look(): void {
    if (this.#isStopped) return;
    const started: RunningTransfer[] = [];
    const changed: RunningTransfer[] = [];
    for (const transfer of this.#list()) {
      const before = this.#known.get(transfer.id);
      const now = stateOf(transfer);
      if (before?.every((member, i) => member === now[i]) === true) continue;
      this.#known.set(transfer.id, now);
      (before === undefined ? started : changed).push(transfer);
    }
    const ended = this.#ended;
    if (started.length + changed.length + ended.length === 0) return;
    this.#ended = [];
    this.#tell({ time: new Date().toISOString(), started, changed, ended });
  }
}

function readInterval(options: WatchOptions): number {
  const check = new Checker('watch');
  check.unknownKeys('', options, ['interval']);
  const ms = check.duration('interval', options.interval, DEFAULT_INTERVAL_MS, { min: MIN_INTERVAL_MS });
  check.throwIfAny();
  return ms;
}
