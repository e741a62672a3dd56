import type { ProcessChanges } from './change-tracker.js';
import type { FailureCount } from './failures.js';
import type { BlockOrder, LimitUse, RouteBlock, RouteRule } from './limit-use.js';
import type { DrainOrder, DrainResult, GroupView } from './servers.js';
import type { TransferView } from './transfer-view.js';

/** Sums of a process since its start. Bytes include those of running transfers. */
export interface ProcessTotals {
  running: number;
  bytesDown: number;
  bytesUp: number;
  /** How many transfers have ended, by outcome. */
  outcomes: Readonly<Record<string, number>>;
}

/** A link of a gateway: the whole, or its id, which shows up in transfers and in limits by `link`. */
export type LinkName = { readonly url: string } | { readonly id: string };

/** What the live view asks each process that serves. */
export interface LiveQuestions {
  transfers: readonly [null, TransferView[]];
  transfer: readonly [string, TransferView | null];
  /** With a session other than the last one, the answer has all that runs. Null with `NOT_WATCHING`. */
  changes: readonly [{ session: number }, ProcessChanges | null];
  /** Whether the process has the transfer. */
  abort: readonly [{ id: string; reason: string }, boolean];
  totals: readonly [null, ProcessTotals];
  failures: readonly [null, FailureCount[]];
  /** Whether the process has the transfer. `rate`: bytes per second; null for no limit. */
  limit: readonly [{ id: string; rate: number | null }, boolean];
  servers: readonly [null, GroupView[]];
  drainServer: readonly [DrainOrder, DrainResult];
  limits: readonly [{ top: number }, LimitUse[]];
  rules: readonly [null, RouteRule[]];
  blocks: readonly [null, RouteBlock[]];
  blockKey: readonly [BlockOrder, number | null];
  /** The routes whose gateways have links. */
  gateways: readonly [null, string[]];
  revoke: readonly [LinkName, number | null];
}

export type LiveAnswers = {
  [K in keyof LiveQuestions]: (question: LiveQuestions[K][0]) => LiveQuestions[K][1];
};

export interface ProcessAnswer<A> {
  pid: number;
  /** The number of the worker; null without workers. */
  worker: number | null;
  /** Null: the process has not answered in time. */
  answer: A | null;
}

/** Asks all processes that serve. `question` is called with the id of each. */
export type AskProcesses = <K extends keyof LiveQuestions>(
  kind: K,
  question: (pid: number) => LiveQuestions[K][0],
) => Promise<readonly ProcessAnswer<LiveQuestions[K][1]>[]>;
