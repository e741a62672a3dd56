import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

/** How long an idle thread is kept. */
const IDLE_MS = 60_000;

/**
 * The program of the thread. It is text because bundlers would not find a separate file. This module resolves bcryptjs,
 * so that it comes from where this package is installed.
 */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { compareSync } = require(workerData);
parentPort.on('message', ({ password, hash }) => parentPort.postMessage(compareSync(password, hash)));
`;

/** Returns the path of bcryptjs. Throws if it is not installed: it is an optional peer dependency. */
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
 * Compares passwords with bcrypt hashes on a separate thread: a comparison takes 80 ms at cost 10, which would stall
 * all transfers on the main thread. The thread starts with the first comparison and ends after a minute without one. It
 * does not keep the process alive.
 */
export class BcryptThread {
  readonly #bcrypt: string;
  #worker: Worker | null = null;
  #comparison: Comparison | null = null;
  #idle: NodeJS.Timeout | undefined;

  /** `bcrypt` is the result of `findBcrypt`. */
  constructor(bcrypt: string) {
    this.#bcrypt = bcrypt;
  }

  /**
   * Compares one password. Wait for the result before the next call. Rejects if the thread fails; the next call starts
   * a new thread.
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
      // The thread gets none of the main program's loaders or profilers.
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
    worker.on('error', failed).on('exit', () => failed(new Error('The bcrypt thread has exited')));
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
