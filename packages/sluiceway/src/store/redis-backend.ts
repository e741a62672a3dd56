import { createHash } from 'node:crypto';
import type {
  Count,
  CountRequest,
  Entered,
  Refused,
  SlotRequest,
  StoreStatus,
  UseOfLink,
} from '../limits/store.js';
import {
  CLOCK_MARGIN_MS,
  type Holdings,
  type RateAsk,
  type RateLease,
  type StoreBackend,
  StoreUnavailableError,
} from './backend.js';
import { RedisEvents } from './redis-events.js';
import type { ScriptName, ScriptServer } from './scripts.js';

/** Longer keys are replaced by their digest. */
const MAX_KEY_LENGTH = 200;

/** Shared state in a Redis or Valkey server. */
export class RedisBackend implements StoreBackend {
  readonly #server: ScriptServer;
  readonly #prefix: string;
  readonly #events: RedisEvents;

  constructor(server: ScriptServer, prefix: string) {
    this.#server = server;
    this.#prefix = prefix;
    this.#events = new RedisEvents(server, prefix);
  }

  async lease(process: string, asks: readonly RateAsk[]): Promise<readonly RateLease[]> {
    return Promise.all(
      asks.map(async ({ key, limit, weight, demand }) => {
        const args = [process, String(limit), String(weight), String(demand)];
        const [rate = 0, share = 0] = toNumbers(
          await this.#server.run('lease', [this.#key('rate', key)], args),
        );
        return { rate, share };
      }),
    );
  }

