import type { MetricSnapshot } from 'sluiceway/metrics';
import type { ReloadChanges } from '../admin/control.js';
import type { ConfigSource } from '../config/source.js';
import type { LiveLimits } from '../live/limit-use.js';
import type { AskProcesses } from '../live/questions.js';
import type { NamedGroup } from '../routes/shared-groups.js';
import type { Plan } from './compile.js';
import type { DrainProgress } from './drain-progress.js';

/** A configuration that a backend has checked, and whose listeners are open. Exactly one of the two is called. */
export interface PreparedPlan {
  plan: Plan;
  /** Serves it from now on. */
  apply(): Promise<ReloadChanges>;
  cancel(): void;
}

/** What serves the requests: this process, or workers. */
export interface Backend {
  /** The URLs of the listeners, in the order of the configuration. */
  readonly urls: readonly string[];
  /** Why it cannot take requests; null if it can. */
  readonly problem: string | null;
  /** The number of running requests. */
  active(): Promise<number>;
  progress(): Promise<DrainProgress>;
  /** Rejects and changes nothing if the configuration is not valid, or a listener cannot be opened. */
  prepare(source: ConfigSource): Promise<PreparedPlan>;
  /** Replaces the workers one after the other. Null if there are none. */
  restart: (() => Promise<void>) | null;
  /** The open connections of clients to this process. */
  readonly connections: number;
  /** The groups of servers that this process uses. */
  readonly groups: readonly NamedGroup[];
  /** The limits of the routes that this process serves. */
  readonly limits: readonly LiveLimits[];
  /** Asks the processes that serve, for the live view. */
  readonly ask: AskProcesses;
  /** The metrics of the other processes. */
  metrics(): Promise<MetricSnapshot[][]>;
  /** Opens the log files of other processes again. */
  reopenLogs(): void;
  /** Called when readiness of the whole server changes. */
  setReady(isReady: boolean): void;
  /** Stops accepting connections. Resolves with the number of transfers that were cut off after `timeoutMs`. */
  drain(timeoutMs: number): Promise<number>;
  /** Ends everything now. */
  destroy(): void;
}
