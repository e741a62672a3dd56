import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import { type BalancedRequest, parseHashKey } from '../../src/upstream/group/choose/hash-key.js';
import { fewestBytes, fewestTransfers } from '../../src/upstream/group/choose/least.js';
import { randomOfTwo } from '../../src/upstream/group/choose/random-of-two.js';
import { rendezvous } from '../../src/upstream/group/choose/rendezvous.js';
import { roundRobin } from '../../src/upstream/group/choose/round-robin.js';
import { highestThroughput } from '../../src/upstream/group/choose/throughput.js';
import { hashText } from '../../src/upstream/group/server.js';

const server = (
  name: string,
  changes: { weight?: number; transfers?: number; bytesInFlight?: number } = {},
) => ({
  name,
  share: changes.weight ?? 1,
  transfers: 0,
  bytesInFlight: 0,
  turn: 0,
  hash: hashText(name),
  ...changes,
});

type Named = ReturnType<typeof server>;

const UNRATED = { bytesPerSecond: null };

const namesOf = (count: number, choose: () => Named): string[] =>
  Array.from({ length: count }, () => choose().name);

const sharesOf = (names: readonly string[]): Record<string, number> =>
  Object.fromEntries([...new Set(names)].map((name) => [name, names.filter((each) => each === name).length]));

describe('round robin', () => {
  test('takes equal servers in turn [Caddy; nginx]', () => {
    const servers = ['a', 'b', 'c'].map((name) => server(name));
    expect(namesOf(7, () => roundRobin(servers)).join('')).toBe('abcabca');
  });

  test('spreads the turns of a heavy server [nginx]', () => {
    const servers = [server('a', { weight: 5 }), server('b'), server('c')];
    expect(namesOf(7, () => roundRobin(servers)).join('')).toBe('aabacaa');
  });

  test('gives weights 3, 2 and 1 exactly their shares [Caddy]', () => {
    const servers = [server('a', { weight: 3 }), server('b', { weight: 2 }), server('c')];
    expect(sharesOf(namesOf(6, () => roundRobin(servers)))).toEqual({ a: 3, b: 2, c: 1 });
  });
});

describe('the least loaded server', () => {
  test('is that with the fewest transfers for its weight [Envoy; HAProxy]', () => {
    const servers = [
      server('a', { transfers: 2 }),
      server('b', { transfers: 5, weight: 4 }),
      server('c', { transfers: 3 }),
    ];
    expect(fewestTransfers(servers).name).toBe('b');
  });

  test('is each of equal ones at random [Caddy]', () => {
    const servers = ['a', 'b', 'c'].map((name) => server(name, { transfers: 1 }));
    const chosen = [0.99, 0.4, 0].map((random) => fewestTransfers(servers, () => random).name);
    expect(chosen).toEqual(['c', 'b', 'a']);
  });

  test('is that with the fewest bytes in flight, and small files count as transfers [Sluiceway]', () => {
    const large = { bytesInFlight: 9e6, transfers: 1 };
    expect(fewestBytes([server('a', large), server('b', { bytesInFlight: 4e6, transfers: 8 })]).name).toBe(
      'b',
    );
    const small = { bytesInFlight: 900, transfers: 1 };
    expect(fewestBytes([server('a', small), server('b', { transfers: 2 })]).name).toBe('a');
    expect(fewestBytes([server('a', { transfers: 2 }), server('b', { transfers: 1 })]).name).toBe('b');
  });

  test.each([
    ['transfers', (servers: Named[]) => fewestTransfers(servers)],
    ['bytes', (servers: Named[]) => fewestBytes(servers)],
    ['rates', (servers: Named[]) => highestThroughput(servers.map((each) => Object.assign(each, UNRATED)))],
  ] as const)('is one of the idle ones in turn, by weight, where %s are compared [nginx]', (_, choose) => {
    const weighted = ['a', 'b', 'c'].map((name, index) => server(name, { weight: 2 ** index }));
    expect(sharesOf(namesOf(70, () => choose(weighted)))).toEqual({ a: 10, b: 20, c: 40 });
    const busy = server('busy', { transfers: 1 });
    expect(sharesOf(namesOf(70, () => choose([...weighted, busy])))).toEqual({ a: 10, b: 20, c: 40 });
  });

  test('of two random ones that are idle is decided by the weights alone [HAProxy]', () => {
    const weighted = ['a', 'b', 'c'].map((name, index) => server(name, { weight: 2 ** index }));
    // The first number chooses a server, and the second one the other.
    for (const [first, name] of [
      [0.1, 'a'],
      [0.3, 'b'],
      [0.9, 'c'],
    ] as const) {
      const draws = [first, 0.99];
      expect(randomOfTwo(weighted, () => draws.shift() ?? 0).name).toBe(name);
    }
  });

  test('of two random ones has fewer transfers, and the weights decide which two [Envoy]', () => {
    const servers = [
      server('a', { transfers: 3 }),
      server('b', { transfers: 1 }),
      server('c', { transfers: 2 }),
    ];
    const draws = [0, 0.99];
    expect(randomOfTwo(servers, () => draws.shift() ?? 0).name).toBe('c');
    const heavy = [server('a', { weight: 98 }), server('b'), server('c')];
    const chosen = namesOf(1000, () => randomOfTwo(heavy));
    expect(sharesOf(chosen)['a']).toBeGreaterThan(900);
    expect(randomOfTwo([server('only')]).name).toBe('only');
  });

  test.for([1, 4, 8, 16, 64])(
    'of two random ones gives weights their shares, with %i transfers at a time [HAProxy]',
    (atOnce) => {
      // A linear congruential generator, so that each run is the same (Numerical Recipes).
      let state = 1;
      const random = (): number => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state / 2 ** 32;
      };
      const servers = ['a', 'b', 'c'].map((name, index) => server(name, { weight: 2 ** index }));
      const running: Named[] = [];
      const names = namesOf(20_000, () => {
        // One of the running transfers ends, whichever it is.
        const [ended] = running.length < atOnce ? [] : running.splice(Math.floor(random() * atOnce), 1);
        if (ended !== undefined) ended.transfers -= 1;
        const chosen = randomOfTwo(servers, random);
        chosen.transfers += 1;
        running.push(chosen);
        return chosen;
      });
      const { a = 0, b = 0, c = 0 } = sharesOf(names);
      for (const [share, weight] of [
        [a, 1],
        [b, 2],
        [c, 4],
      ] as const)
        expect(Math.abs(share / names.length - weight / 7)).toBeLessThan(0.02);
    },
  );
});