  async enter(process: string, slots: readonly SlotRequest[]): Promise<Entered | Refused> {
    if (this.#server.isCluster && slots.length > 1) return this.#enterEach(process, slots);
    const keys = slots.map(({ key }) => this.#key('slots', key));
    const args = [process, ...slots.map(({ max }) => String(max))];
    const [full = 0, ...running] = toNumbers(await this.#server.run('enter', keys, args));
    return full === 0 ? { entered: true, running } : { entered: false, full: full - 1 };
  }

  async leave(process: string, keys: readonly string[]): Promise<void> {
    await this.#each('leave', process, 'slots', keys, () => []);
  }

  async hold(process: string, { slots, uses }: Holdings): Promise<void> {
    const counts = new Map(slots.map(({ key, count }) => [key, String(count)]));
    await Promise.all([
      this.#each('hold', process, 'slots', [...counts.keys()], (key) => [counts.get(key) ?? '0']),
      ...uses.map((use) => this.#use('holdUse', use)),
    ]);
  }

  async count(requests: readonly CountRequest[]): Promise<readonly Count[]> {
    if (this.#server.isCluster && requests.length > 1) return this.#countEach(requests);
    const keys = requests.map(({ key }) => this.#key('count', key));
    const args = requests.flatMap(({ add, limit, forced, window }) => [
      String(add),
      String(limit),
      forced ? '1' : '0',
      window.kind,
      'ms' in window ? String(window.ms) : '0',
    ]);
    const [added, ...counts] = toNumbers(await this.#server.run('count', keys, args));
    return requests.map((_, i) => ({
      added: added === 1,
      used: counts[2 * i] ?? 0,
      resetMs: counts[2 * i + 1] ?? 0,
    }));
  }

  async beginUse(use: UseOfLink): Promise<'begun' | 'taken' | 'over'> {
    const [answer = 1] = toNumbers([await this.#use('beginUse', use)]);
    return (['begun', 'taken', 'over'] as const)[answer] ?? 'taken';
  }

  async succeedUse(use: UseOfLink, windowMs: number): Promise<void> {
    await this.#use('succeedUse', use, String(windowMs));
  }

  async endUse(use: UseOfLink): Promise<void> {
    await this.#use('endUse', use);
  }

  async revoke(id: string, expiresAt: number): Promise<void> {
    // The time that is left by this process's clock, and a margin for a clock that is wrong.
    const ms = Math.max(0, expiresAt - Date.now()) + CLOCK_MARGIN_MS;
    await this.#events.mark('revoked', id, toTime(ms), { kind: 'revoked', id, ms });
  }

  async isRevoked(id: string): Promise<boolean> {
    return (await this.#server.run('isMarked', [`${this.#prefix}revoked`], [id])) === 1;
  }

  async block(key: string, ms: number): Promise<void> {
    await this.#events.mark('blocked', key, toTime(ms), { kind: 'blocked', key, ms });
  }

  async unblock(key: string): Promise<void> {
    await this.#events.mark('blocked', key, '0', { kind: 'unblocked', key });
  }

  listen(listener: Parameters<StoreBackend['listen']>[0]): () => void {
    return this.#events.listen(listener);
  }

  status(): StoreStatus | null {
    return this.#server.status?.() ?? null;
  }

  async close(): Promise<void> {
    this.#events.close();
    await this.#server.close();
  }

  #key(kind: string, key: string): string {
    const short = key.length <= MAX_KEY_LENGTH ? key : createHash('sha256').update(key).digest('base64url');
    return `${this.#prefix}${kind}:${short}`;
  }

  #use(name: ScriptName, { id, useId, client, expiresAt }: UseOfLink, ...more: string[]): Promise<unknown> {
    return this.#server.run(name, [this.#key('link', id)], [useId, client, String(expiresAt), ...more]);
  }

  /** Runs a script for several keys that need not change together. */
  async #each(
    name: ScriptName,
    process: string,
    kind: string,
    keys: readonly string[],
    argsOf: (key: string) => string[],
  ): Promise<void> {
    if (keys.length === 0) return;
    const groups = this.#server.isCluster ? keys.map((key) => [key]) : [keys];
    await Promise.all(
      groups.map((group) =>
        this.#server.run(
          name,
          group.map((key) => this.#key(kind, key)),
          [process, ...group.flatMap(argsOf)],
        ),
      ),
    );
  }

  /** Keys of several slots: takes one slot after the other, and gives all back if one is refused. */
  async #enterEach(process: string, slots: readonly SlotRequest[]): Promise<Entered | Refused> {
    const answers = await Promise.allSettled(slots.map((slot) => this.enter(process, [slot])));
    const isEntered = (i: number): boolean => {
      const answer = answers[i];
      return answer?.status === 'fulfilled' && answer.value.entered;
    };
    if (slots.every((_, i) => isEntered(i))) {
      const running = answers.flatMap((answer) =>
        answer.status === 'fulfilled' && answer.value.entered ? answer.value.running : [],
      );
      return { entered: true, running };
    }
    await this.leave(
      process,
      slots.filter((_, i) => isEntered(i)).map(({ key }) => key),
    );
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return { entered: false, full: slots.findIndex((_, i) => !isEntered(i)) };
  }

  /** Keys of several slots: adds to each, and takes that back if one of them is full. */
  async #countEach(requests: readonly CountRequest[]): Promise<readonly Count[]> {
    const counts = (await Promise.all(requests.map((request) => this.count([request])))).flat();
    if (counts.every(({ added }) => added)) return counts;
    const back = requests.filter(({ add }, i) => counts[i]?.added === true && add !== 0);
    await Promise.all(back.map((request) => this.count([{ ...request, add: -request.add, forced: true }])));
    return counts.map(({ added, used, resetMs }, i) => ({
      added: false,
      used: used - (added ? (requests[i]?.add ?? 0) : 0),
      resetMs,
    }));
  }
}

/** Milliseconds from now, for the script. */
const toTime = (ms: number): string => (Number.isFinite(ms) ? String(Math.max(1, Math.ceil(ms))) : '+inf');

function toNumbers(answer: unknown): number[] {
  if (!Array.isArray(answer)) throw new StoreUnavailableError('the store gave an answer of another form');
  return answer.map(Number);
}
