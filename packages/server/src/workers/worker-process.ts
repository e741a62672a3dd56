import cluster, { type Worker as ClusterWorker } from 'node:cluster';
import { setTimeout } from 'node:timers/promises';
import { type Answers, Channel, ChannelError } from './channel.js';
import {
  type Configuration,
  type Failure,
  isFailure,
  type PrimaryQuestions,
  type Started,
  type StoreCall,
  type WorkerConfiguration,
  type WorkerQuestions,
} from './messages.js';
import type { PrimaryStore } from './primary-store.js';
import { WorkerFailure } from './worker-source.js';

/** A worker that has not started by then is killed. */
const START_TIMEOUT_MS = 60_000;
/** What needs no other process is answered at once, unless the event loop is stuck. */
const ANSWER_TIMEOUT_MS = 10_000;
/** How long a worker may take to end after its drain. */
const EXIT_TIMEOUT_MS = 5_000;

/** Calls whose first argument is the identity of who holds something from then on. */
const holds: ReadonlySet<string> = new Set<StoreCall['method']>(['lease', 'enter', 'hold']);

export interface WorkerExit {
  /** `exit code 1`, `SIGKILL`. */
  reason: string;
}

/** A worker as the primary process sees it. */
export class WorkerProcess {
  readonly channel: Channel<WorkerQuestions, PrimaryQuestions>;
  readonly number: number;
  /** Settles when the process has ended. */
  readonly exited: Promise<WorkerExit>;
  readonly #worker: ClusterWorker;
  #hasExited = false;

  /** Settles when the worker takes messages. */
  readonly #loaded: Promise<void>;

  /** The identities of the worker in the store. */
  readonly #identities = new Set<string>();

  /** `number`: of the place that it takes. */
  constructor(number: number, store: PrimaryStore, onCertificateStored: () => void) {
    this.number = number;
    let onLoaded: () => void = () => {};
    this.#loaded = new Promise((resolve) => {
      onLoaded = resolve;
    });
    this.#worker = cluster.fork();
    const all: Answers<PrimaryQuestions> = {
      hello: () => {
        onLoaded();
        return null;
      },
      store: (call) => {
        const [identity] = call.args;
        if (holds.has(call.method) && typeof identity === 'string') this.#identities.add(identity);
        return store.answer(call);
      },
      storeEvents: () => store.events(),
      certificateStored: () => {
        onCertificateStored();
        return null;
      },
    };
    this.channel = new Channel((message) => void this.#worker.send(message as object), all);
    this.#worker.on('message', (message: unknown) => this.channel.receive(message));
    // Sending to a process that has just ended is no error: `exit` follows.
    this.#worker.on('error', () => {});
    this.exited = new Promise((resolve) => {
      this.#worker.once('exit', (code: number | null, signal: string | null) => {
        this.#hasExited = true;
        this.channel.close('the worker has ended');
        for (const identity of this.#identities) store.forget(identity);
        resolve({ reason: signal ?? `exit code ${code}` });
      });
    });
  }

  get pid(): number {
    return this.#worker.process.pid ?? 0;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** Rejects with a `WorkerFailure`, or with a `ChannelError` if the worker ends; then it is killed. */
  async start(configuration: Configuration): Promise<Started> {
    try {
      await this.#load();
      const answer = await this.channel.ask('start', this.#own(configuration), START_TIMEOUT_MS);
      if (isFailure(answer)) throw new WorkerFailure(answer);
      return answer;
    } catch (error) {
      this.kill();
      throw error;
    }
  }

  /** Rejects with a `ChannelError`. */
  async #load(): Promise<void> {
    const end = new AbortController();
    const late = setTimeout(START_TIMEOUT_MS, 'late', { signal: end.signal }).catch(() => 'late');
    const first = await Promise.race([this.#loaded, this.exited, late]);
    end.abort();
    if (first === 'late') throw new ChannelError(`it was not loaded within ${START_TIMEOUT_MS} ms`);
    if (first !== undefined) throw new ChannelError(`it has ended: ${(first as WorkerExit).reason}`);
  }

  /** Rejects with a `WorkerFailure` or a `ChannelError`. */
  async prepare(configuration: Configuration): Promise<void> {
    const answer: Failure | null = await this.channel.ask('prepare', configuration, START_TIMEOUT_MS);
    if (answer !== null) throw new WorkerFailure(answer);
  }

  /** One worker is enough to obtain certificates, and more would use up the attempts that an authority allows. */
  #own(configuration: Configuration): WorkerConfiguration {
    return { ...configuration, obtainsCertificates: this.number === 1 };
  }

  commit() {
    return this.channel.ask('commit', null, ANSWER_TIMEOUT_MS);
  }

  metrics() {
    return this.channel.ask('metrics', null, ANSWER_TIMEOUT_MS);
  }

  progress() {
    return this.channel.ask('progress', null, ANSWER_TIMEOUT_MS);
  }

  /** Resolves when the process has ended, with the number of transfers that it cut off; 0 if it does not say. */
  async drain(timeoutMs: number): Promise<number> {
    let cut = 0;
    try {
      cut = await this.channel.ask('drain', { timeoutMs }, timeoutMs + ANSWER_TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      this.kill();
    }
    const end = new AbortController();
    void setTimeout(EXIT_TIMEOUT_MS, null, { signal: end.signal }).then(
      () => this.kill(),
      () => {},
    );
    await this.exited;
    end.abort();
    return cut;
  }

  kill(): void {
    if (!this.#hasExited) this.#worker.process.kill('SIGKILL');
  }
}