describe('rendezvous hashing', () => {
  const keys = Array.from({ length: 3000 }, (_, index) => `/files/${index}`);
  const servers = ['http://10.0.0.1:80', 'http://10.0.0.2:80', 'http://10.0.0.3:80'].map((name) =>
    server(name),
  );

  test('gives each server about the same number of keys [Envoy; Caddy]', () => {
    for (const count of Object.values(sharesOf(keys.map((key) => rendezvous(servers, key).name))))
      expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  test('moves only the keys of a server that leaves [Caddy]', () => {
    const without = servers.slice(1);
    const moved = keys.filter((key) => rendezvous(servers, key) !== rendezvous(without, key));
    expect(moved.every((key) => rendezvous(servers, key) === servers[0])).toBe(true);
    const shares = Object.values(sharesOf(moved.map((key) => rendezvous(without, key).name)));
    expect(shares).toHaveLength(2);
  });

  test('gives a server with a weight its share of the keys [Envoy]', () => {
    const weighted = servers.map((each, index) => ({ ...each, share: 2 ** index }));
    const shares = sharesOf(keys.map((key) => rendezvous(weighted, key).name));
    for (const { name, share } of weighted)
      expect(Math.abs((shares[name] ?? 0) / keys.length - share / 7)).toBeLessThan(0.03);
  });
});

describe('the key of a request', () => {
  const request: BalancedRequest = {
    method: 'GET',
    path: '/a',
    query: 'x=1&user=u%201',
    headers: new Fields(['X-Tenant', 't', 'Cookie', 'a=1; session=s=2', 'cookie', 'b=3']),
    forwarded: { for: '192.0.2.1' },
  };

  test.each([
    ['path', '/a'],
    ['uri', '/a?x=1&user=u%201'],
    ['client', '192.0.2.1'],
    ['header:x-tenant', 't'],
    ['header:x-other', null],
    ['cookie:session', 's=2'],
    ['cookie:b', '3'],
    ['cookie:c', null],
    ['query:user', 'u 1'],
    ['query:none', null],
  ])('%s is %s [Caddy]', (text, key) => {
    expect(parseHashKey(text)(request)).toBe(key);
  });

  test.each(['', 'ip', 'header', 'header:', 'header:a b', 'path:x', 'cookie:a;b'])(
    '%j is refused [Sluiceway]',
    (text) => {
      expect(() => parseHashKey(text)).toThrow(TypeError);
    },
  );
});

describe('the choice by throughput', () => {
  const rated = (name: string, bytesPerSecond: number | null, transfers = 0) => ({
    ...server(name, { transfers }),
    bytesPerSecond,
  });

  test('takes the server that promises one more transfer the highest rate [Sluiceway]', () => {
    expect(highestThroughput([rated('a', 100), rated('b', 900), rated('c', 500)]).name).toBe('b');
    // One transfer has 900: two would have 450 each.
    expect(highestThroughput([rated('b', 900, 1), rated('c', 500)]).name).toBe('c');
  });

  test('tries an idle server whose rate is unknown, with one transfer at a time [Sluiceway]', () => {
    expect(highestThroughput([rated('a', 900), rated('b', null)]).name).toBe('b');
    expect(highestThroughput([rated('a', 900), rated('b', null, 1)]).name).toBe('a');
  });
});
