import { createHash } from 'node:crypto';
import type { StoreStatus } from '../limits/store.js';
import { StoreUnavailableError } from './backend.js';
import { CommandCounts } from './command-counts.js';
import { type ScriptName, type ScriptServer, scripts } from './scripts.js';

/** How a script is called. The same for a client of one server, of a cluster and of sentinels. */
interface ScriptCall {
  keys: string[];
  arguments: string[];
}

/** What the store uses of a client of `@redis/client`: one of `createClient`, `createCluster` or `createSentinel`. */
export interface RedisClient {
  evalSha(sha: string, call: ScriptCall): Promise<unknown>;
  eval(script: string, call: ScriptCall): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  on(event: string, listener: (argument: Error) => void): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
  readonly isOpen: boolean;
}

export interface RedisServerOptions {
  client: RedisClient;
  /** A connection for messages. Null if the client has one itself. */
  subscriber: RedisClient | null;
  isCluster: boolean;
  /** Whether the store opens and closes the client. */
  isOwn: boolean;
  /** How long an answer may take. */
  timeoutMs: number;
  /** Called with the reason when the store cannot be asked any more, and with null when it can again. */
  onChange: (problem: string | null) => void;
}

/** A server that does not answer is asked again after this time, and a random part of it. */
const RETRY_MS = 500;
/** How often the server's clock is read. */
const CLOCK_INTERVAL_MS = 10_000;
/** How often everything is read again that messages tell about, where a lost connection is not noticed. */
const REFRESH_MS = 30_000;

const digests = new Map(
  Object.entries(scripts).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')]),
);

/** Runs scripts on a server through `@redis/client`. Fails at once while the server cannot be reached. */
export class RedisServer implements ScriptServer {
  readonly isCluster: boolean;
  readonly #options: RedisServerOptions;
  /** The server's clock is this much ahead of `performance.now`. Null if it is not known. */
  #offsetMs: number | null = null;
  #readClockAt = Number.NEGATIVE_INFINITY;
  /** Null while the server answers. */
  #problem: string | null = null;
  #retryAt = 0;
  #connecting: Promise<unknown> | null = null;
  #isClosed = false;
  readonly #counts = new CommandCounts();

  constructor(options: RedisServerOptions) {
    this.#options = options;
    this.isCluster = options.isCluster;
    const { client, subscriber } = options;
    // Without a listener, an error ends the process.
    client.on('error', (error) => this.#fail(error));
    subscriber?.on('error', () => {});
    client.on('ready', () => this.#recover());
    this.#connecting = client.isOpen ? null : this.#connect(client);
  }

  async run(name: ScriptName, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    if (this.#isClosed) throw new StoreUnavailableError('the store is closed');
    // The first requests after the start wait for the connection, for as long as for an answer.
    if (this.#connecting !== null && this.#problem === null) await this.#within(this.#connecting);
    if (this.#problem !== null) this.#waitForRetry();
    this.#counts.commands += 1;
    const begin = performance.now();
    try {
      const answer = await this.#within(this.#call(name, keys, [this.#now(), ...args]));
      this.#counts.answered(performance.now() - begin);
      this.#recover();
      return answer;
    } catch (error) {
      this.#counts.failures += 1;
      throw error;
    }
  }

  subscribe(channel: string, onMessage: (message: string) => void, onConnected: () => void): () => void {
    const { client, subscriber } = this.#options;
    const connection = subscriber ?? client;
    let isStopped = false;
    let isSubscribed = false;
    const listener = (message: string): void => {
      if (!isStopped) onMessage(message);
    };
    const begin = async (): Promise<void> => {
      await (subscriber === null ? this.#connecting : this.#connect(subscriber));
      await connection.subscribe(channel, listener);
      isSubscribed = true;
      if (!isStopped) onConnected();
    };
    begin().catch(() => {});
    // Subscriptions are made again before a connection is ready.
    connection.on('ready', () => {
      if (isSubscribed && !isStopped) onConnected();
    });
    const timer = subscriber === null ? setInterval(onConnected, REFRESH_MS).unref() : null;
    return () => {
      isStopped = true;
      if (timer !== null) clearInterval(timer);
    };
  }

  status(): StoreStatus {
    // Before the first connection nothing has failed yet, and nothing can be asked.
    return this.#counts.toStatus(this.#problem === null && this.#connecting === null);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const { client, subscriber, isOwn } = this.#options;
    for (const each of [subscriber, isOwn ? client : null]) {
      try {
        await each?.destroy();
      } catch {
        // It is not connected.
      }
    }
  }

  async #connect(client: RedisClient): Promise<void> {
    if (client.isOpen) return;
    try {
      // Retries by itself, until it is closed.
      await client.connect();
    } catch (error) {
      this.#fail(error);
    } finally {
      if (client === this.#options.client) this.#connecting = null;
    }
  }

  async #call(name: ScriptName, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const { client } = this.#options;
    const call = { keys: [...keys], arguments: [...args] };
    try {
      return await client.evalSha(digests.get(name) ?? '', call);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return client.eval(scripts[name], call);
    }
  }

  /** Rejects with a `StoreUnavailableError`, at the latest after the timeout. */
  #within<T>(promise: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(this.#fail(new Error(`it did not answer within ${timeoutMs} ms`)));
      }, timeoutMs);
      promise.then(
        (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(this.#fail(error));
        },
      );
    });
  }

  /** Lets one request at a time find out whether the server answers again. Throws for the others. */
  #waitForRetry(): void {
    const now = performance.now();
    if (now < this.#retryAt)
      throw new StoreUnavailableError(`the store cannot be asked: ${this.#problem ?? ''}`);
    this.#retryAt = now + RETRY_MS * (1 + Math.random());
  }

  #fail(cause: unknown): StoreUnavailableError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (this.#problem === null && !this.#isClosed) {
      this.#problem = reason;
      this.#retryAt = performance.now() + RETRY_MS * Math.random();
      this.#options.onChange(reason);
    }
    return new StoreUnavailableError(`the store cannot be asked: ${reason}`, { cause });
  }

  #recover(): void {
    if (this.#problem === null || this.#isClosed) return;
    this.#problem = null;
    // It may be another server, with another clock.
    this.#offsetMs = null;
    this.#readClockAt = Number.NEGATIVE_INFINITY;
    this.#options.onChange(null);
  }

  /** The time of the server. Empty if it is not known: then the script asks. */
  #now(): string {
    // Each server of a cluster has a clock of its own.
    if (this.isCluster) return '';
    const now = performance.now();
    if (now - this.#readClockAt > CLOCK_INTERVAL_MS) void this.#readClock(now);
    return this.#offsetMs === null ? '' : String(Math.floor(now + this.#offsetMs));
  }

  async #readClock(sentAt: number): Promise<void> {
    this.#readClockAt = sentAt;
    try {
      const answer = await this.#call('time', [], []);
      const [seconds, micros] = Array.isArray(answer) ? answer.map(Number) : [];
      if (seconds === undefined || micros === undefined) return;
      // The server read its clock about halfway between the question and the answer.
      const readAt = (sentAt + performance.now()) / 2;
      this.#offsetMs = seconds * 1000 + micros / 1000 - readAt;
    } catch {
      // The script asks for the time itself meanwhile.
    }
  }
}
