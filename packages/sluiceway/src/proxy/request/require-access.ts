import { type AccessDecision, type AccessPolicy, challengesOf, checkDecision } from '../../access/policy.js';
import { describeThrown, isInstance, SluicewayError } from '../../errors.js';
import { isFieldValue } from '../../http/fields.js';
import { retrySoon } from '../../http/retry-after.js';
import type { Transfer } from '../transfer/transfer.js';
import { toGrantedFields } from './granted-fields.js';
import type { ReadRequest } from './read-request.js';

/** Without a policy. */
const EVERYONE: AccessDecision = { allowed: true };

/** What clients are told. They do not learn which part of the credentials was wrong. */
const messages = {
  401: 'The request needs valid credentials.',
  403: 'The request is not allowed.',
  429: 'There were too many attempts. Try again later.',
} as const;

/**
 * Asks the policy, and records the client's identity. `identityField` is the name of the field that tells the origin
 * server the identity. Throws if the policy denies access or fails.
 */
export async function requireAccess(
  policy: AccessPolicy | null,
  request: ReadRequest,
  transfer: Transfer,
  identityField: string | null,
): Promise<void> {
  const decision = policy === null ? EVERYONE : await decide(policy, request, transfer);
  transfer.throwIfAborted();
  if (!decision.allowed) {
    const { status, reason, response } = decision;
    const challenges = challengesOf(decision);
    throw new SluicewayError('http_request_denied', `The access policy refused: ${reason}`, {
      status: response?.status ?? status,
      publicMessage: messages[status],
      ...(response !== undefined && { content: response.content ?? '' }),
      headers: {
        ...response?.headers,
        ...(challenges.length > 0 && { 'WWW-Authenticate': challenges }),
        ...(status === 429 && { 'Retry-After': retrySoon() }),
      },
    });
  }
  const { identity = null, consumed = [], query, headers = {} } = decision;
  request.downstream.identity = identity;
  if (query !== undefined) request.downstream.query = query;
  request.consumed = consumed;
  request.grantedFields = toGrantedFields(policy?.ownFields ?? [], headers, identityField, identity);
  transfer.identity = identity;
}

async function decide(
  policy: AccessPolicy,
  { downstream }: ReadRequest,
  transfer: Transfer,
): Promise<AccessDecision> {
  transfer.isCheckingAccess = true;
  try {
    const decision = checkDecision(await policy(downstream));
    if (!decision.allowed && !challengesOf(decision).every(isFieldValue))
      throw new TypeError('the challenge has characters that no field can have');
    return decision;
  } catch (thrown) {
    if (isInstance(thrown, SluicewayError)) throw thrown;
    const message = describeThrown(thrown);
    throw new SluicewayError('proxy_internal_error', `The access policy failed: ${message}`, {
      cause: thrown,
    });
  } finally {
    transfer.isCheckingAccess = false;
  }
}
