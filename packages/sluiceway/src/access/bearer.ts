import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Checker } from '../options/checker.js';
import { type CredentialOptions, readCredentials, resolveAnswers } from './authorization.js';
import { type BearerTokens, type KnownToken, resolveTokens } from './bearer-tokens.js';
import type { AccessPolicy } from './policy.js';

/**
 * Allows requests with one of these tokens in `Authorization: Bearer …` (RFC 6750 section 2.1). Tokens in a query or a
 * form are not accepted. Throws an `OptionsError` that lists every problem. The error contains no tokens.
 */
export function bearer(tokens: BearerTokens, options: CredentialOptions = {}): AccessPolicy {
  const check = new Checker('bearer');
  const known = resolveTokens(check, tokens);
  const answers = resolveAnswers(check, 'Bearer', options);
  check.throwIfAny();
  const find = tokenFinder(known);
  return ({ headers }) => {
    const given = readCredentials(headers, 'bearer');
    if (given === null) return answers.refuse('there is no bearer token');
    if (given === 'malformed')
      return answers.refuse('the Authorization is not valid', { error: 'invalid_request' });
    const found = find(given.value);
    return found === null
      ? answers.refuse('the bearer token is not known', { error: 'invalid_token' })
      : answers.grant(found.identity);
  };
}

/**
 * Compares the given token with every known token, as digests under a random key. The time it takes reveals neither
 * whether a token is known nor how much of it is right.
 */
function tokenFinder(known: readonly KnownToken[]): (given: string) => KnownToken | null {
  const key = randomBytes(32);
  const digestOf = (token: string): Buffer => createHmac('sha256', key).update(token).digest();
  const digests = known.map((token) => ({ token, digest: digestOf(token.secret) }));
  return (given) => {
    const wanted = digestOf(given);
    let found: KnownToken | null = null;
    for (const { token, digest } of digests) if (timingSafeEqual(digest, wanted)) found = token;
    return found;
  };
}
