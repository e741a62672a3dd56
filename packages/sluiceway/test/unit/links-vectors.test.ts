import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createLinks, type GrantOptions, type Key } from '../../src/gateway.js';
import { anyUse } from '../support/grants.js';

/** Made by a program that shares nothing with the library. */
interface Vectors {
  keys: Key[];
  links: {
    name: string;
    key: string;
    parameters: Record<string, string>;
    signed: string;
    signature: string;
  }[];
  refused: { name: string; query: string }[];
  encrypted: { name: string; key: string; grant: Record<string, unknown>; token: string }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../../docs/signing-vectors.json', import.meta.url), 'utf8'),
) as Vectors;
const links = createLinks({ keys: vectors.keys });

// Before the links end, which are not to be signed for more than ten years.
beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2030, 0, 1) }));
afterAll(() => void vi.useRealTimers());

/** The grant that has these parameters. */
function toGrant(parameters: Readonly<Record<string, string>>): GrantOptions {
  const { url = '', expires, filename, disposition, methods, rate, client } = parameters;
  return {
    url,
    expires: new Date(Number(expires) * 1000),
    ...(filename && { filename }),
    ...(parameters['mirrors'] && { mirrors: parameters['mirrors'].split(' ') }),
    ...(parameters['digest'] && { digest: parameters['digest'] }),
    ...(disposition && { disposition: disposition as 'inline' }),
    ...(parameters['content-type'] && { contentType: parameters['content-type'] }),
    ...(methods && { methods: methods.split(',') }),
    ...(parameters['max-bytes'] && { maxBytes: Number(parameters['max-bytes']) }),
    ...(rate && { rate: Number(rate) }),
    ...(client && { clientIp: client }),
    ...(parameters['single-use'] && { singleUse: true }),
  };
}

test('there are enough of them', () => {
  expect(vectors.links.length).toBeGreaterThanOrEqual(20);
  expect(vectors.refused.length).toBeGreaterThanOrEqual(20);
});

describe('a link that another program has signed', () => {
  test.each(vectors.links)(
    'is read and permits what it says: $name',
    ({ key, parameters, signed, signature }) => {
      const { grant, key: usedKey } = links.read(`/download?${signed}&signature=${signature}`);
      expect(usedKey).toBe(key);
      expect(grant).toMatchObject({ ...toGrant(parameters), expires: Number(parameters['expires']) });
    },
  );

  // What is said in words though it is the default is not what we would write; ten years is as long as we sign.
  const ours = vectors.links.filter(({ name }) => !/default said in words|last second/.test(name));
  test.each(ours)(
    'is to the letter what we would have signed: $name',
    ({ key, parameters, signed, signature }) => {
      const keys = vectors.keys.filter(({ id }) => id === key);
      const link = createLinks({ keys, form: 'signed' }).sign(toGrant(parameters));
      expect(link.split('?')[1]).toBe(`${signed}&signature=${signature}`);
    },
  );

  test.each(vectors.refused)('is refused where it has $name', ({ query }) => {
    expect(() => links.verify(`/download?${query}`, anyUse)).toThrow(
      expect.objectContaining({ code: 'link_invalid', status: 403 }),
    );
  });
});

test.each(vectors.encrypted)(
  'an encrypted link of another program is read: $name',
  ({ key, grant, token }) => {
    const read = links.read(`/download?link=${token}`);
    expect(read).toMatchObject({ key, grant });
  },
);
