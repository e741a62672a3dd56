import cluster from 'node:cluster';
import type { MetricSnapshot } from 'sluiceway/metrics';
import { type LimitStore, SharedStore } from 'sluiceway/store';
import type { AcmeEvent } from '../acme/certificate-job.js';
import type { OnConnectionFailure } from '../listeners/connection-failure.js';
import type { ProcessView } from '../live/process-view.js';
import type { LogChange, Logs } from '../log/logs.js';
import type { ServerMetrics } from '../metrics/server-metrics.js';
import { type CompileContext, compile, type ObserversOf } from '../server/compile.js';
import { measureProgress } from '../server/drain-progress.js';
import { toLiveSource } from '../server/live-source.js';
import { openStore } from '../server/open-store.js';
import { Service, type ServiceChange } from '../server/service.js';
import { type Answers, Channel } from './channel.js';
import { ChannelBackend } from './channel-backend.js';
import type { Configuration, PrimaryQuestions, WorkerConfiguration, WorkerQuestions } from './messages.js';
import { toFailure, toSource } from './worker-source.js';

export interface WorkerOptions {
  observersOf: ObserversOf;
  onConnectionFailure: OnConnectionFailure;
  /** Opened with each configuration. */
  logs: Logs;
  /** Called with the reason when the store cannot be asked, and with null when it can again. */
  onStoreChange: (problem: string | null) => void;
  /** Called when this worker has obtained a certificate by ACME, and when that failed. */
  onCertificate: (event: AcmeEvent) => void;
  metrics: ServerMetrics;
  /** Its observers are among those of `observersOf`. */
  view: ProcessView;
}

/** The primary process decides when a worker stops: a terminal and a service manager send signals to all processes. */
const IGNORED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const;

/** Serves what the primary process says, until it says to stop. The process ends with the primary process. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #primary: Channel<PrimaryQuestions, WorkerQuestions>;
  readonly #channel: ChannelBackend;
  #context: CompileContext;
  #store: LimitStore | null = null;
  #service: Service | null = null;
  #change: ServiceChange | null = null;
  #ports: Configuration['ports'] = {};
  #isReady = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#context = {
      observersOf: options.observersOf,
      readiness: () => ({ ready: this.#isReady }),
      store: null,
    };
    for (const signal of IGNORED_SIGNALS) process.on(signal, () => {});
    const channel = new Channel<PrimaryQuestions, WorkerQuestions>(
      (message) => void process.send?.(message),
      this.#answers(),
    );
    this.#primary = channel;
    this.#channel = new ChannelBackend(channel);
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
      refreshCertificates: () => {
        this.#service?.certificates.refresh();
        return null;
      },
      storeEvent: (event) => {
        this.#channel.receive(event);
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
    const { limits } = toLiveSource(this.#service);
    const store = this.#store?.status?.() ?? null;
    const all = metrics.snapshot({ connections, droppedLines: logs.dropped, groups, limits, store });
    return all.filter(({ name }) => name !== 'sluiceway_build_info');
  }

  async #start(configuration: WorkerConfiguration) {
    this.#ports = configuration.ports;
    const source = toSource(configuration);
    // Without a store of the configuration, the workers share one in the primary process.
    const opened = await openStore(source, this.#options.onStoreChange);
    this.#store = opened?.store ?? new SharedStore(this.#channel);
    this.#context = { ...this.#context, store: { store: this.#store, written: opened?.written ?? '' } };
    const plan = compile(source, this.#context);
    const { observersOf, onConnectionFailure, logs } = this.#options;
    logs.prepare(plan.log).apply();
    this.#service = await Service.start(plan, {
      observersOf,
      onConnectionFailure,
      onCertificate: (event) => {
        this.#options.onCertificate(event);
        if (event.type === 'obtained') this.#primary.tell('certificateStored', null);
      },
      obtainsCertificates: configuration.obtainsCertificates,
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
    await this.#store?.close().catch(() => {});
    await this.#options.logs.close();
    // After the answer has been sent. Nothing keeps the process then.
    setImmediate(() => cluster.worker?.disconnect());
    return cut;
  }
}
