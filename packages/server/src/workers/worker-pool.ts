import { setTimeout as sleep } from 'node:timers/promises';
import type { MetricSnapshot } from 'sluiceway/metrics';
import type { ReloadChanges } from '../admin/control.js';
import type { LiveQuestions, ProcessAnswer } from '../live/questions.js';
import { addProgress, type DrainProgress, noProgress } from '../server/drain-progress.js';
import { Backoff } from './backoff.js';
import { ChannelError } from './channel.js';
import type { Configuration } from './messages.js';
import { PrimaryStore } from './primary-store.js';
import { WorkerProcess } from './worker-process.js';

/** A busy worker must not hold up the view of the others. */
const LIVE_TIMEOUT_MS = 2_000;

export interface PoolEvents {
  /** For the log. */
  onInfo: (message: string) => void;
  onError: (message: string) => void;
  /** A worker has started or ended. */
  onChange: () => void;
}

/** The place of one worker, which its replacements take over. */
interface Place {
  number: number;
  /** Null while it is being replaced. */
  worker: WorkerProcess | null;
  startedAt: number;
  backoff: Backoff;
}

/** The workers, and their replacement. */
export class WorkerPool {
  readonly #events: PoolEvents;
  readonly #places: Place[] = [];
  /** Workers that drain after others have taken their places. */
  readonly #leaving = new Set<WorkerProcess>();
  /** What the workers share without a store of the configuration. */
  readonly #store = new PrimaryStore((event) => {
    for (const { channel } of [...this.workers, ...this.#leaving]) channel.tell('storeEvent', event);
  });
  #configuration: Configuration;
  #drainTimeoutMs = 0;
  #isStopping = false;
  #isReady = false;
  /** Starts, reloads and restarts run one after the other: a worker that starts must not miss a reload. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(configuration: Configuration, events: PoolEvents) {
    this.#configuration = configuration;
    this.#events = events;
  }

  /** The number of workers that should run. */
  get size(): number {
    return this.#places.length;
  }

  /** The workers that serve. */
  get workers(): WorkerProcess[] {
    return this.#places.flatMap(({ worker }) => (worker === null ? [] : [worker]));
  }

  /** The drain timeout of workers that are replaced. */
  setDrainTimeout(timeoutMs: number): void {
    this.#drainTimeoutMs = timeoutMs;
  }

