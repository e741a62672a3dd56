import { describe, expect } from 'vitest';
import { BoundedMap } from '../../src/access/bounded-map.js';
import type { PasswordHash } from '../../src/access/password-hash.js';
import { Passwords } from '../../src/access/passwords.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { StoppedTime } from '../support/stopped-time.js';

/** A hash of which a test sees what it is compared with. */
class SeenHash implements PasswordHash {
  readonly compared: string[] = [];
  /** Comparisons that go on at the same time, at most. */
  static most = 0;
  static #now = 0;
  readonly #password: string;
  readonly #gate: Gate | undefined;

  constructor(password: string, gate?: Gate) {
    this.#password = password;
    this.#gate = gate;
  }

  async matches(password: string): Promise<boolean> {
    this.compared.push(password);
    SeenHash.#now += 1;
    SeenHash.most = Math.max(SeenHash.most, SeenHash.#now);
    await (this.#gate?.opened ?? Promise.resolve());
    SeenHash.#now -= 1;
    return password === this.#password;
  }
}

function passwordsOf(net: Network, ...hashes: [string, PasswordHash][]) {
  return { time: new StoppedTime(net), passwords: new Passwords(new Map(hashes)) };
}

describe('a password that was right', () => {
  test('is not computed again, until nobody has used it for five minutes', async ({ net }) => {
    const hash = new SeenHash('pw');
    const { passwords, time } = passwordsOf(net, ['anna', hash]);
    for (let i = 0; i < 5; i += 1) {
      expect(await passwords.verify('anna', 'pw', '')).toBe('right');
      await time.pass(299_000);
    }
    expect(hash.compared).toEqual(['pw']);
    await time.pass(1_001);
    expect(await passwords.verify('anna', 'pw', '')).toBe('right');
    expect(hash.compared).toEqual(['pw', 'pw']);
  });

  test('is not that of somebody else, nor another one of the same user', async ({ net }) => {
    const [anna, ben] = [new SeenHash('pw'), new SeenHash('other')];
    const { passwords } = passwordsOf(net, ['anna', anna], ['ben', ben]);
    expect(await passwords.verify('anna', 'pw', '')).toBe('right');
    expect(await passwords.verify('ben', 'pw', '')).toBe('wrong');
    expect(await passwords.verify('anna', 'p', '')).toBe('wrong');
    expect(await passwords.verify('ann', 'apw', '')).toBe('wrong');
  });

  test('costs no attempt, however often it comes', async ({ net }) => {
    const { passwords, time } = passwordsOf(net, ['anna', new SeenHash('pw')]);
    for (let i = 0; i < 20; i += 1) {
      expect(await passwords.verify('anna', 'pw', 'client')).toBe('right');
      await time.pass(300_001);
    }
    for (let i = 0; i < 10; i += 1) expect(await passwords.verify('anna', String(i), 'client')).toBe('wrong');
  });
});

test('a password that was wrong is computed each time', async ({ net }) => {
  const hash = new SeenHash('pw');
  const { passwords } = passwordsOf(net, ['anna', hash]);
  for (let i = 0; i < 2; i += 1) expect(await passwords.verify('anna', 'no', '')).toBe('wrong');
  expect(hash.compared).toEqual(['no', 'no']);
});

describe('many at once', () => {
  test('are computed one after the other', async ({ net }) => {
    const gate = new Gate();
    const hashes = ['anna', 'ben', 'cleo'].map((user): [string, SeenHash] => [
      user,
      new SeenHash('pw', gate),
    ]);
    const { passwords } = passwordsOf(net, ...hashes);
    SeenHash.most = 0;
    const verdicts = hashes.map(([user]) => passwords.verify(user, 'pw', ''));
    gate.open();
    expect(await Promise.all(verdicts)).toEqual(['right', 'right', 'right']);
    expect(SeenHash.most).toBe(1);
  });

  test('with the same user and password are computed once, and cost one attempt', async ({ net }) => {
    const gate = new Gate();
    const hash = new SeenHash('pw', gate);
    const { passwords } = passwordsOf(net, ['anna', hash]);
    const verdicts = Array.from({ length: 50 }, () => passwords.verify('anna', 'no', 'client'));
    gate.open();
    expect(new Set(await Promise.all(verdicts))).toEqual(new Set(['wrong']));
    expect(hash.compared).toEqual(['no']);
    for (let i = 0; i < 9; i += 1) expect(await passwords.verify('anna', String(i), 'client')).toBe('wrong');
    expect(await passwords.verify('anna', 'pw', 'client')).toBe('limited');
  });

  test('of which more than 32 wait are limited, whoever sends them, and cost no attempt', async ({ net }) => {
    const gate = new Gate();
    const { passwords } = passwordsOf(net, ['anna', new SeenHash('pw', gate)]);
    const waiting = Array.from({ length: 32 }, (_, i) => passwords.verify('anna', `no ${i}`, `client ${i}`));
    expect(await passwords.verify('anna', 'pw', 'another client')).toBe('limited');
    gate.open();
    await Promise.all(waiting);
    for (let i = 0; i < 10; i += 1)
      expect(await passwords.verify('anna', `no ${i}`, 'another client')).toBe('wrong');
  });
});

describe('wrong passwords', () => {
  test('are ten in a row from one client, then nothing is computed for it, and one more every 5 s', async ({
    net,
  }) => {
    const hash = new SeenHash('pw');
    const { passwords, time } = passwordsOf(net, ['anna', hash]);
    for (let i = 0; i < 10; i += 1) expect(await passwords.verify('anna', `${i}`, 'client')).toBe('wrong');
    expect(await passwords.verify('anna', 'pw', 'client')).toBe('limited');
    await time.pass(4_999);
    expect(await passwords.verify('anna', 'pw', 'client')).toBe('limited');
    expect(hash.compared).toHaveLength(10);
    expect(await passwords.verify('anna', 'pw', 'another client')).toBe('right');
    await time.pass(2);
    expect(await passwords.verify('anna', 'no', 'client')).toBe('wrong');
    expect(await passwords.verify('anna', 'no', 'client')).toBe('limited');
  });

  test('do not keep out whom the proxy still knows', async ({ net }) => {
    const { passwords } = passwordsOf(net, ['anna', new SeenHash('pw')]);
    expect(await passwords.verify('anna', 'pw', 'client')).toBe('right');
    for (let i = 0; i < 11; i += 1) await passwords.verify('anna', String(i), 'client');
    expect(await passwords.verify('anna', 'no', 'client')).toBe('limited');
    expect(await passwords.verify('anna', 'pw', 'client')).toBe('right');
  });

  test('that are sent at once are not more', async ({ net }) => {
    const gate = new Gate();
    const hash = new SeenHash('pw', gate);
    const { passwords } = passwordsOf(net, ['anna', hash]);
    const verdicts = Array.from({ length: 15 }, (_, i) => passwords.verify('anna', String(i), 'client'));
    gate.open();
    expect((await Promise.all(verdicts)).filter((verdict) => verdict === 'limited')).toHaveLength(5);
    expect(hash.compared).toHaveLength(10);
  });
});

describe('a user who does not exist', () => {
  test('costs a comparison, with the hash of one who does, always the same one', async ({ net }) => {
    const hashes = Array.from({ length: 5 }, (_, i): [string, SeenHash] => [`user ${i}`, new SeenHash('pw')]);
    const { passwords } = passwordsOf(net, ...hashes);
    for (let i = 0; i < 4; i += 1) await passwords.verify('nobody', `no ${i}`, '');
    const compared = hashes.map(([, hash]) => hash.compared.length).filter((count) => count > 0);
    expect(compared).toEqual([4]);
    for (let i = 0; i < 40; i += 1) await passwords.verify(`nobody ${i}`, 'no', `client ${i}`);
    expect(hashes.filter(([, hash]) => hash.compared.length > 0).length).toBeGreaterThan(1);
  });

  test('is not let in by the password of that one', async ({ net }) => {
    const { passwords } = passwordsOf(net, ['anna', new SeenHash('pw')]);
    expect(await passwords.verify('nobody', 'pw', '')).toBe('wrong');
    expect(await passwords.verify('nobody', 'pw', '')).toBe('wrong');
  });
});

test('what cannot be computed rejects, and costs no attempt', async ({ net }) => {
  let fails = true;
  const hash = {
    matches: async (): Promise<boolean> => (fails ? Promise.reject(new Error('no thread')) : true),
  };
  const { passwords } = passwordsOf(net, ['anna', hash]);
  for (let i = 0; i < 12; i += 1)
    await expect(passwords.verify('anna', 'pw', '')).rejects.toThrow('no thread');
  fails = false;
  expect(await passwords.verify('anna', 'pw', '')).toBe('right');
});

test('a bounded map lets go of what has not been set for longest', () => {
  const map = new BoundedMap<number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 3);
  map.set('c', 4);
  expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([3, undefined, 4, 2]);
});
