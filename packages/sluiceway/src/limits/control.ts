import type { Duration } from '../units.js';
import type { RuleUsage } from './rule-totals.js';
import type { BlockedKey, KeyUsage, RuleStatus, UsageOptions } from './usage.js';

export interface BlockOptions {
  /** How long. Default: until `unblock`, or until the process ends. */
  for?: Duration;
}

/** Shows and controls what rules count. */
export interface LimitControl {
  /** The rules in force, in their order. */
  rules(): RuleStatus[];
  /** What keys use now, those with the most traffic first. Reading it costs time in proportion to the number of keys. */
  usage(options?: UsageOptions): KeyUsage[];
  /** What each rule does now, and has done since it exists, for all of its keys in this process. */
  ruleUsage(): RuleUsage[];
  /**
   * Blocks a key of a rule: its transfers are aborted, and further requests get 403. A client can be named by any of its
   * addresses. Returns the number of aborted transfers. Throws a `RangeError` if there is no rule of that name.
   */
  block(rule: string, key: string, options?: BlockOptions): number;
  /** Ends a block. Returns whether there was one. */
  unblock(rule: string, key: string): boolean;
  /** The blocked keys of all rules, whether they have traffic or not. The ones whose block ends soonest are first. */
  blocks(): BlockedKey[];
}
