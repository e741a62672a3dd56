import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose';
import { describeThrown, isInstance, SluicewayError } from '../../errors.js';
import { Checker } from '../../options/checker.js';
import { resolve, type SettingsOf } from '../../options/spec.js';
import { readCredentials, resolveAnswers } from '../authorization.js';
import { isIdentity } from '../credential-file.js';
import type { AccessGrant, AccessPolicy, AccessRequest } from '../policy.js';
import { type JwtOptions, jwtOptions, PUBLIC_KEY_ALGORITHMS, SECRET_ALGORITHMS } from './jwt-options.js';
import { resolveKeySet } from './key-set.js';
import { loadJose } from './load-jose.js';
import { readCookie, readParameter } from './token-places.js';

type Settings = SettingsOf<typeof jwtOptions>;

/** Most keys without a key id that one token is compared with. */
const MAX_CANDIDATES = 4;
/** Node's limit of a request head is lower. */
const MAX_TOKEN_LENGTH = 16 * 1024;
const MIN_SECRET_BYTES = 32;

/** A token, and what to grant so that the origin server does not get it. */
interface FoundToken {
  token: string;
  without: Partial<AccessGrant>;
}

/**
 * Allows requests with a JSON Web Token (RFC 7519) that one of the issuer's keys has signed, for this audience, in
 * `Authorization: Bearer …` (RFC 6750 section 2.1). A wrong or missing token gets 401, a valid one without the `claims`
 * 403. If the keys cannot be fetched, requests get 503. Needs the package jose. Throws an `OptionsError` that lists every
 * problem.
 */
export function jwt(options: JwtOptions): AccessPolicy {
  const check = new Checker('jwt');
  check.required('', options);
  const settings = resolve(jwtOptions, options, check);
  const { realm, keepCredentials, cookie, query } = settings;
  const answers = resolveAnswers(check, 'Bearer', { realm, keepCredentials });
  const findKey = resolveKey(check, settings);
  const algorithms = resolveAlgorithms(check, settings);
  if (Array.isArray(settings.issuer) && settings.issuer.length === 0)
    check.problem('issuer', 'must have at least one');
  check.throwIfAny();
  void loadJose();
  const { audience, issuer, type } = settings;
  const rules: JWTVerifyOptions = {
    algorithms: [...algorithms],
    issuer: typeof issuer === 'string' ? issuer : [...(issuer ?? [])],
    ...(audience !== null && { audience: [...audience] }),
    ...(type !== undefined && { typ: type }),
    clockTolerance: settings.clockTolerance / 1000,
    requiredClaims: ['exp', 'iss'],
  };
  const claims = [...(settings.claims ?? [])];

  return async (request) => {
    const found = findToken(request, cookie, query, keepCredentials);
    if (found === null) return answers.refuse('there is no bearer token');
    if (found === 'malformed')
      return answers.refuse('the Authorization is not valid', { error: 'invalid_request' });
    let payload: JWTPayload;
    try {
      // `findKey` is undefined only if there was a problem, which `throwIfAny` has thrown.
      payload = await verify(found.token, findKey as JWTVerifyGetKey, rules);
    } catch (error) {
      if (isInstance(error, SluicewayError)) throw error;
      return answers.refuse(`the token is not valid: ${describeThrown(error)}`, { error: 'invalid_token' });
    }
    const missing = claims.find(([name, wanted]) => !hasClaim(payload, name, wanted));
    if (missing !== undefined) {
      const [name, wanted] = missing;
      const scope = name === 'scope' && typeof wanted === 'string' ? { scope: wanted } : {};
      const parameters = { error: 'insufficient_scope', ...scope };
      return { ...answers.refuse(`the token lacks the claim ${name}`, parameters), status: 403 };
    }
    const identity = payload[settings.identityClaim] ?? null;
    if (identity !== null && (typeof identity !== 'string' || !isIdentity(identity)))
      return answers.refuse('the token has no valid identity', { error: 'invalid_token' });
    return { allowed: true, identity, ...found.without };
  };
}

