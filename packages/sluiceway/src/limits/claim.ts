import type { Admission } from './admission.js';
import type { KeyState, Refusal } from './key-state.js';
import type { RuleState } from './rule-state.js';

/** A key of a rule that a request uses. */
export interface Claim {
  readonly rule: RuleState;
  readonly state: KeyState;
}

/** Why a key does not admit a request. Null: it does. */
export function refusalOf(
  { rule, state }: Claim,
  admission: Admission,
  order: number,
  now: number,
): Refusal | null {
  const blockedMs = rule.blockedMs(state.key);
  if (blockedMs !== null) return { state, kind: 'blocked', retryMs: blockedMs };
  if (!rule.rule.schedule.isActive(now)) return null;
  const { bytes, requests, transfers } = rule.rule;
  state.advance(now);
  if (bytes !== null && state.bytes !== null && state.bytes.used >= bytes.count)
    return { state, kind: 'bytes', retryMs: state.bytes.end - now };
  if (requests !== null && state.requests !== null && state.requests.used + 1 > requests.count)
    return { state, kind: 'requests', retryMs: state.requests.untilBelow(requests.count - 1, now) };
  // A reload may have counted the transfer already.
  const others = state.running - (state.members.has(admission) ? 1 : 0);
  if (transfers !== null && others + 1 > transfers) return { state, kind: 'transfers', retryMs: null };
  // First come, first served.
  const [first] = state.queue ?? [];
  if (first !== undefined && first.order < order) return { state, kind: 'transfers', retryMs: null };
  return null;
}
