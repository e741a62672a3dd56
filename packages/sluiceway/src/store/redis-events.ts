import type { StoreEvent } from './backend.js';
import type { ScriptServer } from './scripts.js';

/** What is blocked and revoked: in sorted sets by their ends, and published when it changes. */
export class RedisEvents {
  readonly #server: ScriptServer;
  readonly #prefix: string;
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  #stop: (() => void) | null = null;

  constructor(server: ScriptServer, prefix: string) {
    this.#server = server;
    this.#prefix = prefix;
  }

  /** `time`: milliseconds from now, `+inf`, or `0` to remove the mark. */
  async mark(kind: 'revoked' | 'blocked', member: string, time: string, event: StoreEvent): Promise<void> {
    // JSON has no Infinity. It becomes null.
    const message = JSON.stringify(event);
    await this.#server.run('mark', [`${this.#prefix}${kind}`], [member, time, this.#channel, message]);
  }

  listen(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    if (this.#stop === null) {
      this.#stop = this.#server.subscribe(
        this.#channel,
        (message) => this.#receive(message),
        () => void this.#tellAll(this.#listeners),
      );
    } else void this.#tellAll([listener]);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    this.#stop?.();
    this.#stop = null;
  }

  get #channel(): string {
    return `${this.#prefix}events`;
  }

  #receive(message: string): void {
    const event = parseEvent(message);
    if (event !== null) for (const listener of this.#listeners) listener(event);
  }

  async #tellAll(listeners: Iterable<(event: StoreEvent) => void>): Promise<void> {
    let revoked: string[];
    let blocked: string[];
    try {
      [revoked, blocked] = await Promise.all([this.#list('revoked'), this.#list('blocked')]);
    } catch {
      // The connection is lost again. The next one asks again.
      return;
    }
    for (const listener of listeners) {
      for (const [id, ms] of inPairs(revoked)) listener({ kind: 'revoked', id, ms: toMs(ms) });
      for (const [key, ms] of inPairs(blocked)) listener({ kind: 'blocked', key, ms: toMs(ms) });
    }
  }

  async #list(kind: string): Promise<string[]> {
    const answer = await this.#server.run('list', [`${this.#prefix}${kind}`], []);
    return Array.isArray(answer) ? answer.map(String) : [];
  }
}

const toMs = (text: string): number => (text === 'inf' ? Number.POSITIVE_INFINITY : Number(text));

const inPairs = (list: readonly string[]): [string, string][] =>
  list.flatMap((member, i) => (i % 2 === 0 ? [[member, list[i + 1] ?? '0'] as [string, string]] : []));

function parseEvent(message: string): StoreEvent | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(message);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null) return null;
  const { kind, id, key, ms } = parsed as Record<string, unknown>;
  const time = typeof ms === 'number' ? ms : Number.POSITIVE_INFINITY;
  if (kind === 'revoked' && typeof id === 'string') return { kind, id, ms: time };
  if (kind === 'unblocked' && typeof key === 'string') return { kind, key };
  return kind === 'blocked' && typeof key === 'string' ? { kind, key, ms: time } : null;
}
