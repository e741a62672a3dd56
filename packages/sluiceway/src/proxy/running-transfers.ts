import type { Outcome, SluicewayError } from '../errors.js';
import type { Observer, Transfer } from './transfer.js';

/** The transfers of one proxy that have not ended, and who watches them. */
export class RunningTransfers {
  readonly #observers: readonly Observer[];
  readonly #running = new Set<Transfer>();
  #drained: Promise<void> | null = null;
  #onEmpty: (() => void) | null = null;

  constructor(observers: readonly Observer[]) {
    this.#observers = observers;
  }

  get size(): number {
    return this.#running.size;
  }

  get isDraining(): boolean {
    return this.#drained !== null;
  }

  add(transfer: Transfer): void {
    this.#running.add(transfer);
    for (const observer of this.#observers) notify(() => observer.onTransferStart?.(transfer));
  }

  end(transfer: Transfer, outcome: Outcome): void {
    transfer.timeouts.stop();
    this.#running.delete(transfer);
    if (this.#observers.length > 0) {
      const record = transfer.toRecord(outcome);
      for (const observer of this.#observers) notify(() => observer.onTransferEnd?.(record));
    }
    if (this.#running.size === 0) this.#onEmpty?.();
  }

  /** Resolves once nothing runs. What is added meanwhile is waited for too. */
  drain(): Promise<void> {
    this.#drained ??= new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.#running.size === 0) resolve();
    });
    return this.#drained;
  }

  abort(error: SluicewayError): void {
    for (const transfer of [...this.#running]) transfer.abort(error);
  }
}

/** An observer may watch, not break, a transfer; its mistake must be seen all the same. */
function notify(call: () => void): void {
  try {
    call();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error), 'SluicewayObserverWarning');
  }
}
