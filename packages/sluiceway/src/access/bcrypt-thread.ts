import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

/** How long a thread is kept that has nothing to do. */
const IDLE_MS = 60_000;

/**
 * What the thread runs, as text: a file of its own would have to be found by bundlers and from sources alike.
 * bcryptjs is looked up here, so that it comes from where this package is.
 */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { compareSync } = require(workerData);
parentPort.on('message', ({ password, hash }) => parentPort.postMessage(compareSync(password, hash)));
`;

/** Where bcryptjs is. Throws where it is not installed: it is an optional peer, for those who have such hashes. */
export function findBcrypt(): string {
  try {
    return createRequire(import.meta.url).resolve('bcryptjs');
  } catch (error) {
    throw new Error('is a bcrypt hash, which needs the package bcryptjs: npm install bcryptjs', {
      cause: error,
    });
  }
}

interface Comparison {
  resolve: (matches: boolean) => void;
  reject: (error: Error) => void;
}

/**
 * Compares passwords with bcrypt hashes, on a thread of its own: a comparison takes 80 ms at cost 10, and transfers
 * must not stand still meanwhile. The thread is started when there is something to do, ends when there has been
 * nothing for a minute, and keeps no process running.
 */
export class BcryptThread {
  readonly #bcrypt: string;
  #worker: Worker | null = null;
  #comparison: Comparison | null = null;
  #idle: NodeJS.Timeout | undefined;

  /** `bcrypt` is what `findBcrypt` has found. */
  constructor(bcrypt: string) {
    this.#bcrypt = bcrypt;
  }

  /**
   * One comparison at a time: the caller waits for the last one. Rejects where the thread fails; the next comparison
   * gets another one.
   */
  matches(password: string, hash: string): Promise<boolean> {
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    return new Promise((resolve, reject) => {
      this.#comparison = { resolve, reject };
      worker.postMessage({ password, hash }, []);
    });
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, {
      eval: true,
      workerData: this.#bcrypt,
      name: 'sluiceway-bcrypt',
      // Nothing that was meant for the main program: a loader, a profiler.
      execArgv: [],
      env: {},
    });
    worker.on('message', (matches: boolean) => {
      worker.unref();
      this.#idle = setTimeout(() => this.#stop(worker), IDLE_MS).unref();
      this.#take()?.resolve(matches);
    });
    const failed = (error: Error): void => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#take()?.reject(error);
    };
    worker.on('error', failed).on('exit', () => failed(new Error('The thread for bcrypt has ended')));
    return worker;
  }

  #take(): Comparison | null {
    const comparison = this.#comparison;
    this.#comparison = null;
    return comparison;
  }

  #stop(worker: Worker): void {
    this.#worker = null;
    void worker.terminate();
  }
}
