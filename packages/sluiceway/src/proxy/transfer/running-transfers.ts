import { type Outcome, type SluicewayError, toWarning } from '../../errors.js';
import { PlacedList } from '../../placed-list.js';
import type { RunningTransfer, TransferWatcher, WatchOptions } from './running-transfer.js';
import type { TransferTrace } from './tracing.js';
import type { Transfer } from './transfer.js';
import type { Observer } from './transfer-record.js';
import { TransferWatch } from './transfer-watch.js';

/** The running transfers of one proxy, and its observers. */
export class RunningTransfers {
  readonly #observers: readonly Observer[];
  readonly #tunnelDrainMs: number;
  readonly #contentObservers: readonly Observer[];
  readonly #running = new PlacedList<Transfer>();
  readonly #watches = new Set<TransferWatch>();
  #drained: Promise<void> | null = null;
  #onEmpty: (() => void) | null = null;
  #isLeaving = false;

  /** `tunnelDrainMs`: how long tunnels continue before they are told of a drain. */
  constructor(observers: readonly Observer[], tunnelDrainMs: number) {
    this.#observers = observers;
    this.#tunnelDrainMs = tunnelDrainMs;
    this.#contentObservers = observers.filter((observer) => observer.onResponseContent !== undefined);
  }

  get size(): number {
    return this.#running.size;
  }

  /** The running transfers, in no particular order. */
  list(): RunningTransfer[] {
    return [...this.#running.all];
  }

  /** The same, for other parts of the proxy. */
  get all(): readonly Transfer[] {
    return this.#running.all;
  }

  get isDraining(): boolean {
    return this.#drained !== null;
  }

  add(transfer: Transfer): void {
    this.#running.add(transfer);
    if (this.#isLeaving) transfer.leave();
    if (this.#contentObservers.length > 0) transfer.onContent = showContent(transfer, this.#contentObservers);
    for (const observer of this.#observers) notify(() => observer.onTransferStart?.(transfer));
  }

  end(transfer: Transfer, outcome: Outcome, trace: TransferTrace | null = null): void {
    transfer.timeouts.stop();
    transfer.endFlows();
    this.#running.delete(transfer);
    if (this.#observers.length > 0 || trace !== null || this.#watches.size > 0) {
      const record = transfer.toRecord(outcome);
      if (trace !== null) notify(() => trace.onEnd(record));
      for (const observer of this.#observers) notify(() => observer.onTransferEnd?.(record));
      for (const watch of this.#watches) watch.ended(record);
    }
    if (this.#running.size === 0) this.#onEmpty?.();
  }

  /** Returns a function that ends the watch. */
  watch(options: WatchOptions, listener: TransferWatcher): () => void {
    const watch = new TransferWatch(
      () => this.#running.all,
      options,
      (changes) => notify(() => listener(changes)),
    );
    this.#watches.add(watch);
    return () => {
      watch.stop();
      this.#watches.delete(watch);
    };
  }

  /** Resolves once no transfer runs. Waits for transfers that are added meanwhile, too. */
  drain(): Promise<void> {
    if (this.#drained !== null) return this.#drained;
    this.#drained = new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.#running.size === 0) resolve();
    });
    if (this.#tunnelDrainMs === 0) this.#leave();
    else setTimeout(() => this.#leave(), this.#tunnelDrainMs).unref();
    return this.#drained;
  }

  #leave(): void {
    this.#isLeaving = true;
    for (const transfer of [...this.#running.all]) transfer.leave();
  }

  abort(error: SluicewayError): void {
    for (const transfer of [...this.#running.all]) transfer.abortWith(error);
  }
}

/** Shows content to observers. Stops for an observer at its first error: one per chunk would flood the log. */
function showContent(transfer: Transfer, observers: readonly Observer[]): (bytes: Uint8Array) => void {
  const watching = new Set(observers);
  return (bytes) => {
    for (const observer of watching) {
      notify(
        () => observer.onResponseContent?.(transfer, bytes),
        (error) => {
          if (watching.delete(observer)) warn(error);
        },
      );
    }
  };
}

/** Calls an observer. An error, also in a promise that it returns, becomes a warning and does not affect the transfer. */
function notify(call: () => unknown, onMistake: (error: unknown) => void = warn): void {
  try {
    const result = call();
    // Not `instanceof Promise`: it may be another thenable, or a promise of another realm.
    if (typeof result === 'object' && result !== null && 'then' in result)
      Promise.resolve(result).catch(onMistake);
  } catch (error) {
    onMistake(error);
  }
}

function warn(error: unknown): void {
  process.emitWarning(toWarning(error), 'SluicewayObserverWarning');
}
