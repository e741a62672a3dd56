import { createAddressPolicy } from '../../net/address-policy.js';
import { either, list, record } from '../../options/composites.js';
import { boolean, custom, duration, oneOf, string } from '../../options/kinds.js';
import { OFF, type OptionsOf } from '../../options/spec.js';
import { tlsOption } from '../../proxy/options/upstream-tls.js';

/** Algorithms with a public key. `none` is in no list, and is never accepted (RFC 8725 section 3.2). */
export const PUBLIC_KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

/** Algorithms with a shared secret. */
export const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const;

const name = string({ type: 'names' });

const oneOrMore = (type: string) => ({
  type,
  takesSecond: (value: unknown) => Array.isArray(value),
});

const claimValue = custom<string | number | boolean, string | number | boolean | undefined>({
  type: 'values',
  schema: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
  read: (check, path, value) => {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    check.problem(path, 'must be a string, a number, true or false');
    return undefined;
  },
});

const addressRule = custom<string, string | undefined>({
  type: 'addresses and CIDR ranges',
  schema: { type: 'string', minLength: 1 },
  read: (check, path, value) =>
    check.parsed(path, value as string | undefined, undefined, (text) => {
      createAddressPolicy({ allow: [text], base: 'public' });
      return text;
    }),
});

/** A JSON Web Key Set (RFC 7517 section 5). */
export interface JwtKeySet {
  keys: readonly Readonly<Record<string, unknown>>[];
}

/** Where the public keys are: a URL, a file, or the keys themselves. */
export type JwtKeys = string | URL | { file: string } | JwtKeySet;

