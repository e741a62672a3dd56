import { lookup } from 'node:dns';
import { LookupProcess } from './lookup-process.js';
import type { ResolvedAddress } from './resolver.js';

/**
 * Concurrent lookups in this process. libuv runs lookups on half of its thread pool, which has four threads by default,
 * so this leaves a thread for lookups of the application.
 */
const MAX_HERE = 1;

/** The limit without a lookup process: as many as libuv runs. */
const MAX_HERE_ALONE = 2;

/** Concurrent lookups in the lookup process, in total and for one client. */
const MAX_THERE = 64;
const MAX_PER_CLIENT = 16;

/** How long a lookup waits in the queue. */
const MAX_WAIT_MS = 10_000;

export interface SystemLookup {
  /** `client` identifies the requester. One client gets only a part of the concurrent lookups. */
  lookup(name: string, client: string): Promise<ResolvedAddress[]>;
}

interface Waiting {
  client: string;
  start(): void;
  timer: NodeJS.Timeout;
}

/**
 * Uses the operating system's resolver (getaddrinfo), which blocks a thread while a name server does not answer. The
 * first lookup uses a thread of this process; concurrent ones go to a separate process. Concurrent lookups of the same
 * name are shared.
 */
export class BoundedLookup implements SystemLookup {
  readonly #there: Pick<LookupProcess, 'isPossible' | 'lookup'>;
  readonly #here: (name: string) => Promise<ResolvedAddress[]>;
  #runningHere = 0;
  #runningThere = 0;
  readonly #byClient = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  readonly #started = new Map<string, Promise<ResolvedAddress[]>>();

  constructor(
    here: (name: string) => Promise<ResolvedAddress[]> = lookupHere,
    there: Pick<LookupProcess, 'isPossible' | 'lookup'> = new LookupProcess(MAX_THERE),
  ) {
    this.#here = here;
    this.#there = there;
  }

  async lookup(name: string, client: string): Promise<ResolvedAddress[]> {
    const started = this.#started.get(name);
    if (started !== undefined) return started;
    return this.#start(name, client, this.#hasRoom(client) ? this.#enter(client) : await this.#turn(client));
  }

  #start(name: string, client: string, isHere: boolean): Promise<ResolvedAddress[]> {
    const running = this.#run(name, client, isHere).finally(() => {
      if (this.#started.get(name) === running) this.#started.delete(name);
    });
    this.#started.set(name, running);
    return running;
  }

  async #run(name: string, client: string, isHere: boolean): Promise<ResolvedAddress[]> {
    try {
      return await (isHere ? this.#here(name) : this.#there.lookup(name));
    } catch (error) {
      if (isHere || this.#there.isPossible) throw error;
    } finally {
      this.#leave(client, isHere);
    }
    // The process could not be started, or has ended.
    return this.#run(name, client, this.#hasRoom(client) ? this.#enter(client) : await this.#turn(client));
  }

  /** Returns whether the lookup runs in this process. */
  #enter(client: string): boolean {
    const isHere = this.#runningHere < this.#maxHere;
    if (isHere) this.#runningHere += 1;
    else this.#runningThere += 1;
    this.#byClient.set(client, (this.#byClient.get(client) ?? 0) + 1);
    return isHere;
  }

  #leave(client: string, wasHere: boolean): void {
    if (wasHere) this.#runningHere -= 1;
    else this.#runningThere -= 1;
    const left = (this.#byClient.get(client) ?? 1) - 1;
    if (left === 0) this.#byClient.delete(client);
    else this.#byClient.set(client, left);
    for (const waiting of this.#waiting) {
      if (!this.#hasRoom(waiting.client)) continue;
      waiting.start();
      return;
    }
  }

  #hasRoom(client: string): boolean {
    if ((this.#byClient.get(client) ?? 0) >= MAX_PER_CLIENT) return false;
    return this.#runningHere < this.#maxHere || (this.#there.isPossible && this.#runningThere < MAX_THERE);
  }

  get #maxHere(): number {
    return this.#there.isPossible ? MAX_HERE : MAX_HERE_ALONE;
  }

  /** Waits for room, and enters. */
  #turn(client: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        client,
        start: () => {
          clearTimeout(waiting.timer);
          this.#waiting.delete(waiting);
          resolve(this.#enter(client));
        },
        timer: setTimeout(() => {
          this.#waiting.delete(waiting);
          reject(Object.assign(new Error('Too many lookups are in progress'), { code: 'ETIMEOUT' }));
        }, MAX_WAIT_MS),
      };
      waiting.timer.unref();
      this.#waiting.add(waiting);
    });
  }
}

/** In the order of the operating system. */
function lookupHere(name: string): Promise<ResolvedAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(name, { all: true, verbatim: true }, (error, addresses) => {
      if (error) reject(error);
      else resolve(addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 })));
    });
  });
}
