import { createHmac, createPublicKey } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { exportSPKI, type JWK, type JWTPayload } from 'jose';
import { beforeAll, describe, expect, vi } from 'vitest';
import { anyOf, bearer } from '../../src/index.js';
import { type JwtOptions, jwt } from '../../src/jwt.js';
import { accessRequest, tokenFile } from '../support/access.js';
import { test } from '../support/fixture.js';
import {
  AUDIENCE,
  ISSUER,
  type IssuerKey,
  inSeconds,
  issuerKey,
  startIssuer,
  token,
} from '../support/jwt-issuer.js';
import type { RequestHead } from '../support/message-head.js';
import { problemsOf } from '../support/problems.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

let key: IssuerKey;
let other: IssuerKey;
let rsa: IssuerKey;

beforeAll(async () => {
  [key, other, rsa] = await Promise.all([issuerKey('k1'), issuerKey('k2'), issuerKey('r1', 'RS256')]);
});

const keysOf = (...keys: IssuerKey[]): { keys: JWK[] } => ({ keys: keys.map(({ jwk }) => jwk) });
const rules = (options: Partial<JwtOptions> = {}): JwtOptions => ({
  issuer: ISSUER,
  audience: AUDIENCE,
  jwks: keysOf(key, rsa),
  ...options,
});
const secret = 'a secret of at least thirty-two bytes';
const withToken = (text: string) => accessRequest(['Authorization', `Bearer ${text}`]);
const decide = (text: string, options: Partial<JwtOptions> = {}) => jwt(rules(options))(withToken(text));
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const claims = (): JWTPayload => ({ iss: ISSUER, aud: AUDIENCE, sub: 'anna', exp: inSeconds(600) });

/** Signs a token by HMAC with any bytes as the secret. */
function hmacToken(bytes: string | Buffer, header: Record<string, unknown> = {}): string {
  const signed = `${encode({ alg: 'HS256', ...header })}.${encode(claims())}`;
  return `${signed}.${createHmac('sha256', bytes).update(signed).digest('base64url')}`;
}

