import type { LiveHub } from '../live/live-hub.js';

/** Where the server is in its life. */
export type Phase = 'starting' | 'serving' | 'draining';

/** Whether the server can take requests. */
export interface Readiness {
  ready: boolean;
  phase: Phase;
  /** Why it is not ready; null if it is. */
  reason: string | null;
}

/** What a reload has changed. */
export interface ReloadChanges {
  listeners: { opened: readonly string[]; closed: readonly string[] };
  /** Names of routes. A changed route is in both lists. */
  routes: { added: readonly string[]; removed: readonly string[]; kept: number };
}

/** A problem that prevents a reload. */
export interface ReloadProblem {
  /** The path of the option; empty if the problem is not about one. */
  path: string;
  message: string;
  /** The position in the file; null if there is none. */
  file: string | null;
  line: number | null;
  column: number | null;
}

export type ReloadResult =
  | { reloaded: true; changes: ReloadChanges }
  /** Nothing has changed. `isBusy`: the server starts or stops. */
  | { reloaded: false; isBusy: boolean; problems: readonly ReloadProblem[]; message: string };

export type RestartResult = { restarted: true } | { restarted: false; message: string };

/** What the admin listener can ask of the server, and can make it do. */
export interface Control {
  readiness(): Readiness;
  /** Reads the configuration again, as SIGHUP does. `trigger` is for the log. */
  reload(trigger: string): Promise<ReloadResult>;
  /** Metrics in the text format of Prometheus. */
  metrics(): string | Promise<string>;
  /** Replaces the workers one after the other. Resolves when the new ones serve. */
  restart(): Promise<RestartResult>;
  /** The effective configuration, with secrets masked. */
  config(): unknown;
  /** The running transfers, and what they did. */
  readonly live: LiveHub;
}