function resolveKey(check: Checker, settings: Settings): JWTVerifyGetKey | undefined {
  const { jwks, secret, allowAddresses, tls, timeout, cacheMaxAge, cooldown, staleIfError } = settings;
  if ((jwks === undefined) === (secret === undefined))
    check.problem(
      jwks === undefined ? 'jwks' : 'secret',
      jwks === undefined ? 'is required, unless there is a secret' : 'must not be given together with jwks',
    );
  if (jwks !== undefined) {
    return resolveKeySet(check, 'jwks', jwks, {
      allowAddresses,
      tls,
      timeoutMs: timeout,
      cacheMaxAgeMs: cacheMaxAge,
      cooldownMs: cooldown,
      staleIfErrorMs: staleIfError,
    });
  }
  const bytes = new TextEncoder().encode(secret);
  if (secret !== undefined && bytes.length < MIN_SECRET_BYTES)
    check.problem('secret', `must have at least ${MIN_SECRET_BYTES} bytes (RFC 7518 section 3.2)`);
  return () => bytes;
}

/** The kind of the key decides about the algorithms, never the token (RFC 8725 section 3.1). */
function resolveAlgorithms(check: Checker, { algorithms, secret }: Settings): readonly string[] {
  const fitting: readonly string[] = secret === undefined ? PUBLIC_KEY_ALGORITHMS : SECRET_ALGORITHMS;
  if (algorithms === undefined) return secret === undefined ? PUBLIC_KEY_ALGORITHMS : ['HS256'];
  if (algorithms.length === 0) check.problem('algorithms', 'must have at least one');
  for (const [i, algorithm] of algorithms.entries()) {
    if (!fitting.includes(algorithm))
      check.problem(`algorithms[${i}]`, `is not for a ${secret === undefined ? 'public key' : 'secret'}`);
  }
  return algorithms;
}

function findToken(
  { headers, query }: AccessRequest,
  cookie: string | undefined,
  parameter: string | undefined,
  keep: boolean,
): FoundToken | 'malformed' | null {
  const given = readCredentials(headers, 'bearer');
  if (given === 'malformed') return given;
  if (given !== null) return { token: given.value, without: keep ? {} : { consumed: ['Authorization'] } };
  const inCookie = cookie === undefined ? null : readCookie(headers, cookie);
  if (inCookie === 'malformed') return inCookie;
  if (inCookie !== null) {
    const { value, rest } = inCookie;
    const without = rest === null ? { consumed: ['Cookie'] } : { headers: { Cookie: rest } };
    return { token: value, without: keep ? {} : without };
  }
  const inQuery = parameter === undefined || query === null ? null : readParameter(query, parameter);
  if (inQuery === null || inQuery === 'malformed') return inQuery;
  return { token: inQuery.value, without: keep ? {} : { query: inQuery.rest } };
}

/** Tokens and keys without a key id are compared one by one. */
async function verify(token: string, findKey: JWTVerifyGetKey, rules: JWTVerifyOptions): Promise<JWTPayload> {
  if (token.length > MAX_TOKEN_LENGTH) throw new TypeError('it is too long');
  const { errors, jwtVerify } = await loadJose();
  try {
    return (await jwtVerify(token, findKey, rules)).payload;
  } catch (error) {
    if (!isInstance(error, errors.JWKSMultipleMatchingKeys)) throw error;
    let candidates = 0;
    for await (const key of error) {
      candidates += 1;
      if (candidates > MAX_CANDIDATES) break;
      try {
        return (await jwtVerify(token, key, rules)).payload;
      } catch (inner) {
        if (!isInstance(inner, errors.JWSSignatureVerificationFailed)) throw inner;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

type ClaimValue = string | number | boolean;

function hasClaim(payload: JWTPayload, name: string, wanted: ClaimValue | readonly ClaimValue[]): boolean {
  const claim = Object.hasOwn(payload, name) ? payload[name] : undefined;
  const split = name === 'scope' && typeof claim === 'string' ? claim.split(' ') : claim;
  const given: readonly unknown[] = Array.isArray(split) ? split : [split];
  return (Array.isArray(wanted) ? wanted : [wanted]).some((value) => given.includes(value));
}
