import type { Observer, Outcome, TransferRecord } from 'sluiceway';
import { ChangeTracker } from './change-tracker.js';
import { FailureLog } from './failures.js';
import { type LiveLimits, orderBlock, readBlocks, readLimits, readRules } from './limit-use.js';
import type { LinkName, LiveAnswers } from './questions.js';
import { type LiveGroup, orderDrain, toGroupViews } from './servers.js';
import { type RoutedTransfer, toView } from './transfer-view.js';

/** What serves requests in a process. */
export interface LiveSource {
  /** The running transfers of all routes. */
  running(): Iterable<RoutedTransfer>;
  readonly groups: readonly LiveGroup[];
  readonly limits: readonly LiveLimits[];
  /** The routes whose gateways have links. */
  readonly gateways: readonly string[];
  /**
   * Revokes a link, and returns the number of its downloads. Null: no gateway has a key that has signed it, or there is no
   * gateway.
   */
  revoke(link: LinkName): number | null;
}

/** The session of a primary process that does not watch. */
export const NOT_WATCHING = 0;

/** The live view of one process. Running transfers are looked at only when a question comes. */
export class ProcessView {
  readonly #failures = new FailureLog();
  readonly #outcomes = new Map<Outcome, number>();
  #bytesDown = 0;
  #bytesUp = 0;
  /** Bytes of ended transfers, by configured server. */
  readonly #serverBytes = new Map<string, number>();
  #tracker: ChangeTracker | null = null;
  #session = NOT_WATCHING;

  /** Returns the observer for the transfers of a route. `upstreams`: its configured servers: scheme, host and port. */
  observer(route: string, upstreams: readonly string[] = []): Observer {
    const known = new Set(upstreams);
    return {
      onTransferEnd: (record) => {
        this.#onEnd(record, route);
        const { upstream, bytesDown, bytesUp } = record;
        if (upstream === null || !known.has(upstream)) return;
        this.#serverBytes.set(upstream, (this.#serverBytes.get(upstream) ?? 0) + bytesDown + bytesUp);
      },
    };
  }

  /** `source` is asked with each question: what serves can change. */
  answers(source: () => LiveSource): LiveAnswers {
    const find = (id: string): RoutedTransfer | undefined => {
      for (const routed of source().running()) if (routed.transfer.id === id) return routed;
      return undefined;
    };
    return {
      transfers: () => Array.from(source().running(), toView),
      transfer: (id) => {
        const found = find(id);
        return found === undefined ? null : toView(found);
      },
      changes: ({ session }) => {
        if (session !== this.#session) this.#tracker = session === NOT_WATCHING ? null : new ChangeTracker();
        this.#session = session;
        return this.#tracker?.take(source().running()) ?? null;
      },
      abort: ({ id, reason }) => {
        const found = find(id);
        found?.transfer.abort(reason);
        return found !== undefined;
      },
      limit: ({ id, rate }) => {
        const found = find(id);
        found?.transfer.limit(rate);
        return found !== undefined;
      },
      totals: () => this.#totals(source().running()),
      failures: () => this.#failures.list(),
      servers: () => {
        const { groups } = source();
        return groups.length === 0 ? [] : toGroupViews(groups, source().running(), this.#serverBytes);
      },
      drainServer: (order) => orderDrain(source().groups, order),
      limits: ({ top }) => readLimits(source().limits, top),
      blockKey: (order) => orderBlock(source().limits, order),
      rules: () => readRules(source().limits),
      blocks: () => readBlocks(source().limits),
      gateways: () => [...source().gateways],
      revoke: (link) => source().revoke(link),
    };
  }

  #totals(running: Iterable<RoutedTransfer>) {
    let count = 0;
    let bytesDown = this.#bytesDown;
    let bytesUp = this.#bytesUp;
    for (const { transfer } of running) {
      count += 1;
      bytesDown += transfer.bytesDown;
      bytesUp += transfer.bytesUp;
    }
    return { running: count, bytesDown, bytesUp, outcomes: Object.fromEntries(this.#outcomes) };
  }

  #onEnd(record: TransferRecord, route: string): void {
    const { outcome } = record;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    this.#bytesDown += record.bytesDown;
    this.#bytesUp += record.bytesUp;
    this.#failures.add(record, route);
    this.#tracker?.onEnd(record);
  }
}
