import type { Admission } from './admission.js';
import type { KeyState, Refusal } from './key-state.js';
import { keyOf, type Stage } from './keys.js';
import { appliesTo } from './rule.js';
import type { RuleState } from './rule-state.js';

/** A key of a rule that a request uses. */
export interface Claim {
  readonly rule: RuleState;
  readonly key: string;
  /** Bytes per second, if its link has the limit. */
  readonly linkRate: number | null;
}

/**
 * The keys of a request, of the rules that are asked after the stage `after`, up to `stage`. Calls the functions of the
 * rules, and throws if one of them fails.
 */
export function claimsOf(
  rules: readonly RuleState[],
  { request, transfer: { limitTarget }, exempt }: Admission,
  after: Stage,
  stage: Stage,
): Claim[] {
  const claims: Claim[] = [];
  for (const state of rules) {
    const { rule } = state;
    if (rule.stage <= after || rule.stage > stage) continue;
    if (exempt?.has(rule.name) === true || !appliesTo(rule, request)) continue;
    const linkRate = rule.hasLinkRate ? (limitTarget?.linkRate ?? null) : null;
    if (rule.hasLinkRate && linkRate === null) continue;
    const key = keyOf(rule.by, rule.ipv6Prefix, request, limitTarget);
    if (key !== null) claims.push({ rule: state, key, linkRate });
  }
  return claims;
}

/** The state of the key of a claim. After a wait it can be a new one, because unused states are deleted. */
export function stateOf({ rule, key, linkRate }: Claim): KeyState {
  const state = rule.use(key);
  state.linkRate = linkRate;
  return state;
}

/** Why a key does not admit a request. Null: it does. */
export function refusalOf(
  rule: RuleState,
  state: KeyState,
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
  const others = state.running - (admission.uses(state) ? 1 : 0);
  if (transfers !== null && others + 1 > transfers) return { state, kind: 'transfers', retryMs: null };
  // First come, first served.
  const [first] = state.queue ?? [];
  if (first !== undefined && first.order < order) return { state, kind: 'transfers', retryMs: null };
  return null;
}
