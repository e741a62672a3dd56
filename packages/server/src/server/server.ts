import { renderMetrics, sumMetrics } from 'sluiceway/metrics';
import type { AcmeEvent } from '../acme/certificate-job.js';
import type {
  Control,
  Phase,
  Readiness,
  ReloadChanges,
  ReloadResult,
  RestartResult,
} from '../admin/control.js';
import type { Endpoint } from '../admin/endpoint.js';
import { adminEndpoints } from '../admin/endpoints.js';
import { AdminSession } from '../admin/session.js';
import { effectiveConfig } from '../config/effective-config.js';
import type { ConfigSource } from '../config/source.js';
import { ListenError } from '../listeners/address.js';
import type { OnConnectionFailure } from '../listeners/connection-failure.js';
import { LiveHub } from '../live/live-hub.js';
import type { ProcessView } from '../live/process-view.js';
import { type LogChange, type Logs, OutputError } from '../log/logs.js';
import type { ServerMetrics } from '../metrics/server-metrics.js';
import { type AdminChange, AdminServer } from './admin-server.js';
import type { Backend } from './backend.js';
import { type CompileContext, compile, type ObserversOf, type Plan } from './compile.js';
import type { DrainProgress } from './drain-progress.js';
import { LocalBackend } from './local-backend.js';
import { hasWorkers, openStore } from './open-store.js';
import { problemsOf } from './problems-of.js';

export interface ServerOptions {
  /** Reads the configuration at the start and at each reload. */
  read(): ConfigSource;
  /** Reports whether an error that `read` throws is about the configuration. Other errors are bugs. */
  isExpected(error: unknown): error is Error;
  observersOf: ObserversOf;
  onConnectionFailure: OnConnectionFailure;
  metrics: ServerMetrics;
  /** Its observers are among those of `observersOf`. */
  view: ProcessView;
  /** Opened with the configuration, and opened again at each reload. */
  logs: Logs;
  /** Starts workers for a plan that is only checked here. Rejects as `LocalBackend.start` does. */
  startWorkers(plan: Plan, onChange: () => void): Promise<Backend>;
  /** Further endpoints of the admin listener, which come before the others. Default none. */
  endpoints?: readonly Endpoint[];
  /** Called when a certificate was obtained by ACME, and when that failed. */
  onCertificate: (event: AcmeEvent) => void;
  /** Called with the reason when the store cannot be asked, and with null when it can again. */
  onStoreChange?: (problem: string | null) => void;
  /** Called every few seconds of a drain. `leftMs`: the rest of the `drainTimeout`. */
  onDrainProgress: (progress: DrainProgress, leftMs: number) => void;
  /** Called after each reload, with what triggered it. */
  onReload: (trigger: string, result: ReloadResult) => void;
}

/** How often the log says what a drain waits for. */
const PROGRESS_INTERVAL_MS = 5_000;

/** The program as a server: it serves a configuration, has an admin listener, reloads and stops. */
export class Server implements Control {
  readonly #options: ServerOptions;
  readonly #admin: AdminServer;
  readonly live = new LiveHub(async (kind, question) => (await this.#backend?.ask(kind, question)) ?? []);
  #context: CompileContext;
  #backend: Backend | null = null;
  /** The configuration that is served. With workers, its handlers are not used. */
  #plan: Plan | null = null;
  #phase: Phase = 'starting';
  /** The last reload that runs or waits. Reloads run one after the other: each starts from the result of the one before. */
  #reloading: Promise<unknown> = Promise.resolve();
  /** A reload that has not begun. It serves all that ask for one meanwhile. */
  #waiting: Promise<ReloadResult> | null = null;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#context = { observersOf: options.observersOf, readiness: () => this.readiness(), store: null };
    const session = new AdminSession();
    this.#admin = new AdminServer(
      [...(options.endpoints ?? []), ...adminEndpoints(this, session)],
      session,
      options.onConnectionFailure,
    );
  }

