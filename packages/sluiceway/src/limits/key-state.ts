import type { SluicewayError } from '../errors.js';
import { type Placed, PlacedList } from '../placed-list.js';
import { Bandwidth, type Supply } from '../stream/bandwidth.js';
import { PeriodCount, SlidingCount } from './counts.js';
import type { Rule } from './rule.js';
import type { RefusalKind, RuleTotals } from './rule-totals.js';

/** Creates the supply of one direction if a store supplies it. Null: time does. */
export type SupplyFactory = (key: KeyState, direction: Direction) => Supply | null;

export type Direction = 'down' | 'up';

/** Why a request is not admitted. */
export interface Refusal {
  readonly state: KeyState;
  readonly kind: RefusalKind;
  /** When it may be admitted. Null: unknown. */
  readonly retryMs: number | null;
}

/** A request that waits. */
export interface Queued {
  /** Requests are served in this order. */
  readonly order: number;
  /** By `performance.now()`. */
  readonly deadline: number;
  /** Why it waits, and in the line of which key. */
  refusal: Refusal;
  /** Tries again. Returns the refusal if it is refused. */
  retry(): Refusal | null;
  admitted(): void;
  refused(refusal: Refusal): void;
  /** A function of the application has thrown. */
  failed(error: unknown): void;
}

/** The use of a key by a transfer. */
export interface KeyUse extends Placed {
  /** Aborts the transfer. */
  abort(error: SluicewayError): void;
  /** Bytes of the transfer since it began to use the key. */
  bytes(): { down: number; up: number };
}

/** What one key of a rule uses. */
export class KeyState {
  readonly key: string;
  readonly #makeSupply: SupplyFactory;
  rule: Rule;
  readonly totals: RuleTotals;
  readonly uses = new PlacedList<KeyUse>();
  /** Requests that wait for this key, first come first. Null: none has. */
  queue: Queued[] | null = null;
  requests: SlidingCount | null = null;
  bytes: PeriodCount | null = null;
  down: Bandwidth | null = null;
  up: Bandwidth | null = null;
  /** By `performance.now()`. */
  readonly createdAt = performance.now();
  /** Bytes of transfers that have ended. */
  endedDown = 0;
  endedUp = 0;
  /** Bytes per second that the link permits whose key this is. Null: the rule has the limit. */
  linkRate: number | null = null;

  constructor(rule: Rule, key: string, makeSupply: SupplyFactory, totals: RuleTotals) {
    this.rule = rule;
    this.totals = totals;
    this.key = key;
    this.#makeSupply = makeSupply;
    this.#createCounts();
  }

  /** Its name in a store. */
  get sharedKey(): string {
    return `${this.rule.sharedName}\n${this.key}`;
  }

  get running(): number {
    return this.uses.size;
  }

  get waiting(): number {
    return this.queue?.length ?? 0;
  }

  /** Brings the counts up to date. `now` in milliseconds since 1970. */
  advance(now: number): void {
    this.requests?.advance(now);
    this.bytes?.advance(now);
  }

  /** Whether it is as a new one. Until then it is remembered, or clients could dodge limits by a pause. */
  isLikeNew(now: number): boolean {
    if (this.uses.size > 0 || this.waiting > 0) return false;
    this.advance(now);
    return (
      (this.requests?.used ?? 0) === 0 &&
      (this.bytes?.used ?? 0) === 0 &&
      this.down?.isLikeNew !== false &&
      this.up?.isLikeNew !== false
    );
  }

  /** The bandwidth of a direction. Null: the rule does not limit it. */
  bandwidth(direction: Direction, isActive: boolean): Bandwidth | null {
    const rate = this.rateOf(direction);
    if (rate === null) return null;
    const existing = this[direction];
    if (existing !== null) return existing;
    const { burst } = this.rule;
    const supply = this.#makeSupply(this, direction);
    const created = new Bandwidth(isActive ? rate : Number.POSITIVE_INFINITY, burst, supply);
    this[direction] = created;
    return created;
  }

  rateOf(direction: Direction): number | null {
    return direction === 'down' ? (this.linkRate ?? this.rule.download) : this.rule.upload;
  }

  /** Sets the rates as the rule says. An inactive rule has no limits. */
  applyRates(isActive: boolean): void {
    for (const direction of ['down', 'up'] as const) {
      const rate = isActive ? this.rateOf(direction) : null;
      const bandwidth = this[direction];
      if (bandwidth === null) continue;
      const bytesPerSecond = rate ?? Number.POSITIVE_INFINITY;
      bandwidth.setRate(bytesPerSecond, this.rule.burst);
    }
  }

  /** Another rule of the same name takes the place of the present one. Counts of the same kind are kept. */
  changeRule(rule: Rule, isActive: boolean): void {
    const old = this.rule;
    this.rule = rule;
    if (old.requests?.ms !== rule.requests?.ms) this.requests = null;
    if (JSON.stringify(old.bytes?.window) !== JSON.stringify(rule.bytes?.window)) this.bytes = null;
    this.#createCounts();
    this.applyRates(isActive);
  }

  #createCounts(): void {
    const { requests, bytes } = this.rule;
    if (requests === null) this.requests = null;
    else this.requests ??= new SlidingCount(requests.ms);
    if (bytes === null) this.bytes = null;
    else this.bytes ??= new PeriodCount(bytes.window);
  }
}