const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export const jwtOptions = {
  /** Who issues the tokens: the exact `iss`, or a list of them. Required. */
  issuer: either(string({}), list(name, {}), {
    ...oneOrMore('text or list of texts'),
    required: true,
    doc: 'Who issues the tokens: the exact `iss`, or a list of them.',
  }),
  /**
   * Whom the tokens are for: a value of `aud`, or a list of which a token must have one. `false` accepts
   * tokens for anybody, among them those that the issuer has made for another service (RFC 8725 section 3.9).
   * Required.
   */
  audience: custom<string | readonly string[] | typeof OFF, readonly string[] | null>({
    type: 'text, list of texts or `false`',
    required: true,
    schema: {
      anyOf: [
        { type: 'string', minLength: 1 },
        { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
        { const: OFF },
      ],
    },
    doc: 'Whom the tokens are for: a value of `aud`, or a list of which a token must have one. `false` accepts tokens for anybody, among them those that the issuer has made for another service (RFC 8725 section 3.9).',
    read: (check, path, value) => {
      if (value === OFF || value === undefined) return null;
      const given = Array.isArray(value)
        ? check.list(path, value, (at, each) => check.string(at, each, ''))
        : [check.string(path, value, '')];
      if (given.length === 0) check.problem(path, 'must have at least one');
      return given;
    },
  }),
  /**
   * The public keys of the issuer as a JSON Web Key Set (RFC 7517): an `https:` URL, `{ file: jwks.json }`,
   * or an object with `keys`. A file is read once, when the policy is created. Required, unless there is a
   * `secret`. Default: none.
   */
  jwks: custom<JwtKeys, JwtKeys | undefined>({
    type: 'URL or object',
    schema: {
      anyOf: [
        { type: 'string', format: 'uri' },
        {
          type: 'object',
          properties: { file: { type: 'string', minLength: 1 } },
          required: ['file'],
          additionalProperties: false,
        },
        {
          type: 'object',
          properties: { keys: { type: 'array', items: { type: 'object' } } },
          required: ['keys'],
        },
      ],
    },
    doc: 'The public keys of the issuer as a JSON Web Key Set (RFC 7517): an `https:` URL, `{ file: jwks.json }`, or an object with `keys`. A file is read once, when the policy is created. Required, unless there is a `secret`.',
    read: (_check, _path, value) => value as JwtKeys | undefined,
  }),
  /**
   * A secret that is shared with the issuer, in UTF-8, in place of `jwks`. At least 32 bytes. Anyone who
   * knows it can make tokens. Default: none.
   */
  secret: string({
    type: 'text',
    doc: 'A secret that is shared with the issuer, in UTF-8, in place of `jwks`. At least 32 bytes. Anyone who knows it can make tokens.',
  }),
  /**
   * Accepted algorithms (`alg`). With `jwks`: any of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384,
   * ES512, EdDSA and Ed25519; the default is all of them, since each key is for one kind. With `secret`:
   * HS256, HS384 or HS512; the default is HS256. `none` is never accepted, and the two kinds cannot be mixed:
   * a token could then be signed with a public key as the secret. Default: those of the keys.
   */
  algorithms: list(oneOf([...PUBLIC_KEY_ALGORITHMS, ...SECRET_ALGORITHMS], {}), {
    type: 'list of algorithms',
    defaultText: 'those of the keys',
    doc: 'Accepted algorithms (`alg`). With `jwks`: any of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA and Ed25519; the default is all of them, since each key is for one kind. With `secret`: HS256, HS384 or HS512; the default is HS256. `none` is never accepted, and the two kinds cannot be mixed: a token could then be signed with a public key as the secret.',
  }),
  /** Difference between the clocks, for `exp` and `nbf`. A token without `exp` is refused. Default: `30s`. */
  clockTolerance: duration({
    default: '30s',
    doc: 'Difference between the clocks, for `exp` and `nbf`. A token without `exp` is refused.',
  }),
  /** The required `typ` of tokens, such as `at+jwt` for access tokens (RFC 9068). Default: any. */
  type: string({
    defaultText: 'any',
    doc: 'The required `typ` of tokens, such as `at+jwt` for access tokens (RFC 9068).',
  }),
  /**
   * Claims that a token must have, each with a value or a list of values of which one must fit. A claim that
   * is a list must contain it; `scope` is a list with spaces. A valid token without them gets 403. Default:
   * none.
   */
  claims: record(either(claimValue, list(claimValue, {}), { ...oneOrMore('value or list of values') }), {
    doc: 'Claims that a token must have, each with a value or a list of values of which one must fit. A claim that is a list must contain it; `scope` is a list with spaces. A valid token without them gets 403.',
  }),
  /** The claim that is the identity. Default: `sub`. */
  identityClaim: string({ default: 'sub', doc: 'The claim that is the identity.' }),
  /**
   * The cookie with the token of requests without `Authorization: Bearer`. Only this cookie is removed before
   * the request is sent on. Default: none.
   */
  cookie: string({
    type: 'name',
    pattern: tokenPattern,
    message: 'must be the name of a cookie',
    doc: 'The cookie with the token of requests without `Authorization: Bearer`. Only this cookie is removed before the request is sent on.',
  }),
  /**
   * The query parameter with the token of requests without `Authorization: Bearer`, such as `access_token`.
   * It is removed before the request is sent on. URLs end up in logs and histories, so use it for short-lived
   * tokens only. Default: none.
   */
  query: string({
    type: 'name',
    pattern: /^[\w.~-]+$/,
    message: 'must be the name of a query parameter',
    doc: 'The query parameter with the token of requests without `Authorization: Bearer`, such as `access_token`. It is removed before the request is sent on. URLs end up in logs and histories, so use it for short-lived tokens only.',
  }),
  /** Appears in the challenge, and in some browsers; printable ASCII. Default: `restricted`. */
  realm: string({
    default: 'restricted',
    doc: 'Appears in the challenge, and in some browsers; printable ASCII.',
  }),
  /** Whether the origin server gets the token. Default: `false`. */
  keepCredentials: boolean({ default: false, doc: 'Whether the origin server gets the token.' }),
  /**
   * Addresses and CIDR ranges that the URL of `jwks` may lead to although they are not public. The check is
   * made on the address that is dialled. An `http:` URL is accepted only for a loopback host that is allowed
   * here. Default: none.
   */
  allowAddresses: list(addressRule, {
    default: [],
    doc: 'Addresses and CIDR ranges that the URL of `jwks` may lead to although they are not public. The check is made on the address that is dialled. An `http:` URL is accepted only for a loopback host that is allowed here.',
  }),
  /** How to reach the URL of `jwks`: `ca`, `cert`, `key`, `servername`. Default: Node's. */
  tls: { ...tlsOption, doc: 'How to reach the URL of `jwks`: `ca`, `cert`, `key`, `servername`.' },
  /** Time to fetch the keys. It cannot be turned off. Default: `5s`. */
  timeout: duration({
    default: '5s',
    min: 1,
    doc: 'Time to fetch the keys. It cannot be turned off.',
  }),
  /** How long fetched keys are used before they are fetched again. Default: `10m`. */
  cacheMaxAge: duration({
    default: '10m',
    min: 1000,
    doc: 'How long fetched keys are used before they are fetched again.',
  }),
  /**
   * The shortest time between two fetches. A token with an unknown key id makes the keys be fetched again,
   * but not more often than this, so that invented tokens cannot flood the issuer. Default: `30s`.
   */
  cooldown: duration({
    default: '30s',
    min: 1000,
    doc: 'The shortest time between two fetches. A token with an unknown key id makes the keys be fetched again, but not more often than this, so that invented tokens cannot flood the issuer.',
  }),
  /**
   * How long keys are still used beyond `cacheMaxAge` while the issuer cannot be reached. Afterwards requests
   * get 503. Default: `24h`.
   */
  staleIfError: duration({
    default: '24h',
    doc: 'How long keys are still used beyond `cacheMaxAge` while the issuer cannot be reached. Afterwards requests get 503.',
  }),
};

export interface JwtOptions extends OptionsOf<typeof jwtOptions> {}
