import { renderMetrics } from 'sluiceway/metrics';
import type { AcmeEvent } from '../acme/certificate-job.js';
import type {
  Control,
  Phase,
  Readiness,
  ReloadChanges,
  ReloadProblem,
  ReloadResult,
} from '../admin/control.js';
import { adminEndpoints } from '../admin/endpoints.js';
import { ConfigError } from '../config/config-error.js';
import { effectiveConfig } from '../config/show.js';
import type { ConfigSource } from '../config/source.js';
import { ListenError } from '../listeners/address.js';
import type { OnConnectionFailure } from '../listeners/connection-failure.js';
import { type LogChange, type Logs, OutputError } from '../log/logs.js';
import type { ServerMetrics } from '../metrics/server-metrics.js';
import { type AdminChange, AdminServer } from './admin-server.js';
import { type CompileContext, compile, type ObserversOf, type Plan } from './compile.js';
import { type DrainProgress, measureProgress } from './drain-progress.js';
import { Service } from './service.js';

export interface ServerOptions {
  /** Reads the configuration at the start and at each reload. */
  read(): ConfigSource;
  /** Reports whether an error that `read` throws is about the configuration. Other errors are bugs. */
  isExpected(error: unknown): error is Error;
  observersOf: ObserversOf;
  onConnectionFailure: OnConnectionFailure;
  metrics: ServerMetrics;
  /** Opened with the configuration, and opened again at each reload. */
  logs: Logs;
  /** Called when a certificate was obtained by ACME, and when that failed. */
  onCertificate: (event: AcmeEvent) => void;
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
  readonly #context: CompileContext;
  #service: Service | null = null;
  #phase: Phase = 'starting';
  /** The last reload that runs or waits. Reloads run one after the other: each starts from the result of the one before. */
  #reloading: Promise<unknown> = Promise.resolve();
  /** A reload that has not begun. It serves all that ask for one meanwhile. */
  #waiting: Promise<ReloadResult> | null = null;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#context = { observersOf: options.observersOf, readiness: () => this.readiness() };
    this.#admin = new AdminServer(adminEndpoints(this), options.onConnectionFailure);
  }

  /**
   * Opens all listeners. Rejects with the error of a configuration that is not valid, or with a `ListenError`; then nothing
   * listens.
   */
  async start(): Promise<void> {
    const { read, observersOf, onConnectionFailure, onCertificate } = this.#options;
    const plan = compile(read(), this.#context);
    this.#prepareLogs(plan).apply();
    const admin = await this.#admin.prepare(plan);
    // From now on `/healthz` answers, and `/readyz` says that the server starts.
    admin.apply();
    try {
      this.#service = await Service.start(plan, { observersOf, onConnectionFailure, onCertificate });
    } catch (error) {
      this.#admin.destroy();
      throw error;
    }
    if (this.#phase === 'starting') this.#phase = 'serving';
  }

  get service(): Service {
    if (this.#service === null) throw new Error('The server has not started');
    return this.#service;
  }

  get adminUrl(): string | null {
    return this.#admin.url;
  }

  readiness(): Readiness {
    const phase = this.#phase;
    return {
      ready: phase === 'serving',
      phase,
      reason: phase === 'serving' ? null : `the server is ${phase}`,
    };
  }

  metrics(): string {
    const { metrics, logs } = this.#options;
    const connections = this.#service?.connections ?? 0;
    return renderMetrics(metrics.snapshot({ connections, droppedLines: logs.dropped }));
  }

  config(): unknown {
    const { source, routes } = this.service.plan;
    const order = routes.table.inOrder.map((route) => routes.routes.indexOf(route));
    return effectiveConfig(source.written, order);
  }

  reload(trigger: string): Promise<ReloadResult> {
    this.#waiting ??= this.#enqueue(trigger);
    return this.#waiting;
  }

  /**
   * From now on the server is not ready, and does not reload. It still accepts connections. Resolves when a reload that
   * runs has ended.
   */
  async beginDrain(): Promise<void> {
    this.#phase = 'draining';
    await this.#reloading;
  }

  /**
   * Stops gracefully after `beginDrain`: accepts no more connections from the moment of the call, and gives running
   * transfers the `drainTimeout`. Resolves with the number of transfers that were cut off. The admin listener stays open
   * until then.
   */
  async drain(): Promise<number> {
    const { service } = this;
    const { drainTimeout } = service.plan.values;
    const end = performance.now() + drainTimeout;
    const timer = setInterval(() => {
      this.#options.onDrainProgress(measureProgress(service.transfers()), end - performance.now());
    }, PROGRESS_INTERVAL_MS);
    try {
      return await service.drain(drainTimeout);
    } finally {
      clearInterval(timer);
      this.#admin.destroy();
    }
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
    const service = this.#service;
    if (service === null || this.#phase !== 'serving') {
      const message = `nothing is reloaded while the program ${this.#phase === 'draining' ? 'stops' : 'starts'}`;
      return { reloaded: false, isBusy: true, problems: [], message };
    }
    try {
      return { reloaded: true, changes: await this.#apply(service) };
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      const { message: reason, stack = reason } = error;
      const isExpected = error instanceof ListenError || this.#options.isExpected(error);
      // A mistake in the program itself must not end running transfers either.
      const message = isExpected ? reason : `an error of the program itself: ${stack}`;
      return { reloaded: false, isBusy: false, problems: problemsOf(error), message };
    }
  }

  async #apply(service: Service): Promise<ReloadChanges> {
    const plan: Plan = compile(this.#options.read(), this.#context, service.plan.routes);
    let logs: LogChange | null = null;
    let admin: AdminChange | null = null;
    try {
      logs = this.#prepareLogs(plan);
      admin = await this.#admin.prepare(plan);
    } catch (error) {
      logs?.cancel();
      service.discard(plan);
      throw error;
    }
    try {
      const changes = await service.reload(plan);
      logs.apply();
      admin.apply();
      return changes;
    } catch (error) {
      logs.cancel();
      admin.cancel();
      throw error;
    }
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

function problemsOf(error: Error): ReloadProblem[] {
  if (!(error instanceof ConfigError))
    return [{ path: '', message: error.message, file: null, line: null, column: null }];
  return error.problems.map(({ path, message, position }) => ({
    path,
    message,
    file: error.file,
    line: position?.line ?? null,
    column: position?.column ?? null,
  }));
}
