import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import {
  type GroupMetrics,
  type LimitMetrics,
  labelMetrics,
  limitMetrics,
  type MetricSnapshot,
  Numbers,
  numbers,
  serverMetrics,
  storeMetrics,
  TransferMetrics,
} from 'sluiceway/metrics';
import type { StoreStatus } from 'sluiceway/store';
import type { AcmeEvent } from '../acme/certificate-job.js';
import type { ConnectionFailure } from '../listeners/connection-failure.js';

const NS_PER_SECOND = 1e9;

const RESOLUTION_MS = 20;

/** Everything that `/metrics` shows of a process. */
export class ServerMetrics {
  readonly transfers = new TransferMetrics();
  readonly #failures = new Numbers();
  readonly #reloads = new Numbers();
  readonly #lastReload = new Numbers();
  readonly #certificates = new Numbers();
  readonly #version: string;
  /** Measured only while an admin listener can show it. */
  #delay: IntervalHistogram | null = null;

  constructor(version: string) {
    this.#version = version;
    for (const result of ['success', 'failure']) this.#reloads.cell(result);
    for (const kind of ['accept', 'proxy_protocol', 'tls', 'http1', 'http2']) this.#failures.cell(kind);
    for (const result of ['success', 'failure']) this.#certificates.cell(result);
  }

  onConnectionFailure({ kind }: ConnectionFailure): void {
    this.#failures.cell(kind).value += 1;
  }

  onReload(succeeded: boolean): void {
    const result = succeeded ? 'success' : 'failure';
    this.#reloads.cell(result).value += 1;
    this.#lastReload.cell(result).value = Date.now() / 1000;
  }

  onCertificate({ type }: AcmeEvent): void {
    this.#certificates.cell(type === 'obtained' ? 'success' : 'failure').value += 1;
  }

  /** `connections` are those of clients that are open, `droppedLines` those of the logs. */
  snapshot({
    connections,
    droppedLines,
    groups,
    limits,
    store,
  }: {
    connections: number;
    droppedLines: number;
    groups: readonly GroupMetrics[];
    limits: readonly LimitMetrics[];
    /** Null: the limits are those of this process, or of its workers together. */
    store: StoreStatus | null;
  }): MetricSnapshot[] {
    const one = (type: 'counter' | 'gauge', name: string, help: string, value: number): MetricSnapshot =>
      numbers(type, name, help, [], [{ labels: [], value }]);
    return [
      ...this.transfers.snapshot(),
      ...serverMetrics(groups),
      ...limitMetrics(limits),
      ...(store === null ? [] : labelMetrics(storeMetrics(store), 'pid', String(process.pid))),
      one('gauge', 'sluiceway_connections', 'Open connections of clients.', connections),
      numbers(
        'counter',
        'sluiceway_connection_failures_total',
        'Connections that failed before they became a transfer.',
        ['kind'],
        this.#failures.all,
      ),
      numbers(
        'counter',
        'sluiceway_reloads_total',
        'Reloads of the configuration.',
        ['result'],
        this.#reloads.all,
      ),
      numbers(
        'gauge',
        'sluiceway_last_reload_timestamp_seconds',
        'When the configuration was last reloaded, and when that last failed.',
        ['result'],
        this.#lastReload.all,
      ),
      numbers(
        'counter',
        'sluiceway_acme_certificates_total',
        'Certificates that were obtained by ACME, and attempts that failed.',
        ['result'],
        this.#certificates.all,
      ),
      one('counter', 'sluiceway_log_dropped_lines_total', 'Lines that the logs have dropped.', droppedLines),
      numbers(
        'gauge',
        'sluiceway_build_info',
        'The version of the program and of Node.js.',
        ['version', 'node'],
        [{ labels: [this.#version, process.version], value: 1 }],
      ),
      ...labelMetrics(this.#process(one), 'pid', String(process.pid)),
    ];
  }

  /** The names are those of the client library of Prometheus for Node.js. */
  #process(
    one: (type: 'counter' | 'gauge', name: string, help: string, value: number) => MetricSnapshot,
  ): MetricSnapshot[] {
    const { rss, heapUsed, external } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const delay = this.#measureDelay();
    return [
      one('counter', 'process_cpu_seconds_total', 'Processor time.', (user + system) / 1e6),
      one('gauge', 'process_resident_memory_bytes', 'Resident memory.', rss),
      one('gauge', 'nodejs_heap_size_used_bytes', 'Memory that JavaScript uses.', heapUsed),
      one('gauge', 'nodejs_external_memory_bytes', 'Memory of buffers and other native objects.', external),
      one(
        'gauge',
        'process_start_time_seconds',
        'When the process started.',
        Date.now() / 1000 - process.uptime(),
      ),
      one(
        'gauge',
        'nodejs_eventloop_lag_mean_seconds',
        'Mean delay of the event loop since the last scrape.',
        delay.mean,
      ),
      one(
        'gauge',
        'nodejs_eventloop_lag_p99_seconds',
        'Delay of the event loop that 1 % exceeded since the last scrape.',
        delay.p99,
      ),
      one(
        'gauge',
        'nodejs_eventloop_lag_max_seconds',
        'Longest delay of the event loop since the last scrape.',
        delay.max,
      ),
    ];
  }

  /** Begins with the first scrape: without one, nothing is measured. */
  #measureDelay(): { mean: number; p99: number; max: number } {
    if (this.#delay === null) {
      this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#delay.enable();
      return { mean: 0, p99: 0, max: 0 };
    }
    const delay = this.#delay;
    // The intervals between two measurements are measured.
    const seconds = (ns: number): number =>
      Number.isFinite(ns) ? Math.max(0, ns / NS_PER_SECOND - RESOLUTION_MS / 1000) : 0;
    const measured = {
      mean: seconds(delay.mean),
      p99: seconds(delay.percentile(99)),
      max: seconds(delay.max),
    };
    delay.reset();
    return measured;
  }
}
