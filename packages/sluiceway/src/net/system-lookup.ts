import { lookup } from 'node:dns';
import { LookupProcess } from './lookup-process.js';
import type { ResolvedAddress } from './resolver.js';

/**
 * Lookups of ours in this process at a time. libuv runs lookups on half of its thread pool, which has four threads by
 * default, so this leaves a thread for lookups of the application.
 */
const MAX_HERE = 1;

/** Lookups in the lookup process at a time, for all and for one client. */
const MAX_THERE = 64;
const MAX_PER_CLIENT = 16;

/** How long a lookup waits for its turn. */
const MAX_WAIT_MS = 10_000;

export interface SystemLookup {
  /** `client` is who asks: one client gets a part of the lookups at a time. */
  lookup(name: string, client: string): Promise<ResolvedAddress[]>;
}

interface Waiting {
  client: string;
  start(): void;
  timer: NodeJS.Timeout;
}

/**
 * The operating system's resolver (getaddrinfo), which blocks a thread for as long as a name server is silent. The first
 * lookup takes a thread of this process; those that come meanwhile go to a process of their own.
 */
export class BoundedLookup implements SystemLookup {
  readonly #there: Pick<LookupProcess, 'isPossible' | 'lookup'>;
  readonly #here: (name: string) => Promise<ResolvedAddress[]>;
  #runningHere = 0;
  #runningThere = 0;
  readonly #byClient = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();

  constructor(
    here: (name: string) => Promise<ResolvedAddress[]> = lookupHere,
    there: Pick<LookupProcess, 'isPossible' | 'lookup'> = new LookupProcess(MAX_THERE),
  ) {
    this.#here = here;
    this.#there = there;
  }

  async lookup(name: string, client: string): Promise<ResolvedAddress[]> {
    const isHere = this.#hasRoom(client) ? this.#enter(client) : await this.#turn(client);
    try {
      return await (isHere ? this.#here(name) : this.#there.lookup(name));
    } finally {
      this.#leave(client, isHere);
    }
  }

  /** Returns whether the lookup is for this process. */
  #enter(client: string): boolean {
    const isHere = this.#runningHere < MAX_HERE;
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
    return this.#runningHere < MAX_HERE || (this.#there.isPossible && this.#runningThere < MAX_THERE);
  }

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
          reject(Object.assign(new Error('Too many lookups are under way'), { code: 'ETIMEOUT' }));
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
