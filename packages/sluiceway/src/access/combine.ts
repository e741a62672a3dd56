import { Checker } from '../options/checker.js';
import {
  type AccessDecision,
  type AccessGrant,
  type AccessPolicy,
  type AccessRefusal,
  challengesOf,
  checkDecision,
  withOwnFields,
} from './policy.js';

/**
 * Allows requests that every policy allows. The policies run in order, and the first refusal is the answer. If several
 * policies return an identity or a query, the first one is used, and the fields of all of them are set. Throws an `OptionsError` if there are no policies.
 */
export function allOf(...policies: readonly AccessPolicy[]): AccessPolicy {
  checkPolicies('allOf', policies);
  return withOwnFields(async (request) => {
    let identity: string | null = null;
    const consumed: string[] = [];
    let headers: AccessGrant['headers'];
    let query: string | null | undefined;
    for (const policy of policies) {
      const decision = checkDecision(await policy(request));
      if (!decision.allowed) return decision;
      identity ??= decision.identity ?? null;
      consumed.push(...(decision.consumed ?? []));
      if (query === undefined) query = decision.query;
      if (decision.headers !== undefined) headers = { ...decision.headers, ...headers };
    }
    return {
      allowed: true,
      identity,
      consumed,
      ...(query !== undefined && { query }),
      ...(headers !== undefined && { headers }),
    };
  }, ownFieldsOf(policies));
}

/**
 * Allows requests that at least one policy allows. The policies run in order until one allows the request. If none
 * does, the answer is 429 if a policy returned 429, else 401 with all challenges if other credentials could satisfy a
 * policy, else 403. If a policy with that status has a response of its own, such as a redirect to a login page, the first
 * such response is sent. A policy that fails does not allow the request, but a later one can. If none does, the answer is
 * the failure. Throws an `OptionsError` if there are no policies.
 */
export function anyOf(...policies: readonly AccessPolicy[]): AccessPolicy {
  checkPolicies('anyOf', policies);
  return withOwnFields(async (request) => {
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
  }, ownFieldsOf(policies));
}

const ownFieldsOf = (policies: readonly AccessPolicy[]): readonly string[] => [
  ...new Set(policies.flatMap(({ ownFields }) => ownFields ?? [])),
];

function combine(refusals: readonly AccessRefusal[]): AccessDecision {
  const status = ([429, 401, 403] as const).find((each) =>
    refusals.some((refusal) => refusal.status === each),
  );
  const deciding = refusals.filter((refusal) => refusal.status === status);
  const response = deciding.find((refusal) => refusal.response !== undefined)?.response;
  return {
    allowed: false,
    status: status ?? 403,
    challenge: deciding.flatMap(challengesOf),
    reason: refusals.map(({ reason }) => reason).join('; '),
    ...(response !== undefined && { response }),
  };
}

function checkPolicies(subject: string, policies: readonly AccessPolicy[]): void {
  const check = new Checker(subject);
  // An empty list would allow every request.
  if (policies.length === 0) check.problem('policies', 'must have at least one policy');
  for (const [index, policy] of policies.entries()) {
    check.required(`policies[${index}]`, policy);
    check.func(`policies[${index}]`, policy, undefined);
  }
  check.throwIfAny();
}
