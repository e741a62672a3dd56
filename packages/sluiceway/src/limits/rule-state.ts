import { clientKey } from '../net/client-key.js';
import { KeyState, type SupplyFactory } from './key-state.js';
import type { Rule } from './rule.js';
import { RuleTotals } from './rule-totals.js';

/** The number of keys at which idle ones are first forgotten. */
const SWEEP_AT = 1000;
/** Most keys of one rule. Beyond it, the oldest key that no transfer uses is forgotten. */
const MAX_KEYS = 100_000;
/** How many of the oldest keys are looked at for that. */
const LOOK_AT = 100;

/** A rule, and the keys that use it. */
export class RuleState {
  rule: Rule;
  /** Whether its times include the present. */
  isActive: boolean;
  readonly keys = new Map<string, KeyState>();
  /** When blocked keys are free again, in milliseconds since 1970. */
  readonly blocked: Map<string, number>;
  readonly totals: RuleTotals = new RuleTotals();
  readonly #makeSupply: SupplyFactory;
  #sweepAt = SWEEP_AT;

  constructor(rule: Rule, blocked: Map<string, number>, makeSupply: SupplyFactory) {
    this.rule = rule;
    this.blocked = blocked;
    this.#makeSupply = makeSupply;
    this.isActive = rule.schedule.isActive(Date.now());
  }

  /** The state of a key, created if there is none. */
  use(key: string): KeyState {
    const known = this.keys.get(key);
    if (known !== undefined) return known;
    if (this.keys.size >= this.#sweepAt) this.#sweep();
    const state = new KeyState(this.rule, key, this.#makeSupply, this.totals);
    this.keys.set(key, state);
    return state;
  }

  /** How long a key is still blocked. Null: it is not. */
  blockedMs(key: string): number | null {
    if (this.blocked.size === 0) return null;
    const until = this.blocked.get(key);
    if (until === undefined) return null;
    const ms = until - Date.now();
    if (ms > 0) return ms;
    this.blocked.delete(key);
    return null;
  }

  /** The key as the rule counts it. Operators may name a client by any of its addresses. */
  toKey(key: string): string {
    if (this.rule.by !== 'client') return key;
    const counted = clientKey(key, this.rule.ipv6Prefix);
    return counted === '' ? key : counted;
  }

  /** Another rule with the same name. */
  changeRule(rule: Rule): void {
    this.rule = rule;
    this.isActive = rule.schedule.isActive(Date.now());
    for (const state of this.keys.values()) state.changeRule(rule, this.isActive);
  }

  /** Looks at the clock, and applies or lifts the rates if the times of the rule have begun or ended. */
  applySchedule(now: number): void {
    const isActive = this.rule.schedule.isActive(now);
    if (isActive === this.isActive) return;
    this.isActive = isActive;
    for (const state of this.keys.values()) state.applyRates(isActive);
  }

  #sweep(): void {
    const now = Date.now();
    for (const [key, state] of this.keys) if (state.isLikeNew(now)) this.keys.delete(key);
    for (const [key, until] of this.blocked) if (until <= now) this.blocked.delete(key);
    this.#sweepAt = Math.min(MAX_KEYS, Math.max(SWEEP_AT, this.keys.size * 2));
    if (this.keys.size < MAX_KEYS) return;
    let looks = 0;
    for (const [key, { running, waiting }] of this.keys) {
      if (running === 0 && waiting === 0) {
        this.keys.delete(key);
        break;
      }
      looks += 1;
      if (looks >= LOOK_AT) break;
    }
  }
}