describe('a JSON Web Token', () => {
  test('of the issuer, for the audience, gives access and the identity [RFC 7519 4.1]', async () => {
    for (const each of [key, rsa]) {
      expect(await decide(await token(each))).toEqual({
        allowed: true,
        identity: 'anna',
        consumed: ['Authorization'],
      });
    }
    expect(await decide(await token(key, { aud: ['other', AUDIENCE] }))).toMatchObject({ allowed: true });
    expect(await decide(await token(key), { issuer: ['https://a.test', ISSUER] })).toMatchObject({
      allowed: true,
    });
    expect(await decide(await token(key, { email: 'a@b.test' }), { identityClaim: 'email' })).toMatchObject({
      identity: 'a@b.test',
    });
  });

  test.for<[string, (key: IssuerKey) => Promise<string> | string, Partial<JwtOptions>?]>([
    ['has expired', (k) => token(k, { exp: inSeconds(-60) })],
    ['never expires', (k) => token(k, { exp: undefined })],
    ['is not valid yet', (k) => token(k, { nbf: inSeconds(60) })],
    ['is of another issuer', (k) => token(k, { iss: 'https://issuer.test/' })],
    ['names no issuer', (k) => token(k, { iss: undefined })],
    ['is for another audience', (k) => token(k, { aud: 'other' })],
    ['names no audience', (k) => token(k, { aud: undefined })],
    ['is signed by another key with the same id', async () => token({ ...(await issuerKey('k1')) })],
    ['has a key id that is not known', () => token(other)],
    [
      'was changed',
      async (k) => (await token(k)).replace(/\.[^.]+\./, `.${encode({ ...claims(), sub: 'root' })}.`),
    ],
    ['is not signed', () => `${encode({ alg: 'none' })}.${encode(claims())}.`],
    ['is not signed, in other letters', () => `${encode({ alg: 'nOnE', kid: 'k1' })}.${encode(claims())}.`],
    ['has an empty signature', () => `${encode({ alg: 'ES256', kid: 'k1' })}.${encode(claims())}.`],
    ['needs an extension that is not known', (k) => token(k, {}, { crit: ['x'], x: 1 })],
    ['is no token', () => 'abc'],
    ['has a payload that is no object', () => `${encode({ alg: 'ES256', kid: 'k1' })}.${encode('text')}.aa`],
    ['is of another type', (k) => token(k, {}, { typ: 'JWT' }), { type: 'at+jwt' }],
    ['is signed by an algorithm that is not listed', (k) => token(k), { algorithms: ['RS256'] }],
    ['has an identity that is no text', (k) => token(k, { sub: ['a'] as never })],
    ['has an identity with a line break', (k) => token(k, { sub: 'a\nb' })],
  ])('that %s gets 401 with error="invalid_token" [RFC 6750 3.1; RFC 8725 3]', async ([, make, options]) => {
    expect(await decide(await make(key), options)).toMatchObject({
      allowed: false,
      status: 401,
      challenge: 'Bearer realm="restricted", error="invalid_token"',
    });
  });

  test('cannot be signed with a public key as the secret [RFC 8725 3.1; CVE-2015-9235]', async () => {
    const pem = createPublicKey({ key: rsa.jwk as never, format: 'jwk' });
    const spki = await exportSPKI(
      await crypto.subtle.importKey(
        'jwk',
        rsa.jwk as never,
        { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
        true,
        ['verify'],
      ),
    );
    const texts = [spki, spki.trim(), pem.export({ type: 'spki', format: 'der' }), JSON.stringify(rsa.jwk)];
    for (const text of texts) {
      for (const header of [{ kid: 'r1' }, {}])
        expect(await decide(hmacToken(text, header))).toMatchObject({ allowed: false, status: 401 });
    }
  });

  test('cannot bring its own key [RFC 8725 3.5]', async () => {
    const forged = { ...other, kid: 'k1' };
    for (const header of [
      { jwk: other.jwk },
      { jku: 'http://127.0.0.1/keys' },
      { jwk: other.jwk, kid: undefined },
    ])
      expect(await decide(await token(forged, {}, header))).toMatchObject({ allowed: false, status: 401 });
  });

  test('without a key id is compared with every key that fits [RFC 7515 4.1.4]', async () => {
    const both = keysOf(other, key);
    expect(await decide(await token(key, {}, { kid: undefined }), { jwks: both })).toMatchObject({
      allowed: true,
    });
    const third = await issuerKey('k3');
    expect(await decide(await token(third, {}, { kid: undefined }), { jwks: both })).toMatchObject({
      status: 401,
    });
  });

  test('may be a little late, by clockTolerance and no more [RFC 7519 4.1.4]', async () => {
    const late = await token(key, { exp: inSeconds(-20) });
    expect(await decide(late)).toMatchObject({ allowed: true });
    expect(await decide(late, { clockTolerance: '5s' })).toMatchObject({ allowed: false });
  });

  test('of a shared secret is accepted with that secret only [RFC 7518 3.2]', async () => {
    const shared = { jwks: undefined, secret } as unknown as Partial<JwtOptions>;
    expect(await decide(hmacToken(secret), shared)).toMatchObject({ allowed: true, identity: 'anna' });
    expect(await decide(hmacToken(`${secret}.`), shared)).toMatchObject({ allowed: false, status: 401 });
    expect(await decide(await token(key), shared)).toMatchObject({ allowed: false, status: 401 });
    expect(await decide(hmacToken(secret, { alg: 'HS512' }), shared)).toMatchObject({ allowed: false });
  });

  test('without the required claims gets 403 with error="insufficient_scope" [RFC 6750 3.1]', async () => {
    const wanted = { claims: { scope: 'files:read', groups: ['staff', 'admin'] } };
    const fine = { scope: 'a files:read b', groups: ['users', 'admin'] };
    expect(await decide(await token(key, fine), wanted)).toMatchObject({ allowed: true });
    expect(await decide(await token(key, { ...fine, groups: 'staff' }), wanted)).toMatchObject({
      allowed: true,
    });
    for (const [bad, challenge] of [
      [
        { ...fine, scope: 'files:readall' },
        'Bearer realm="restricted", error="insufficient_scope", scope="files:read"',
      ],
      [{ ...fine, groups: [] }, 'Bearer realm="restricted", error="insufficient_scope"'],
      [{ scope: 'files:read' }, 'Bearer realm="restricted", error="insufficient_scope"'],
    ] as const)
      expect(await decide(await token(key, bad), wanted)).toMatchObject({
        allowed: false,
        status: 403,
        challenge,
      });
    expect(await decide(await token(key), { claims: { toString: 'a' } })).toMatchObject({ status: 403 });
  });

  test('that is missing gets 401 without an error, and other schemes are left to other policies [RFC 6750 3]', async () => {
    const policy = jwt(rules());
    for (const request of [accessRequest(), accessRequest(['Authorization', 'Basic YTpi'])])
      expect(await policy(request)).toMatchObject({ status: 401, challenge: 'Bearer realm="restricted"' });
    const either = anyOf(bearer({ aaaaaaaaaaaaaaaa: 'ci' }), policy);
    expect(await either(withToken(await token(key)))).toMatchObject({ allowed: true, identity: 'anna' });
    expect(await either(withToken('aaaaaaaaaaaaaaaa'))).toMatchObject({ allowed: true, identity: 'ci' });
  });

  test('can come in a cookie or the query, and only it is removed there [RFC 6265 5.4]', async () => {
    const text = await token(key);
    const policy = jwt(rules({ cookie: 'session', query: 'access_token' }));
    expect(await policy(accessRequest(['Cookie', `a=1; session=${text}`, 'Cookie', 'b=2']))).toMatchObject({
      allowed: true,
      headers: { Cookie: 'a=1; b=2' },
    });
    expect(await policy(accessRequest(['Cookie', `session="${text}"`]))).toMatchObject({
      consumed: ['Cookie'],
    });
    expect(await policy(accessRequest([], { query: `a=1&access_token=${text}&b` }))).toMatchObject({
      allowed: true,
      query: 'a=1&b',
    });
    expect(await policy(accessRequest([], { query: `access_token=${text}` }))).toMatchObject({ query: null });
    // Without the options, neither is read.
    const plain = jwt(rules());
    expect(await plain(accessRequest(['Cookie', `session=${text}`]))).toMatchObject({ status: 401 });
    expect(await plain(accessRequest([], { query: `access_token=${text}` }))).toMatchObject({ status: 401 });
    // The origin server could use the other one.
    const twice = accessRequest(['Cookie', `session=${text}; session=x`]);
    expect(await policy(twice)).toMatchObject({
      status: 401,
      challenge: expect.stringContaining('invalid_request') as string,
    });
  });

  test('reaches the origin server only if keepCredentials is set [Sluiceway]', async ({ net }) => {
    const text = await token(key);
    for (const keepCredentials of [false, true]) {
      let seen: RequestHead | undefined;
      const { client, running } = await through(
        net,
        respondWith((head) => {
          seen = head;
          return sized('');
        }),
        { access: jwt(rules({ cookie: 'session', query: 'access_token', keepCredentials })) },
      );
      await client.get('/', [`Authorization: Bearer ${text}`]);
      await client.readResponse();
      expect(seen?.has('authorization')).toBe(keepCredentials);
      await client.get('/', [`Cookie: a=1; session=${text}`]);
      await client.readResponse();
      expect(seen?.get('cookie')).toBe(keepCredentials ? `a=1; session=${text}` : 'a=1');
      await client.get(`/?a=1&access_token=${text}`);
      await client.readResponse();
      expect(seen?.target).toBe(keepCredentials ? `/?a=1&access_token=${text}` : '/?a=1');
      expect((await running.record()).identity).toBe('anna');
    }
  });
});

describe('a key set at a URL', () => {
  const remote = (url: string, options: Partial<JwtOptions> = {}) =>
    jwt(rules({ jwks: url, allowAddresses: ['127.0.0.1'], ...options }));

  test('is fetched once for all requests that wait for it, and then cached [RFC 7517 5]', async ({ net }) => {
    const issuer = await startIssuer(net, [key]);
    const policy = remote(`${issuer.url}/keys?a=1`);
    expect(issuer.seen).toHaveLength(0);
    const text = await token(key);
    const decisions = await Promise.all([1, 2, 3].map(async () => policy(withToken(text))));
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, true]);
    expect(issuer.seen.map(({ url }) => url)).toEqual(['/keys?a=1']);
  });

  test('is fetched again for an unknown key id, but only once in a while [RFC 7517 4.5]', async ({ net }) => {
    vi.useFakeTimers({ toFake: ['performance'] });
    net.cleanup(() => vi.useRealTimers());
    const issuer = await startIssuer(net, [key]);
    const policy = remote(issuer.url);
    await policy(withToken(await token(key)));
    issuer.keys = [other];
    // Within the cooldown.
    for (let i = 0; i < 5; i += 1)
      expect(await policy(withToken(await token(other)))).toMatchObject({ status: 401 });
    expect(issuer.seen).toHaveLength(1);
    vi.advanceTimersByTime(30_000);
    expect(await policy(withToken(await token(other)))).toMatchObject({ allowed: true });
    expect(issuer.seen).toHaveLength(2);
    // The old key is gone.
    expect(await policy(withToken(await token(key)))).toMatchObject({ status: 401 });
    expect(issuer.seen).toHaveLength(2);
  });

  test('is fetched again when it is old [RFC 8725 3.1]', async ({ net }) => {
    vi.useFakeTimers({ toFake: ['performance'] });
    net.cleanup(() => vi.useRealTimers());
    const issuer = await startIssuer(net, [key, other]);
    const policy = remote(issuer.url, { cacheMaxAge: '5m' });
    const text = await token(key);
    expect(await policy(withToken(text))).toMatchObject({ allowed: true });
    issuer.keys = [other];
    vi.advanceTimersByTime(299_000);
    expect(await policy(withToken(text))).toMatchObject({ allowed: true });
    vi.advanceTimersByTime(2_000);
    expect(await policy(withToken(text))).toMatchObject({ status: 401 });
    expect(issuer.seen).toHaveLength(2);
  });

  test('is used while the issuer is down, and not forever [RFC 5861 4]', async ({ net }) => {
    vi.useFakeTimers({ toFake: ['performance'] });
    net.cleanup(() => vi.useRealTimers());
    const issuer = await startIssuer(net, [key]);
    const policy = remote(issuer.url, { cacheMaxAge: '5m', staleIfError: '1h' });
    const text = await token(key);
    expect(await policy(withToken(text))).toMatchObject({ allowed: true });
    issuer.answer = (response) => void response.writeHead(500).end();
    vi.advanceTimersByTime(6 * 60_000);
    expect(await policy(withToken(text))).toMatchObject({ allowed: true });
    expect(issuer.seen).toHaveLength(2);
    // Not asked again within the cooldown.
    expect(await policy(withToken(text))).toMatchObject({ allowed: true });
    expect(issuer.seen).toHaveLength(2);
    vi.advanceTimersByTime(60 * 60_000);
    await expect(policy(withToken(text))).rejects.toMatchObject({ status: 503 });
    issuer.answer = null;
    vi.advanceTimersByTime(60_000);
    expect(await policy(withToken(text))).toMatchObject({ allowed: true });
  });

  test.for<[string, (response: ServerResponse) => void]>([
    ['answers 500', (response) => void response.writeHead(500).end('{"keys":[]}')],
    ['redirects', (response) => void response.writeHead(302, { Location: '/other' }).end()],
    ['sends no JSON', (response) => void response.end('<html>')],
    ['sends JSON without keys', (response) => void response.end('[]')],
    [
      'sends more than a key set has',
      (response) => void response.end(`{"keys":[],"a":"${'a'.repeat(300_000)}"}`),
    ],
    [
      'sends too many keys',
      (response) =>
        void response.end(JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) })),
    ],
    [
      'breaks off',
      (response) => {
        response.writeHead(200, { 'Content-Length': 10 });
        response.write('{', () => response.socket?.destroy());
      },
    ],
    ['does not answer in time', () => {}],
  ])('lets nobody in, with 503, if the issuer %s [Sluiceway]', async ([, answer], { net }) => {
    const issuer = await startIssuer(net, [key]);
    issuer.answer = answer;
    const { client, origin } = await through(net, respondWith(sized('')), {
      access: remote(issuer.url, { timeout: '300ms' }),
    });
    await client.get('/', [`Authorization: Bearer ${await token(key)}`]);
    const { head, content } = await client.readResponse();
    expect([head.status, head.has('retry-after'), origin.total]).toEqual([503, true, 0]);
    expect(content.toString()).not.toMatch(/127\.0\.0\.1/);
    // The second request does not ask again within the cooldown.
    await client.get('/', [`Authorization: Bearer ${await token(key)}`]);
    expect((await client.readResponse()).head.status).toBe(503);
    expect(issuer.seen).toHaveLength(1);
  });

  test('is not fetched for requests without a token [Sluiceway]', async ({ net }) => {
    const issuer = await startIssuer(net, [key]);
    const policy = remote(issuer.url);
    await policy(accessRequest());
    await policy(withToken('abc'));
    expect(issuer.seen).toHaveLength(0);
  });

  test('may have secrets and private keys of others, which are ignored [RFC 7517 5]', async ({ net }) => {
    const issuer = await startIssuer(net, [key]);
    issuer.answer = (response) =>
      void response.end(
        JSON.stringify({
          keys: [{ kty: 'oct', k: Buffer.from(secret).toString('base64url'), kid: 's1' }, key.jwk],
        }),
      );
    const policy = remote(issuer.url);
    expect(await policy(withToken(await token(key)))).toMatchObject({ allowed: true });
    expect(await policy(withToken(hmacToken(secret, { kid: 's1' })))).toMatchObject({ status: 401 });
  });

  test('leads to public addresses only, unless others are allowed [Sluiceway]', async ({ net }) => {
    const issuer = await startIssuer(net, [key]);
    const { port } = new URL(issuer.url);
    const https = jwt(rules({ jwks: `https://localhost:${port}/` }));
    await expect(https(withToken(await token(key)))).rejects.toMatchObject({
      code: 'destination_ip_prohibited',
      status: 503,
    });
    const elsewhere = jwt(rules({ jwks: issuer.url, allowAddresses: ['10.0.0.1'] }));
    await expect(elsewhere(withToken(await token(key)))).rejects.toMatchObject({ status: 503 });
    expect(issuer.connections).toBe(0);
  });
});

