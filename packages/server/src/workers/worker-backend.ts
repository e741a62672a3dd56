import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { MetricSnapshot } from 'sluiceway/metrics';
import type { ConfigSource } from '../config/source.js';
import { isInherited } from '../listeners/address.js';
import { findDescriptor } from '../listeners/inherited.js';
import { removeStaleSocket } from '../listeners/unix-socket.js';
import type { AskProcesses } from '../live/questions.js';
import type { Backend, PreparedPlan } from '../server/backend.js';
import { checkOnly, compile, type Plan } from '../server/compile.js';
import type { DrainProgress } from '../server/drain-progress.js';
import { keyOf } from '../server/listener-key.js';
import { findFreePort } from './free-port.js';
import type { Configuration } from './messages.js';
import { workerNodeFlags } from './node-flags.js';
import { withNarrowUmask } from './socket-permissions.js';
import { toError } from './to-error.js';
import { type PoolEvents, WorkerPool } from './worker-pool.js';

/**
 * Serves in workers. This process only binds the addresses. The kernel gives each connection to one of the workers that
 * wait for one.
 */
export class WorkerBackend implements Backend {
  readonly urls: readonly string[];
  /** This process accepts no connections. */
  readonly connections = 0;
  /** The workers have the groups and limits. */
  readonly groups = [];
  readonly limits = [];
  readonly #pool: WorkerPool;
  #plan: Plan;
  #ports: Configuration['ports'];

  private constructor(pool: WorkerPool, plan: Plan, ports: Configuration['ports'], urls: readonly string[]) {
    this.#pool = pool;
    this.#plan = plan;
    this.#ports = ports;
    this.urls = urls;
  }

  /**
   * Starts the workers for a plan, whose handlers are not used. `script` is what a worker runs. Rejects with the error of the
   * plan's source or a `ListenError`.
   */
  static async start(plan: Plan, script: URL, events: PoolEvents): Promise<WorkerBackend> {
    release(plan);
    // With round robin, each connection would go through this process, and one that is on its way to a worker that is killed
    // would hang. Node reads the policy in `setupPrimary`.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({
      exec: fileURLToPath(script),
      args: [],
      execArgv: workerNodeFlags(),
      serialization: 'advanced',
    });
    const ports = await choosePorts(plan, {});
    await removeStaleSockets(plan, null);
    const configuration = toConfiguration(plan.source, ports);
    const pool = new WorkerPool(configuration, events);
    pool.setDrainTimeout(plan.values.drainTimeout);
    const urls = await withNarrowUmask(plan.listeners, () => pool.start(plan.values.workers)).catch(
      (error: unknown) => {
        throw toError(error, plan.source);
      },
    );
    return new WorkerBackend(pool, plan, ports, urls);
  }

  get problem(): string | null {
    const missing = this.#pool.size - this.#pool.workers.length;
    return missing === 0
      ? null
      : `${missing} of ${this.#pool.size} workers ${missing === 1 ? 'is' : 'are'} missing`;
  }

  async active(): Promise<number> {
    return (await this.progress()).transfers;
  }

  progress(): Promise<DrainProgress> {
    return this.#pool.progress();
  }

  readonly restart = (): Promise<void> => this.#pool.restart();

  async prepare(source: ConfigSource): Promise<PreparedPlan> {
    const plan = compile(source, checkOnly);
    release(plan);
    const { workers, drainTimeout } = plan.values;
    if (workers === 1)
      throw source.toError([
        { path: 'workers', message: 'cannot become 1 by a reload: restart the program' },
      ]);
    const ports = await choosePorts(plan, this.#ports);
    await removeStaleSockets(plan, this.#plan);
    const change = await withNarrowUmask(plan.listeners, () =>
      this.#pool.prepare(toConfiguration(source, ports)),
    ).catch((error: unknown) => {
      throw toError(error, source);
    });
    return {
      plan,
      apply: () => {
        this.#plan = plan;
        this.#ports = ports;
        this.#pool.setDrainTimeout(drainTimeout);
        return change.commit(workers);
      },
      cancel: () => change.cancel(),
    };
  }

  readonly ask: AskProcesses = (kind, question) => this.#pool.ask(kind, question);

  metrics(): Promise<MetricSnapshot[][]> {
    return this.#pool.metrics();
  }

  reopenLogs(): void {
    for (const { channel } of this.#pool.workers) channel.tell('reopenLogs', null);
  }

  setReady(isReady: boolean): void {
    this.#pool.setReady(isReady);
  }

  drain(timeoutMs: number): Promise<number> {
    return this.#pool.drain(timeoutMs);
  }

  destroy(): void {
    this.#pool.destroy();
  }
}

const toConfiguration = (
  { value, directory }: ConfigSource,
  ports: Configuration['ports'],
): Configuration => ({
  value,
  directory,
  ports,
});

/** Releases what the routes of a plan hold that this process does not serve. */
function release({ routes: { routes, unrouted } }: Plan): void {
  for (const { handler } of routes) handler.destroy();
  unrouted.destroy();
}

/** Keeps the ports of listeners that stay. */
async function choosePorts(plan: Plan, before: Configuration['ports']): Promise<Configuration['ports']> {
  const ports: Record<string, number> = {};
  for (const listener of plan.listeners) {
    const { address } = listener;
    const key = keyOf(listener);
    if (isInherited(address)) ports[key] = before[key] ?? findDescriptor(address);
    else if ('port' in address && address.port === 0)
      ports[key] = before[key] ?? (await findFreePort(address));
  }
  return ports;
}

/** Of listeners that are not open. Workers must not do it: one could remove the new socket of another. */
async function removeStaleSockets(plan: Plan, previous: Plan | null): Promise<void> {
  const open = new Set(previous?.listeners.map(keyOf));
  for (const listener of plan.listeners)
    if ('path' in listener.address && !open.has(keyOf(listener)))
      await removeStaleSocket(listener.address.path);
}
