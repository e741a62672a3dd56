import { setTimeout } from 'node:timers/promises';
import { formatDuration } from 'sluiceway';
import type { ReloadResult } from '../admin/control.js';
import { ConfigError } from '../config/config-error.js';
import type { ConfigSource } from '../config/source.js';
import { ProcessView } from '../live/process-view.js';
import { Logs } from '../log/logs.js';
import { ServerMetrics } from '../metrics/server-metrics.js';
import type { Backend } from '../server/backend.js';
import type { Plan } from '../server/compile.js';
import type { DrainProgress } from '../server/drain-progress.js';
import { toEntry } from '../server/failure-entry.js';
import { Server } from '../server/server.js';
import { onHangup, onReopen, onRestartSignal, waitForStopSignal } from '../server/signals.js';
import { CommandError } from './command-error.js';
import { complain, say, tellStore } from './output.js';
import { tellCertificate } from './tell-certificate.js';
import { UsageError } from './usage-error.js';
import { readVersion } from './version.js';

export interface RunOptions {
  /** Reads the configuration at the start and on each SIGHUP. */
  read(): ConfigSource;
  /** The end of the status line of the first listener. */
  what(plan: Plan): string;
}

/**
 * Serves until a signal stops it, and resolves with the exit code. Rejects with the error of a configuration that is not
 * valid, or with a `ListenError`.
 */
export async function run({ read, what }: RunOptions): Promise<number> {
  const stopSignal = waitForStopSignal();
  const logs = new Logs(complain);
  const metrics = new ServerMetrics(readVersion());
  const view = new ProcessView();
  const server = new Server({
    read,
    logs,
    metrics,
    view,
    isExpected: (error): error is Error => error instanceof ConfigError || error instanceof UsageError,
    observersOf: ({ name, log, upstreams }) => [
      metrics.transfers.observer({ route: name, upstreams }),
      view.observer(name, upstreams),
      ...(log ? [logs.observer(name)] : []),
    ],
    onConnectionFailure: (failure) => {
      metrics.onConnectionFailure(failure);
      logs.report(toEntry(failure));
    },
    onCertificate: (event) => {
      metrics.onCertificate(event);
      tellCertificate(event);
    },
    startWorkers,
    onStoreChange: tellStore,
    onDrainProgress: tellProgress,
    onReload: (trigger, result) => {
      if (result.reloaded || !result.isBusy) metrics.onReload(result.reloaded);
      tellReload(trigger, result);
    },
  });
  onHangup(() => void server.reload('SIGHUP'));
  onReopen(() => {
    logs.reopen();
    server.reopenLogs();
  });
  onRestartSignal(() => void restart(server));
  await server.start();
  announce(server, what(server.plan));
  if (server.adminUrl !== null) say(`admin listener on ${server.adminUrl}`);

  const signal = await stopSignal;
  await server.beginDrain();
  const { drainDelay, drainTimeout } = server.plan.values;
  if (drainDelay > 0) {
    say(`${signal}: not ready, accepting connections for another ${formatDuration(drainDelay)}`);
    await setTimeout(drainDelay);
  }
  const active = await server.active();
  const drained = server.drain();
  const limit = formatDuration(drainTimeout);
  say(
    `${signal}: stopping, ${active === 0 ? 'no transfer is running' : `waiting up to ${limit} for ${count(active)}`}`,
  );
  const cut = await drained;
  await logs.close();
  if (cut > 0) complain(`${count(cut)} cut off after ${limit}`);
  return cut > 0 ? 1 : 0;
}

/** Loads what only workers need, and starts them. */
async function startWorkers(plan: Plan, onChange: () => void): Promise<Backend> {
  const { WorkerBackend } = await import('../workers/worker-backend.js');
  const script = new URL('./worker-main.js', import.meta.url);
  try {
    return await WorkerBackend.start(plan, script, { onInfo: say, onError: complain, onChange });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ChannelError')) throw error;
    throw new CommandError(`the workers could not be started: ${error.message}`, { cause: error });
  }
}

async function restart(server: Server): Promise<void> {
  const result = await server.restart();
  if (result.restarted) say('SIGUSR1: all workers have been replaced');
  else complain(`SIGUSR1: not restarted: ${result.message}`);
}

function announce({ urls, plan }: Server, what: string): void {
  for (const [i, url] of urls.entries()) {
    const { protocol } = plan.listeners[i] ?? {};
    const kind = protocol === 'h2c' ? ' for HTTP/2 without TLS' : '';
    say(`listening on ${url}${kind}${i === 0 ? `, ${what}` : ''}`);
  }
}

function tellProgress(progress: DrainProgress, leftMs: number): void {
  if (progress.transfers === 0) return;
  const time = formatDuration(Math.max(0, Math.ceil(leftMs / 1000)) * 1000);
  say(`stopping: ${count(progress.transfers)} running, ${describeBytes(progress)}, cut off in ${time}`);
}

function describeBytes({ transfers, bytesLeft, unknown }: DrainProgress): string {
  if (unknown === transfers) return 'of unknown size';
  const size = bytesLeft < MiB ? `${bytesLeft} bytes` : `${(bytesLeft / MiB).toFixed(1)} MiB`;
  return `${size} left${unknown > 0 ? `, and ${unknown} of unknown size` : ''}`;
}

const MiB = 1024 * 1024;

function tellReload(trigger: string, result: ReloadResult): void {
  if (result.reloaded) say(`${trigger}: reloaded`);
  else if (result.isBusy) say(`${trigger}: ${result.message}`);
  else complain(`${trigger}: not reloaded, everything stays as it was: ${describe(result.message)}`);
}

/** Starts several problems on a new line. */
const describe = (message: string): string => (message.includes('\n') ? `\n${message}` : message);

const count = (transfers: number): string => (transfers === 1 ? '1 transfer' : `${transfers} transfers`);