describe('wrong options', () => {
  test('are reported with their paths [Sluiceway]', () => {
    const problems = (options: object) => problemsOf(() => jwt({ ...rules(), ...options }));
    expect(problems({ issuer: undefined, audience: undefined })).toEqual([
      'issuer is required',
      'audience is required',
    ]);
    expect(problems({ jwks: undefined })).toEqual(['jwks is required, unless there is a secret']);
    expect(problems({ secret })).toEqual(['secret must not be given together with jwks']);
    expect(problems({ jwks: undefined, secret: 'short' })).toEqual([
      'secret must have at least 32 bytes (RFC 7518 section 3.2)',
    ]);
    expect(problems({ algorithms: ['none'] })[0]).toMatch(/^algorithms\[0\] must be one of/);
    expect(problems({ algorithms: ['ES256', 'HS256'] })).toEqual(['algorithms[1] is not for a public key']);
    expect(problems({ jwks: undefined, secret, algorithms: ['RS256'] })).toEqual([
      'algorithms[0] is not for a secret',
    ]);
    expect(problems({ algorithms: [] })).toEqual(['algorithms must have at least one']);
    for (const jwks of ['http://issuer.test/', 'http://10.0.0.1/', 'http://127.0.0.1/'])
      expect(problems({ jwks })).toEqual([
        'jwks must be an https: URL, or http: to a loopback host that allowAddresses allows',
      ]);
    expect(problems({ jwks: 'file:///a' })[0]).toMatch(/^jwks must/);
    expect(problems({ jwks: { file: '/nowhere' } })).toEqual([
      'jwks names a file that cannot be read: ENOENT',
    ]);
    expect(problems({ jwks: { keys: [{ kty: 'oct', k: 'AA' }] } })).toEqual([
      'jwks must have public keys only',
    ]);
    expect(problems({ audience: [] })).toEqual(['audience must have at least one']);
    expect(problems({ claims: { a: {} } })).toHaveLength(1);
    expect(problems({ audience: false })).toEqual([]);
  });

  test('a key set in a file is read and checked [Sluiceway]', async () => {
    const file = tokenFile(JSON.stringify(keysOf(key)));
    expect(await jwt(rules({ jwks: { file } }))(withToken(await token(key)))).toMatchObject({
      allowed: true,
    });
    const bad = tokenFile('no json');
    expect(problemsOf(() => jwt(rules({ jwks: { file: bad } })))).toEqual([
      'jwks must be a JSON Web Key Set, which is JSON',
    ]);
  });
});
