import type { Rule } from '../../limits/rule.js';
import { toRules } from '../../limits/rule.js';
import { type LimitRuleOptions, type LimitRuleValues, ruleMembers } from '../../limits/rule-options.js';
import { Checker } from '../../options/checker.js';
import { group, list } from '../../options/composites.js';

/** The option `limits.rules`. */
export const rulesOption = list(group<LimitRuleOptions, LimitRuleValues>(ruleMembers, {}), {
  default: [],
  type: 'list of rules',
  defaultText: 'none',
  doc: 'Limits of bandwidth, transfers at a time, requests and bytes per time, for each client, user or what else a rule counts by: see [limits](limits.md). All rules that are for a request apply, and so the strictest holds. `setLimits` changes them while the proxy runs.',
});

/** Checks rules that replace others. Throws an `OptionsError` that lists every problem. */
export function resolveRules(rules: readonly LimitRuleOptions[]): Rule[] {
  const check = new Checker('setLimits');
  check.required('rules', rules);
  const values = rulesOption.read(check, 'rules', rules);
  const resolved = toRules(values, check, 'rules');
  check.throwIfAny();
  return resolved;
}
