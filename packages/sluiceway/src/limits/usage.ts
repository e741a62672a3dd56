import type { KeyState } from './key-state.js';
import type { LimitBy } from './keys.js';
import type { RuleState } from './rule-state.js';
import type { CountWindow } from './store.js';

/** What a key uses now. */
export interface KeyUsage {
  /** Name of the rule. */
  readonly rule: string;
  /** An address or IPv6 network, an identity, the id of a link, or what else the rule counts by. */
  readonly key: string;
  /** Running transfers. */
  readonly transfers: number;
  /** Requests that wait in the queue. */
  readonly waiting: number;
  /**
   * Bytes per second to clients, since the last call that was at least half a second earlier; at first, since the
   * key was first used.
   */
  readonly rateDown: number;
  /** The same from clients. */
  readonly rateUp: number;
  /** Requests in the time of `requests`. Null if the rule has none. */
  readonly requests: number | null;
  /** Bytes in the present period of `bytes`. Null if the rule has none. */
  readonly bytes: number | null;
  /** When the key is free again, ISO 8601 in UTC; `forever`. Null: it is not blocked. */
  readonly blockedUntil: string | null;
}

/** A rule, and how much it counts now. */
export interface RuleStatus {
  readonly name: string;
  /** `client`, `identity`, `link`, `route`, `upstream` or `all`; `header x-tenant` for a field; `function`. */
  readonly by: string;
  /** Bytes per second of a key. Null: no limit. */
  readonly download: number | null;
  /** The same from clients. */
  readonly upload: number | null;
  /** Transfers of a key at a time. Null: no limit. */
  readonly transfers: number | null;
  /** Requests of a key in that time, which slides. Null: no limit. */
  readonly requests: { readonly count: number; readonly perMs: number } | null;
  /** Bytes of a key in that period, in milliseconds or by the calendar in UTC. Null: no limit. */
  readonly bytes: { readonly count: number; readonly per: 'day' | 'month' | number } | null;
  /** Requests of a key that can wait. Null: what is beyond the limit is refused. */
  readonly queue: { readonly length: number; readonly timeoutMs: number } | null;
  /** Whether its times of day include the present. */
  readonly active: boolean;
  /** The keys that it remembers. */
  readonly keys: number;
}

/** A key that is blocked. */
export interface BlockedKey {
  /** Name of the rule. */
  readonly rule: string;
  readonly key: string;
  /** When the key is free again, ISO 8601 in UTC; `forever`. */
  readonly until: string;
}

export interface UsageOptions {
  /** Most keys of each rule, those with the most traffic first. Default 10. */
  top?: number;
  /** Name of the only rule to report. Default: all. */
  rule?: string;
}

export const toStatus = ({ rule, isActive, keys }: RuleState): RuleStatus => ({
  name: rule.name,
  by: describeBy(rule.by),
  download: rule.download,
  upload: rule.upload,
  transfers: rule.transfers,
  requests: rule.requests === null ? null : { count: rule.requests.count, perMs: rule.requests.ms },
  bytes: rule.bytes === null ? null : { count: rule.bytes.count, per: periodOf(rule.bytes.window) },
  queue: rule.queue,
  active: isActive,
  keys: keys.size,
});

const describeBy = (by: LimitBy): string =>
  typeof by === 'function' ? 'function' : typeof by === 'object' ? `header ${by.header}` : by;

const periodOf = (window: CountWindow): 'day' | 'month' | number =>
  'ms' in window ? window.ms : window.kind;

/** The blocked keys of rules, those that are free first at the start. */
export function readBlocks(rules: readonly RuleState[]): BlockedKey[] {
  const blocked = rules.flatMap((state) =>
    [...state.blocked.keys()].flatMap((key) => {
      const ms = state.blockedMs(key);
      return ms === null ? [] : [{ rule: state.rule.name, key, ms }];
    }),
  );
  return blocked
    .toSorted((a, b) => (a.ms === b.ms ? 0 : a.ms - b.ms))
    .map(({ rule, key, ms }) => ({ rule, key, until: toTime(ms) }));
}

const MIN_SAMPLE_MS = 500;

interface Sample {
  at: number;
  down: number;
  up: number;
  rateDown: number;
  rateUp: number;
}

/** Measures what keys use. Costs nothing while nobody asks. */
export class UsageReader {
  /** The samples of keys that were reported before. */
  readonly #samples = new WeakMap<KeyState, Sample>();
  readonly #startedAt = performance.now();

  read(rules: readonly RuleState[], { top = 10, rule }: UsageOptions = {}): KeyUsage[] {
    return rules
      .filter((state) => rule === undefined || state.rule.name === rule)
      .flatMap((state) => this.#readRule(state, top));
  }

  #readRule(rule: RuleState, top: number): KeyUsage[] {
    const now = Date.now();
    const used = [...rule.keys.values()].map((state) => this.#readKey(rule, state, now));
    const others = [...rule.blocked.keys()].filter(
      (key) => !rule.keys.has(key) && rule.blockedMs(key) !== null,
    );
    const blocked = others.map((key) => ({
      ...EMPTY,
      rule: rule.rule.name,
      key,
      blockedUntil: blockedUntil(rule, key),
    }));
    return [...used, ...blocked].toSorted(byTraffic).slice(0, Math.max(0, top));
  }

  #readKey(rule: RuleState, state: KeyState, now: number): KeyUsage {
    state.advance(now);
    const { rateDown, rateUp } = this.#sample(state);
    return {
      rule: rule.rule.name,
      key: state.key,
      transfers: state.running,
      waiting: state.waiting,
      rateDown,
      rateUp,
      requests: state.requests?.used ?? null,
      bytes: state.bytes?.used ?? null,
      blockedUntil: blockedUntil(rule, state.key),
    };
  }

  #sample(state: KeyState): Sample {
    const at = performance.now();
    const last = this.#samples.get(state);
    const since = last?.at ?? Math.max(this.#startedAt, state.createdAt);
    if (last !== undefined && at - since < MIN_SAMPLE_MS) return last;
    let { endedDown: down, endedUp: up } = state;
    for (const use of state.uses.all) {
      const bytes = use.bytes();
      down += bytes.down;
      up += bytes.up;
    }
    const seconds = Math.max(1, at - since) / 1000;
    const sample = {
      at,
      down,
      up,
      rateDown: Math.round((down - (last?.down ?? 0)) / seconds),
      rateUp: Math.round((up - (last?.up ?? 0)) / seconds),
    };
    this.#samples.set(state, sample);
    return sample;
  }
}

const EMPTY = { transfers: 0, waiting: 0, rateDown: 0, rateUp: 0, requests: null, bytes: null };

const byTraffic = (a: KeyUsage, b: KeyUsage): number =>
  b.rateDown + b.rateUp - a.rateDown - a.rateUp ||
  b.transfers - a.transfers ||
  (b.requests ?? 0) - (a.requests ?? 0);

function blockedUntil(rule: RuleState, key: string): string | null {
  const ms = rule.blockedMs(key);
  return ms === null ? null : toTime(ms);
}

/** A time that is so many milliseconds from now. `Date` ends in the year 275760. */
const toTime = (ms: number): string =>
  ms <= LAST_TIME - Date.now() ? new Date(Date.now() + ms).toISOString() : 'forever';

const LAST_TIME = 8.64e15;
