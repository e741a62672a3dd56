import { type AccessPolicy, clientAddresses, OptionsError } from 'sluiceway';

/** Refuses clients with these addresses, and asks `policy` about the others. Without a policy, they have access. */
export function exceptAddresses(deny: readonly string[], policy: AccessPolicy | null): AccessPolicy {
  const isDenied = denyPolicy(deny);
  return async (request) => {
    const { for: client } = request.forwarded;
    // An unknown address may be one of them.
    if (client === null) return { allowed: false, status: 403, reason: 'the address is not known' };
    const decision = await isDenied(request);
    if (decision.allowed) return { allowed: false, status: 403, reason: `the address ${client} is denied` };
    return policy === null ? { allowed: true } : policy(request);
  };
}

/** The ranges as a policy. Its problems name `deny`. */
function denyPolicy(deny: readonly string[]): AccessPolicy {
  try {
    return clientAddresses(deny);
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    const problems = error.problems.map(({ path, message }) => ({
      path: path.replace('cidrs', 'deny'),
      message,
    }));
    throw new OptionsError('access', problems);
  }
}