  /**
   * Opens all listeners. Rejects with the error of a configuration that is not valid, or with a `ListenError`; then nothing
   * listens.
   */
  async start(): Promise<void> {
    const source = this.#options.read();
    // Workers open the store themselves.
    if (!hasWorkers(source)) {
      const store = await openStore(source, this.#options.onStoreChange ?? (() => {}));
      this.#context = { ...this.#context, store };
    }
    const plan = compile(source, this.#context);
    this.#prepareLogs(plan).apply();
    const admin = await this.#admin.prepare(plan);
    // From now on `/healthz` answers, and `/readyz` says that the server starts.
    admin.apply();
    this.#plan = plan;
    try {
      this.#backend = await this.#startBackend(plan);
    } catch (error) {
      this.#admin.destroy();
      throw error;
    }
    if (this.#phase === 'starting') this.#phase = 'serving';
    this.#tellReadiness();
    if (plan.admin !== null) this.live.start();
  }

  get plan(): Plan {
    if (this.#plan === null) throw new Error('The server has not started');
    return this.#plan;
  }

  /** The URL of each listener, in the order of the configuration. */
  get urls(): readonly string[] {
    return this.#running.urls;
  }

  get adminUrl(): string | null {
    return this.#admin.url;
  }

  /** The number of running requests. */
  active(): Promise<number> {
    return this.#running.active();
  }

  readiness(): Readiness {
    const phase = this.#phase;
    const reason = phase === 'serving' ? (this.#backend?.problem ?? null) : `the server is ${phase}`;
    return { ready: reason === null, phase, reason };
  }

  async metrics(): Promise<string> {
    const { metrics, logs } = this.#options;
    const connections = this.#backend?.connections ?? 0;
    const groups = this.#backend?.groups ?? [];
    const limits = this.#backend?.limits ?? [];
    const store = this.#context.store?.store.status?.() ?? null;
    const own = metrics.snapshot({ connections, droppedLines: logs.dropped, groups, limits, store });
    const others = (await this.#backend?.metrics()) ?? [];
    return renderMetrics(others.length === 0 ? own : sumMetrics([own, ...others]));
  }

  config(): unknown {
    const { source, routes } = this.plan;
    const order = routes.table.inOrder.map((route) => routes.routes.indexOf(route));
    return effectiveConfig(source.written, order);
  }

  reload(trigger: string): Promise<ReloadResult> {
    this.#waiting ??= this.#enqueue(trigger);
    return this.#waiting;
  }

  async restart(): Promise<RestartResult> {
    const restart = this.#backend?.restart ?? null;
    if (this.#phase !== 'serving' || restart === null) {
      const reason =
        this.#phase === 'serving' ? 'there are no workers to restart' : `the server is ${this.#phase}`;
      return { restarted: false, message: reason };
    }
    try {
      await restart();
      return { restarted: true };
    } catch (error) {
      return { restarted: false, message: (error as Error).message };
    }
  }

  /**
   * From now on the server is not ready, and does not reload. It still accepts connections. Resolves when a reload that
   * runs has ended.
   */
  async beginDrain(): Promise<void> {
    this.#phase = 'draining';
    this.#tellReadiness();
    await this.#reloading;
  }

  /**
   * Stops gracefully after `beginDrain`: accepts no more connections from the moment of the call, and gives running
   * transfers the `drainTimeout`. Resolves with the number of transfers that were cut off. The admin listener stays open
   * until then.
   */
  async drain(): Promise<number> {
    const { drainTimeout } = this.plan.values;
    const end = performance.now() + drainTimeout;
    const backend = this.#running;
    const timer = setInterval(() => {
      void backend
        .progress()
        .then((progress) => this.#options.onDrainProgress(progress, end - performance.now()));
    }, PROGRESS_INTERVAL_MS);
    try {
      return await backend.drain(drainTimeout);
    } finally {
      clearInterval(timer);
      this.live.end();
      this.#admin.destroy();
      // What cannot be given back ends by itself.
      await this.#context.store?.store.close().catch(() => {});
    }
  }

  /** Ends everything now. */
  destroy(): void {
    this.#phase = 'draining';
    this.#backend?.destroy();
    this.#admin.destroy();
  }

  /** Has the workers open their log files again. */
  reopenLogs(): void {
    this.#backend?.reopenLogs();
  }

  get #running(): Backend {
    if (this.#backend === null) throw new Error('The server has not started');
    return this.#backend;
  }

  #startBackend(plan: Plan): Promise<Backend> {
    const { observersOf, onConnectionFailure, onCertificate, startWorkers, view } = this.#options;
    if (plan.values.workers > 1) return startWorkers(plan, () => this.#tellReadiness());
    return LocalBackend.start(plan, this.#context, { observersOf, onConnectionFailure, onCertificate }, view);
  }

  #tellReadiness(): void {
    this.#backend?.setReady(this.readiness().ready);
  }

  #enqueue(trigger: string): Promise<ReloadResult> {
    const result = this.#reloading.then(async () => {
      this.#waiting = null;
      const done = await this.#reloadNow();
      this.#options.onReload(trigger, done);
      return done;
    });
    this.#reloading = result;
    return result;
  }

  async #reloadNow(): Promise<ReloadResult> {
    const backend = this.#backend;
    if (backend === null || this.#phase !== 'serving') {
      const message = `nothing is reloaded while the program ${this.#phase === 'draining' ? 'stops' : 'starts'}`;
      return { reloaded: false, isBusy: true, problems: [], message };
    }
    try {
      return { reloaded: true, changes: await this.#apply(backend) };
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      const { message: reason, stack = reason } = error;
      const isExpected = error instanceof ListenError || this.#options.isExpected(error);
      // A mistake in the program itself must not end running transfers either.
      const message = isExpected ? reason : `an error of the program itself: ${stack}`;
      return { reloaded: false, isBusy: false, problems: problemsOf(error), message };
    }
  }

  async #apply(backend: Backend): Promise<ReloadChanges> {
    const prepared = await backend.prepare(this.#options.read());
    const { plan } = prepared;
    let logs: LogChange | null = null;
    let admin: AdminChange;
    try {
      logs = this.#prepareLogs(plan);
      admin = await this.#admin.prepare(plan);
    } catch (error) {
      logs?.cancel();
      prepared.cancel();
      throw error;
    }
    const changes = await prepared.apply();
    logs.apply();
    admin.apply();
    this.#plan = plan;
    if (plan.admin !== null) this.live.start();
    return changes;
  }

  /** Opens the files of the logs. Throws the error of the plan's source. */
  #prepareLogs({ log, source }: Plan): LogChange {
    try {
      return this.#options.logs.prepare(log);
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      throw source.toError([{ path: `log.${error.option}`, message: error.message }]);
    }
  }
}
