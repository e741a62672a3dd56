import { describe, expect, test } from 'vitest';
import { clientAddresses } from '../../src/access/client-addresses.js';
import { allOf, anyOf } from '../../src/access/combine.js';
import type { AccessDecision, AccessPolicy, AccessRefusal } from '../../src/access/policy.js';
import { accessRequest } from '../support/access.js';
import { problemsOf } from '../support/problems.js';

const yes = (identity?: string, consumed?: string[]): AccessPolicy => {
  return () => ({ allowed: true, ...(identity && { identity }), ...(consumed && { consumed }) });
};
const refusal = (status: AccessRefusal['status'], challenge?: string | string[]): AccessRefusal => {
  return { allowed: false, status, ...(challenge && { challenge }), reason: String(status) };
};
const no =
  (...refused: Parameters<typeof refusal>): AccessPolicy =>
  async () =>
    refusal(...refused);
const fails: AccessPolicy = () => Promise.reject(new Error('no connection'));
const throws: AccessPolicy = () => {
  throw new Error('no connection');
};
const wrong = (decision: unknown): AccessPolicy => {
  return () => decision as AccessDecision;
};

const asked: string[] = [];
const noted = (name: string, policy: AccessPolicy): AccessPolicy => {
  return (request) => {
    asked.push(name);
    return policy(request);
  };
};

describe('allOf', () => {
  test('lets in whom all let in; the first identity counts, and all that was consumed', async () => {
    const policy = allOf(yes(), yes('anna', ['Authorization']), yes('ci', ['X-Key']));
    expect(await policy(accessRequest())).toEqual({
      allowed: true,
      identity: 'anna',
      consumed: ['Authorization', 'X-Key'],
    });
  });

  test('answers as the first that refuses, and asks no further', async () => {
    asked.length = 0;
    const policy = allOf(noted('a', yes()), noted('b', no(401, 'B')), noted('c', no(403)));
    expect(await policy(accessRequest())).toEqual(refusal(401, 'B'));
    expect(asked).toEqual(['a', 'b']);
  });

  test.each([
    ['rejects', fails, 'no connection'],
    ['throws', throws, 'no connection'],
    ['returns nothing', wrong(undefined), 'no decision'],
    ['returns true', wrong(true), 'no decision'],
    ['says yes in its own way', wrong({ allowed: 'yes' }), 'must be true or false'],
    ['refuses in its own way', wrong({ allowed: false, status: 200, reason: '' }), 'must be 401, 403 or 429'],
  ])('fails where one %s', async (_, policy, message) => {
    await expect(allOf(yes('anna'), policy)(accessRequest())).rejects.toThrow(message);
    await expect(allOf(policy, yes('anna'))(accessRequest())).rejects.toThrow(message);
  });
});

describe('anyOf', () => {
  test('lets in whom one lets in, as that one says, and asks no further', async () => {
    asked.length = 0;
    const policy = anyOf(noted('a', no(401, 'A')), noted('b', yes('anna')), noted('c', yes('ci')));
    expect(await policy(accessRequest())).toEqual({ allowed: true, identity: 'anna' });
    expect(asked).toEqual(['a', 'b']);
  });

  test.each<[string, AccessPolicy[], AccessRefusal['status'], string[]]>([
    ['401 with all challenges', [no(401, 'A'), no(401, ['B', 'C'])], 401, ['A', 'B', 'C']],
    ['401 where credentials could satisfy one', [no(403), no(401, 'A'), no(403, 'X')], 401, ['A']],
    ['403 where they could not', [no(403), no(403, 'X')], 403, ['X']],
    ['429 where there were too many attempts', [no(401, 'A'), no(429), no(403)], 429, []],
  ])('answers %s', async (_, policies, status, challenge) => {
    expect(await anyOf(...policies)(accessRequest())).toMatchObject({ allowed: false, status, challenge });
  });

  test('says in the log why each has refused', async () => {
    expect(await anyOf(no(401, 'A'), no(403))(accessRequest())).toMatchObject({ reason: '401; 403' });
  });

  test.each([
    ['rejects', fails, 'no connection'],
    ['throws', throws, 'no connection'],
    ['returns nothing', wrong(undefined), 'no decision'],
    ['says yes in its own way', wrong({ allowed: 1 }), 'must be true or false'],
  ])('lets nobody in by one that %s, and fails unless another lets in', async (_, policy, message) => {
    await expect(anyOf(policy, no(401, 'A'))(accessRequest())).rejects.toThrow(message);
    await expect(anyOf(no(403), policy)(accessRequest())).rejects.toThrow(message);
    expect(await anyOf(policy, yes('anna'))(accessRequest())).toMatchObject({ identity: 'anna' });
    expect(await anyOf(yes('anna'), policy)(accessRequest())).toMatchObject({ identity: 'anna' });
  });
});

test('one can be part of the other', async () => {
  const inner = allOf(clientAddresses(['192.0.2.0/24']), no(401, 'A'));
  expect(await anyOf(inner, no(403))(accessRequest())).toMatchObject({ status: 401, challenge: ['A'] });
  expect(await allOf(anyOf(no(403), yes('anna')), yes())(accessRequest())).toMatchObject({
    identity: 'anna',
  });
});

test.each([
  ['allOf', allOf],
  ['anyOf', anyOf],
])('%s of nothing, or of what is no policy, is a mistake', (_, combine) => {
  expect(problemsOf(() => combine())).toEqual(['policies must have at least one policy']);
  const mistakes = [yes(), undefined, 'anna'] as AccessPolicy[];
  expect(problemsOf(() => combine(...mistakes))).toEqual([
    'policies[1] is required',
    'policies[2] must be a function, not string',
  ]);
});

describe('addresses', () => {
  const decide = (cidrs: string[], address: string | null) =>
    clientAddresses(cidrs)(accessRequest([], { forwarded: { for: address, host: null, proto: 'http' } }));

  test.each<[string, string]>([
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.0/24', '192.0.2.255'],
    ['2001:db8::/32', '2001:db8:1::1'],
    ['0.0.0.0/0', '192.0.2.7'],
  ])('%s lets in %s', (cidr, address) => {
    expect(decide(['10.0.0.1', cidr], address)).toEqual({ allowed: true });
  });

  test.each<[string, string | null]>([
    ['192.0.2.7', '192.0.2.8'],
    ['192.0.2.0/24', '192.0.3.0'],
    ['0.0.0.0/0', '2001:db8::1'],
    ['::/0', null],
    ['0.0.0.0/0', 'unknown'],
  ])('%s does not let in %s', (cidr, address) => {
    expect(decide([cidr], address)).toMatchObject({ allowed: false, status: 403 });
  });

  test('needs ranges that are some', () => {
    const none = 'cidrs must have at least one address or CIDR range';
    expect(problemsOf(() => clientAddresses([]))).toEqual([none]);
    expect(problemsOf(() => clientAddresses(['10.0.0.0/33', 'unix', '', 'localhost']))).toEqual([
      'cidrs[0] must be an address or a CIDR range, not "10.0.0.0/33"',
      'cidrs[1] must be an address or a CIDR range, not "unix"',
      'cidrs[2] must not be empty',
      'cidrs[3] must be an address or a CIDR range, not "localhost"',
    ]);
    const text: unknown = '10.0.0.0/8';
    expect(problemsOf(() => clientAddresses(text as string[]))[0]).toBe('cidrs must be an array, not string');
  });
});
