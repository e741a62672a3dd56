import { type ChildProcess, spawn } from 'node:child_process';
import { isIP } from 'node:net';
import { basename } from 'node:path';
import type { ResolvedAddress } from './resolver.js';

/** How long the process is kept without a lookup. */
const IDLE_MS = 30_000;

/** How long to wait before starting the process is tried again after a failure. */
const RETRY_AFTER_MS = 60_000;

/** The program of the process. It kills itself when its parent ends: an ordinary exit would wait for its threads. */
const PROGRAM = `
const { lookup } = require('node:dns');
process.on('message', ([id, name]) => {
  lookup(name, { all: true, verbatim: true }, (error, addresses) => {
    if (process.connected) process.send([id, error ? error.code || 'EAI_FAIL' : null, error ? [] : addresses.map(({ address }) => address)]);
  });
});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
`;

interface Pending {
  name: string;
  resolve(addresses: ResolvedAddress[]): void;
  reject(error: Error): void;
}

/**
 * A Node.js process with many threads for getaddrinfo, since the size of libuv's pool in this process belongs to the
 * application. The process starts with the first lookup, does not keep its parent alive, and ends after a while without
 * lookups.
 */
export class LookupProcess {
  readonly #threads: number;
  #child: ChildProcess | null = null;
  readonly #pending = new Map<number, Pending>();
  #lookups = 0;
  #idle: NodeJS.Timeout | null = null;
  #failedAt = Number.NEGATIVE_INFINITY;

  /** `lookups` is how many run at a time. libuv uses half of its threads for lookups. */
  constructor(lookups: number) {
    this.#threads = 2 * lookups;
  }

  /** False if the program is not plain Node.js or must not start processes. */
  get isPossible(): boolean {
    return IS_NODE && performance.now() - this.#failedAt > RETRY_AFTER_MS;
  }

  /** The pid while the process runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  lookup(name: string): Promise<ResolvedAddress[]> {
    return new Promise((resolve, reject) => {
      if (this.#idle !== null) clearTimeout(this.#idle);
      this.#idle = null;
      const child = this.#child ?? this.#start();
      if (child === null) {
        reject(unavailable(name));
        return;
      }
      this.#lookups += 1;
      const id = this.#lookups;
      this.#pending.set(id, { name, resolve, reject });
      child.send([id, name], (error) => {
        if (error !== null) this.#settle(id)?.reject(unavailable(name));
      });
    });
  }

  #start(): ChildProcess | null {
    const { NODE_OPTIONS: _, ...environment } = process.env;
    let child: ChildProcess;
    try {
      child = spawn(process.execPath, ['--eval', PROGRAM], {
        env: { ...environment, UV_THREADPOOL_SIZE: String(this.#threads) },
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        windowsHide: true,
      });
    } catch {
      // For example, Node.js's permission model forbids it.
      this.#failedAt = performance.now();
      return null;
    }
    child.unref();
    child.channel?.unref();
    child.on('message', (message) => this.#onMessage(message));
    child.once('error', () => this.#onGone(child));
    child.once('exit', () => this.#onGone(child));
    this.#child = child;
    return child;
  }

  #onMessage(message: unknown): void {
    if (!Array.isArray(message)) return;
    const parts: readonly unknown[] = message;
    const [id, code, addresses] = parts;
    const pending = this.#settle(Number(id));
    if (pending === undefined) return;
    if (code !== null || !Array.isArray(addresses)) {
      pending.reject(failure(String(code), pending.name));
      return;
    }
    const texts: unknown[] = addresses;
    pending.resolve(
      texts.map((text) => ({ address: String(text), family: isIP(String(text)) === 6 ? 6 : 4 })),
    );
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0 && this.#idle === null && this.#child !== null) {
      this.#idle = setTimeout(() => this.#child?.kill('SIGKILL'), IDLE_MS);
      this.#idle.unref();
    }
    return pending;
  }

  #onGone(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = null;
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    const lost = [...this.#pending.values()];
    this.#pending.clear();
    if (lost.length > 0) this.#failedAt = performance.now();
    for (const { name, reject } of lost) reject(unavailable(name));
  }
}

/** In a single-executable application, `execPath` is the application itself, which must not be started again. */
const IS_NODE =
  /^node(?:js)?(?:\d+)?(?:\.exe)?$/i.test(basename(process.execPath)) && !('electron' in process.versions);

const failure = (code: string, name: string): Error =>
  Object.assign(new Error(`getaddrinfo ${code} ${name}`), { code });

const unavailable = (name: string): Error => failure('EAI_AGAIN', name);
