import cluster from 'node:cluster';
import type { MetricSnapshot } from 'sluiceway/metrics';
import type { OnConnectionFailure } from '../listeners/connection-failure.js';
import type { ProcessView } from '../live/process-view.js';
import type { LogChange, Logs } from '../log/logs.js';
import type { ServerMetrics } from '../metrics/server-metrics.js';
import { type CompileContext, compile, type ObserversOf } from '../server/compile.js';
import { measureProgress } from '../server/drain-progress.js';
import { toLiveSource } from '../server/live-source.js';
import { Service, type ServiceChange } from '../server/service.js';
import { type Answers, Channel } from './channel.js';
import type { Configuration, PrimaryQuestions, WorkerQuestions } from './messages.js';
import { toFailure, toSource } from './worker-source.js';

export interface WorkerOptions {
  observersOf: ObserversOf;
  onConnectionFailure: OnConnectionFailure;
  /** Opened with each configuration. */
  logs: Logs;
  metrics: ServerMetrics;
  /** Its observers are among those of `observersOf`. */
  view: ProcessView;
}

/** The primary process decides when a worker stops: a terminal and a service manager send signals to all processes. */
const IGNORED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const;

/** Serves what the primary process says, until it says to stop. The process ends with the primary process. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #context: CompileContext;
  #service: Service | null = null;
  #change: ServiceChange | null = null;
  #ports: Configuration['ports'] = {};
  #isReady = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#context = { observersOf: options.observersOf, readiness: () => ({ ready: this.#isReady }) };
    for (const signal of IGNORED_SIGNALS) process.on(signal, () => {});
    const channel = new Channel<PrimaryQuestions, WorkerQuestions>(
      (message) => void process.send?.(message),
      this.#answers(),
    );
    process.on('message', (message) => channel.receive(message));
    channel.tell('hello', null);
  }

  #answers(): Answers<WorkerQuestions> {
    return {
      start: (configuration) => this.#start(configuration).catch(toFailure),
      prepare: (configuration) => this.#prepare(configuration).catch(toFailure),
      commit: () => {
        const change = this.#takeChange();
        if (change === null) throw new Error('nothing is prepared');
        return change.apply();
      },
      cancel: () => {
        this.#takeChange()?.cancel();
        return null;
      },
      readiness: (isReady) => {
        this.#isReady = isReady;
        return null;
      },
      drain: ({ timeoutMs }) => this.#drain(timeoutMs),
      metrics: () => this.#metrics(),
      reopenLogs: () => {
        this.#options.logs.reopen();
        return null;
      },
      progress: () => measureProgress(this.#service?.transfers() ?? []),
      ...this.#options.view.answers(() => toLiveSource(this.#service)),
    };
  }

  /** Without what the primary process tells once for all. */
  #metrics(): MetricSnapshot[] {
    const { metrics, logs } = this.#options;
    const connections = this.#service?.connections ?? 0;
    const groups = this.#service?.plan.routes.groups.all ?? [];
    const all = metrics.snapshot({ connections, droppedLines: logs.dropped, groups });
    return all.filter(({ name }) => name !== 'sluiceway_build_info');
  }

  async #start(configuration: Configuration) {
    this.#ports = configuration.ports;
    const plan = compile(toSource(configuration), this.#context);
    const { observersOf, onConnectionFailure, logs } = this.#options;
    logs.prepare(plan.log).apply();
    this.#service = await Service.start(plan, {
      observersOf,
      onConnectionFailure,
      // The configuration has no ACME with workers.
      onCertificate: () => {},
      shared: { portOf: (key) => this.#ports[key] },
    });
    return { urls: this.#service.urls };
  }

  async #prepare(configuration: Configuration): Promise<null> {
    const service = this.#service;
    if (service === null) throw new Error('the worker has not started');
    this.#takeChange()?.cancel();
    this.#ports = { ...this.#ports, ...configuration.ports };
    const plan = compile(toSource(configuration), this.#context, service.plan.routes);
    const change = await service.prepare(plan);
    let logs: LogChange;
    try {
      logs = this.#options.logs.prepare(plan.log);
    } catch (error) {
      change.cancel();
      throw error;
    }
    this.#change = {
      apply: () => {
        logs.apply();
        return change.apply();
      },
      cancel: () => {
        logs.cancel();
        change.cancel();
      },
    };
    return null;
  }

  #takeChange(): ServiceChange | null {
    const change = this.#change;
    this.#change = null;
    return change;
  }

  async #drain(timeoutMs: number): Promise<number> {
    const cut = (await this.#service?.drain(timeoutMs)) ?? 0;
    await this.#options.logs.close();
    // After the answer has been sent. Nothing keeps the process then.
    setImmediate(() => cluster.worker?.disconnect());
    return cut;
  }
}
