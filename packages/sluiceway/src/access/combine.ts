import { Checker } from '../options/checker.js';
import {
  type AccessDecision,
  type AccessPolicy,
  type AccessRefusal,
  challengesOf,
  checkDecision,
} from './policy.js';

/**
 * Lets in whom every policy lets in. They are asked in order, and the first refusal is the answer. The identity is
 * the first one that a policy names, and so is what is left of the query. Throws an `OptionsError` where there is no policy.
 */
export function allOf(...policies: readonly AccessPolicy[]): AccessPolicy {
  checkPolicies('allOf', policies);
  return async (request) => {
    let identity: string | null = null;
    const consumed: string[] = [];
    let query: string | null | undefined;
    for (const policy of policies) {
      const decision = checkDecision(await policy(request));
      if (!decision.allowed) return decision;
      identity ??= decision.identity ?? null;
      consumed.push(...(decision.consumed ?? []));
      if (query === undefined) query = decision.query;
    }
    return { allowed: true, identity, consumed, ...(query !== undefined && { query }) };
  };
}

/**
 * Lets in whom one of the policies lets in. They are asked in order until one does. Where none does, the answer is
 * 429 if one says so, else 401 with all challenges if credentials could satisfy one, else 403. A policy that fails
 * lets nobody in, but the others still may; if none does, the failure is the answer. Throws an `OptionsError` where
 * there is no policy.
 */
export function anyOf(...policies: readonly AccessPolicy[]): AccessPolicy {
  checkPolicies('anyOf', policies);
  return async (request) => {
    const refusals: AccessRefusal[] = [];
    const failures: unknown[] = [];
    for (const policy of policies) {
      try {
        const decision = checkDecision(await policy(request));
        if (decision.allowed) return decision;
        refusals.push(decision);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return combine(refusals);
  };
}

function combine(refusals: readonly AccessRefusal[]): AccessDecision {
  const status = ([429, 401, 403] as const).find((each) =>
    refusals.some((refusal) => refusal.status === each),
  );
  const deciding = refusals.filter((refusal) => refusal.status === status);
  return {
    allowed: false,
    status: status ?? 403,
    challenge: deciding.flatMap(challengesOf),
    reason: refusals.map(({ reason }) => reason).join('; '),
  };
}

function checkPolicies(subject: string, policies: readonly AccessPolicy[]): void {
  const check = new Checker(subject);
  // Of nothing all are satisfied: that would let everybody in.
  if (policies.length === 0) check.problem('policies', 'must be one at least');
  for (const [index, policy] of policies.entries()) {
    check.required(`policies[${index}]`, policy);
    check.func(`policies[${index}]`, policy, undefined);
  }
  check.throwIfAny();
}
