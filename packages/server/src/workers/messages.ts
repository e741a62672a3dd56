import type { OptionProblem } from 'sluiceway';
import type { MetricSnapshot } from 'sluiceway/metrics';
import type { StoreBackend, StoreEvent } from 'sluiceway/store';
import type { ReloadChanges } from '../admin/control.js';
import type { LiveQuestions } from '../live/questions.js';
import type { DrainProgress } from '../server/drain-progress.js';

/** A configuration that the primary process has read and checked. */
export interface Configuration {
  /** The value, with references to variables and files replaced. */
  value: unknown;
  directory: string;
  /**
   * By `keyOf` of the listener: the ports of listeners with port 0, which are the same in all workers, and the descriptors
   * that the primary process has of sockets that another process has opened.
   */
  ports: Readonly<Record<string, number>>;
}

/** The configuration for one worker. */
export interface WorkerConfiguration extends Configuration {
  /** Whether this worker obtains certificates by ACME. The others use what it stores. */
  obtainsCertificates: boolean;
}

/** Why a worker cannot serve a configuration. */
export type Failure =
  | { kind: 'problems'; problems: readonly OptionProblem[] }
  /** `path` is that of the listener in the configuration; null if it is unknown. */
  | { kind: 'listen'; path: string | null; address: string; reason: string };

export interface Started {
  /** The URLs of the listeners. */
  urls: readonly string[];
}

/** What the primary process asks a worker. */
export interface WorkerQuestions extends LiveQuestions {
  start: readonly [WorkerConfiguration, Started | Failure];
  /** Checks a configuration and opens its listeners. One of the next two follows. */
  prepare: readonly [Configuration, null | Failure];
  commit: readonly [null, ReloadChanges];
  cancel: readonly [null, null];
  /** Whether all workers together are ready. */
  readiness: readonly [boolean, null];
  /** Answered when every connection is closed, with the number of transfers that were cut off. */
  drain: readonly [{ timeoutMs: number }, number];
  /** After log files have been renamed. */
  reopenLogs: readonly [null, null];
  metrics: readonly [null, MetricSnapshot[]];
  progress: readonly [null, DrainProgress];
  /** Another worker has stored a certificate. */
  refreshCertificates: readonly [null, null];
  /** What a worker or the primary process has blocked or revoked. */
  storeEvent: readonly [StoreEvent, null];
}

/** What a worker asks the primary process. */
export interface PrimaryQuestions {
  /** The worker takes messages from now on. Node drops those that come before its program has been loaded. */
  hello: readonly [null, null];
  /** The state that all workers share. */
  store: readonly [StoreCall, unknown];
  storeEvents: readonly [null, StoreEvent[]];
  /** The worker has obtained a certificate by ACME, and stored it. */
  certificateStored: readonly [null, null];
}

/** The methods of the shared state that a worker calls in the primary process. */
export type StoreMethod = Exclude<keyof StoreBackend, 'listen' | 'status' | 'close'>;

/** A call of a method of the shared state. */
export type StoreCall = {
  [M in StoreMethod]: { method: M; args: Parameters<StoreBackend[M]> };
}[StoreMethod];

export const isFailure = (answer: Started | Failure | null): answer is Failure =>
  answer !== null && 'kind' in answer;