  /**
   * Starts the workers, and resolves with the URLs of their listeners. Rejects with a `WorkerFailure` or `ChannelError`; then
   * none runs. The first one starts alone, so that one that cannot start is reported once.
   */
  async start(size: number): Promise<readonly string[]> {
    try {
      const { urls } = await this.#startAt(this.#add());
      await Promise.all(Array.from({ length: size - 1 }, () => this.#startAt(this.#add())));
      return urls;
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  setReady(isReady: boolean): void {
    if (this.#isReady === isReady) return;
    this.#isReady = isReady;
    for (const worker of this.workers) worker.channel.tell('readiness', isReady);
  }

  /**
   * Prepares a configuration in all workers. The result commits or cancels it; until then, no worker starts. Rejects with a
   * `WorkerFailure`, and then nothing has changed.
   */
  prepare(
    configuration: Configuration,
  ): Promise<{ commit(size: number): Promise<ReloadChanges>; cancel(): void }> {
    return new Promise((resolve, reject) => {
      void this.#enqueue(async () => {
        try {
          await Promise.all(this.workers.map((worker) => prepareUnlessGone(worker, configuration)));
        } catch (error) {
          this.#cancel();
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        await new Promise<void>((release) => {
          resolve({
            commit: async (size) => {
              this.#configuration = configuration;
              try {
                return await this.#commit(size);
              } finally {
                release();
              }
            },
            cancel: () => {
              this.#cancel();
              release();
            },
          });
        });
      });
    });
  }

  /** Replaces the workers one after the other. Each new one serves before the old one drains. */
  restart(): Promise<void> {
    return this.#enqueue(async () => {
      for (const place of this.#places) {
        const old = place.worker;
        const replacement = this.#fork(place);
        await replacement.start(this.#configuration);
        this.#settle(place, replacement);
        if (old !== null) this.#leave(old);
      }
    });
  }

  async progress(): Promise<DrainProgress> {
    const all = [...this.workers, ...this.#leaving];
    const each = await Promise.all(all.map((worker) => worker.progress().catch(() => noProgress)));
    return each.reduce(addProgress, noProgress);
  }

  /** Asks each worker for the live view. */
  ask<K extends keyof LiveQuestions>(
    kind: K,
    question: (pid: number) => LiveQuestions[K][0],
  ): Promise<ProcessAnswer<LiveQuestions[K][1]>[]> {
    return Promise.all(
      [...this.workers, ...this.#leaving].map(async (worker) => {
        const { pid, number } = worker;
        const answer = await worker.channel.ask(kind, question(pid), LIVE_TIMEOUT_MS).catch(() => null);
        return { pid, worker: number, answer };
      }),
    );
  }

  /** The metrics of each worker. One that does not answer is left out. */
  async metrics(): Promise<MetricSnapshot[][]> {
    const all = [...this.workers, ...this.#leaving];
    const each = await Promise.all(all.map((worker) => worker.metrics().catch(() => null)));
    return each.filter((snapshots) => snapshots !== null);
  }

  /** Ends all workers gracefully. Resolves with the number of transfers that were cut off. */
  async drain(timeoutMs: number): Promise<number> {
    this.#isStopping = true;
    await this.#queue;
    const cut = await Promise.all([
      ...this.workers.map((worker) => worker.drain(timeoutMs)),
      ...Array.from(this.#leaving, async (worker) => {
        await Promise.race([worker.exited, sleep(timeoutMs, null, { ref: false })]);
        worker.kill();
        return 0;
      }),
    ]);
    return cut.reduce((sum, each) => sum + each, 0);
  }

  destroy(): void {
    this.#isStopping = true;
    for (const worker of [...this.workers, ...this.#leaving]) worker.kill();
  }

  #add(): Place {
    const place = { number: this.#places.length + 1, worker: null, startedAt: 0, backoff: new Backoff() };
    this.#places.push(place);
    return place;
  }

  #fork(place: Place): WorkerProcess {
    const worker: WorkerProcess = new WorkerProcess(place.number, this.#store, () => {
      for (const { channel } of [...this.workers, ...this.#leaving])
        channel.tell('refreshCertificates', null);
    });
    void worker.exited.then(({ reason }) => this.#onExit(place, worker, reason));
    return worker;
  }

  async #startAt(place: Place) {
    const worker = this.#fork(place);
    const { urls } = await worker.start(this.#configuration);
    this.#settle(place, worker);
    return { urls, pid: worker.pid };
  }

  #settle(place: Place, worker: WorkerProcess): void {
    place.worker = worker;
    place.startedAt = performance.now();
    worker.channel.tell('readiness', this.#isReady);
    this.#events.onChange();
  }

  /** Lets a worker finish its transfers, and end. */
  #leave(worker: WorkerProcess): void {
    this.#leaving.add(worker);
    void worker.drain(this.#drainTimeoutMs).then(() => this.#leaving.delete(worker));
  }

  #onExit(place: Place, worker: WorkerProcess, reason: string): void {
    if (this.#isStopping || place.worker !== worker) return;
    place.worker = null;
    this.#events.onChange();
    this.#replace(place, worker, reason);
  }

  #replace(place: Place, { pid }: WorkerProcess, reason: string): void {
    const delay = place.backoff.next(performance.now() - place.startedAt);
    const wait = delay === 0 ? '' : ` in ${delay} ms`;
    this.#events.onError(
      `worker ${place.number} (process ${pid}) has ended: ${reason}; starting another${wait}`,
    );
    void this.#startLater(place, delay);
  }

  async #startLater(place: Place, delayMs: number): Promise<void> {
    await sleep(delayMs, null, { ref: false });
    await this.#enqueue(async () => {
      if (this.#isStopping || place.worker !== null || !this.#places.includes(place)) return;
      try {
        const { pid } = await this.#startAt(place);
        this.#events.onInfo(`worker ${place.number} (process ${pid}) serves`);
      } catch (error) {
        const delay = place.backoff.next(0);
        const { message } = error as Error;
        this.#events.onError(
          `worker ${place.number} could not start: ${message}; trying again in ${delay} ms`,
        );
        void this.#startLater(place, delay);
      }
    });
  }

  async #commit(size: number): Promise<ReloadChanges> {
    const answers = await Promise.all(
      this.workers.map(async (worker) => {
        try {
          return await worker.commit();
        } catch {
          // It would serve the old configuration. Its replacement serves the new one.
          worker.kill();
          return null;
        }
      }),
    );
    for (const place of this.#places.splice(size)) {
      const { worker } = place;
      place.worker = null;
      if (worker !== null) this.#leave(worker);
    }
    while (this.#places.length < size) {
      const place = this.#add();
      void this.#startLater(place, 0);
    }
    const [changes = null] = answers.filter((answer) => answer !== null);
    return changes ?? { listeners: { opened: [], closed: [] }, routes: { added: [], removed: [], kept: 0 } };
  }

  #cancel(): void {
    for (const worker of this.workers) worker.channel.tell('cancel', null);
  }

  #enqueue<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(run);
    this.#queue = result.catch(() => {});
    return result;
  }
}

/** A worker that ends meanwhile does not prevent the reload: its replacement serves the new configuration. */
async function prepareUnlessGone(worker: WorkerProcess, configuration: Configuration): Promise<void> {
  try {
    await worker.prepare(configuration);
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error;
    worker.kill();
  }
}
