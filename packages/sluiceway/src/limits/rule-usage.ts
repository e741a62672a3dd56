import type { Admission } from './admission.js';
import type { KeyState } from './key-state.js';
import type { RuleState } from './rule-state.js';
import type { RuleUsage } from './rule-totals.js';

interface Running {
  active: Set<KeyState>;
  transfers: number;
  bytesDown: number;
  bytesUp: number;
}

/** Sums what all keys of each rule use. Costs time in proportion to the number of transfers and waiting requests. */
export function readRules(
  rules: readonly RuleState[],
  admissions: Iterable<Admission>,
  waiting: Iterable<KeyState>,
): RuleUsage[] {
  const sums = new Map<string, Running>(
    rules.map(({ rule }) => [rule.name, { active: new Set(), transfers: 0, bytesDown: 0, bytesUp: 0 }]),
  );
  for (const admission of admissions) {
    for (const state of admission.states) {
      const sum = sums.get(state.rule.name);
      if (sum === undefined) continue;
      const { down, up } = admission.bytesSince(state);
      sum.active.add(state);
      sum.transfers += 1;
      sum.bytesDown += down;
      sum.bytesUp += up;
    }
  }
  const queues = [...waiting];
  return rules.map(({ rule, keys, totals }) => {
    const { active, transfers = 0, bytesDown = 0, bytesUp = 0 } = sums.get(rule.name) ?? {};
    const queued = queues.filter((state) => state.rule.name === rule.name);
    return {
      rule: rule.name,
      keys: keys.size,
      activeKeys: new Set([...(active ?? []), ...queued]).size,
      transfers,
      waiting: queued.reduce((sum, state) => sum + state.waiting, 0),
      bytesDown: totals.bytesDown + bytesDown,
      bytesUp: totals.bytesUp + bytesUp,
      refused: { ...totals.refused },
      waits: totals.waits,
      waitedMs: Math.round(totals.waitedMs),
    };
  });
}
