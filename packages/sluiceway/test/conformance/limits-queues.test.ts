import { describe, expect } from 'vitest';
import { MemoryBackend, SharedStore } from '../../src/store.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

type Rules = NonNullable<NonNullable<ProxyOptions['limits']>['rules']>;

/** A proxy with rules, in front of an origin server that answers each path when `answer` is called for it. */
async function held(net: Network, rules: Rules, options: Partial<ProxyOptions> = {}) {
  const gates = new Map<string, Gate>();
  const script: OriginScript = async (connection) => {
    for (;;) {
      const { target } = await connection.readHead();
      const gate = new Gate();
      gates.set(target, gate);
      await gate.opened;
      await connection.write(sized('done'));
    }
  };
  const { running } = await through(net, script, { ...options, limits: { rules } });
  const { limits } = running.proxy;
  return {
    proxy: running.proxy,
    waiting: (rule: string, count: number) =>
      until(
        () =>
          limits
            .usage()
            .filter((each) => each.rule === rule)
            .reduce((sum, each) => sum + each.waiting, 0) === count,
        `${count} requests waited for ${rule}`,
      ),
    arrived: (path: string) => until(() => gates.has(path), `${path} had arrived`),
    answer: (path: string) => gates.get(path)?.open(),
    /** Sends a request of a user on a connection of its own, and returns a function that reads the status. */
    async get(path: string, user: string): Promise<() => Promise<number>> {
      const client = await net.client(running);
      await client.get(path, [`User: ${user}`]);
      return async () => (await client.readResponse()).head.status;
    },
  };
}

const byUser = { header: 'user' } as const;

describe('a request in a queue', () => {
  test('that another limit refuses meanwhile waits for that one, and lets the requests behind it pass [Sluiceway]', async ({
    net,
  }) => {
    const queue = { length: 9, timeout: '1m' } as const;
    const line = await held(net, [
      { name: 'user', by: byUser, transfers: 1, queue },
      { name: 'all', by: 'all', transfers: 2, queue },
    ]);
    const [one, two] = [await line.get('/1', 'one'), await line.get('/2', 'two')];
    await line.arrived('/1');
    await line.arrived('/2');
    const greedy = await line.get('/g1', 'greedy');
    await line.waiting('all', 1);
    const greedyAgain = await line.get('/g2', 'greedy');
    await line.waiting('all', 2);
    const patient = await line.get('/p', 'patient');
    await line.waiting('all', 3);
    line.answer('/1');
    expect(await one()).toBe(200);
    await line.arrived('/g1');
    // The second request of the same user is next, but that user has what is allowed.
    line.answer('/2');
    expect(await two()).toBe(200);
    await line.arrived('/p');
    line.answer('/p');
    expect(await patient()).toBe(200);
    line.answer('/g1');
    expect(await greedy()).toBe(200);
    await line.arrived('/g2');
    line.answer('/g2');
    expect(await greedyAgain()).toBe(200);
  });

  test('that another limit without a queue refuses meanwhile gets 429 [RFC 6585 4]', async ({ net }) => {
    const line = await held(net, [
      { name: 'user', by: byUser, transfers: 1 },
      { name: 'all', by: 'all', transfers: 1, queue: { length: 9, timeout: '1m' } },
    ]);
    const first = await line.get('/1', 'one');
    await line.arrived('/1');
    await line.get('/g1', 'greedy');
    await line.waiting('all', 1);
    const refused = await line.get('/g2', 'greedy');
    await line.waiting('all', 2);
    line.answer('/1');
    expect(await first()).toBe(200);
    expect(await refused()).toBe(429);
    line.answer('/g1');
  });

  test('does not take up the place that it waits for when rules are replaced [Sluiceway]', async ({
    net,
  }) => {
    const rules: Rules = [{ name: 'user', by: byUser, transfers: 1, queue: { length: 9, timeout: '1m' } }];
    const line = await held(net, rules);
    const first = await line.get('/1', 'one');
    await line.arrived('/1');
    const second = await line.get('/2', 'one');
    await line.waiting('user', 1);
    const third = await line.get('/3', 'one');
    await line.waiting('user', 2);
    line.proxy.setLimits(rules);
    line.answer('/1');
    expect(await first()).toBe(200);
    await line.arrived('/2');
    line.answer('/2');
    expect(await second()).toBe(200);
    await line.arrived('/3');
    line.answer('/3');
    expect(await third()).toBe(200);
  });

  test('goes on when the rule that it waits for is removed or raised [Sluiceway]', async ({ net }) => {
    const queue = { length: 9, timeout: '1m' } as const;
    const line = await held(net, [{ name: 'user', by: byUser, transfers: 1, queue }]);
    await line.get('/1', 'one');
    await line.arrived('/1');
    const second = await line.get('/2', 'one');
    await line.waiting('user', 1);
    const third = await line.get('/3', 'one');
    await line.waiting('user', 2);
    line.proxy.setLimits([{ name: 'user', by: byUser, transfers: 2, queue }]);
    await line.arrived('/2');
    line.proxy.setLimits([]);
    await line.arrived('/3');
    for (const path of ['/1', '/2', '/3']) line.answer(path);
    expect([await second(), await third()]).toEqual([200, 200]);
  });

  test('is refused at once when its key is blocked [Sluiceway]', async ({ net }) => {
    const line = await held(net, [
      { name: 'user', by: byUser, transfers: 1, queue: { length: 9, timeout: '1m' } },
    ]);
    await line.get('/1', 'one');
    await line.arrived('/1');
    const second = await line.get('/2', 'one');
    await line.waiting('user', 1);
    line.proxy.limits.block('user', 'one');
    expect(await second()).toBe(403);
  });

  test('gets 500 if the function for its weight throws, and the others go on [Sluiceway]', async ({
    net,
  }) => {
    const weight = ({ path }: { path: string }): number => {
      if (path === '/2') throw new Error('a mistake of the application');
      return 1;
    };
    const line = await held(net, [
      { name: 'user', by: byUser, transfers: 1, queue: { length: 9, timeout: '1m' }, weight },
    ]);
    const first = await line.get('/1', 'one');
    await line.arrived('/1');
    const second = await line.get('/2', 'one');
    await line.waiting('user', 1);
    const third = await line.get('/3', 'one');
    await line.waiting('user', 2);
    line.answer('/1');
    expect(await first()).toBe(200);
    expect(await second()).toBe(500);
    await line.arrived('/3');
    line.answer('/3');
    expect(await third()).toBe(200);
  });
});

test('a request that waits for the access policy when rules are replaced does not count twice [Sluiceway]', async ({
  net,
}) => {
  const gate = new Gate();
  let asked = false;
  const rules: Rules = [{ name: 'user', by: byUser, transfers: 1 }];
  const line = await held(net, rules, {
    access: async () => {
      asked = true;
      await gate.opened;
      return { allowed: true };
    },
  });
  const status = await line.get('/1', 'one');
  await until(() => asked, 'the policy was asked');
  line.proxy.setLimits(rules);
  gate.open();
  await line.arrived('/1');
  line.answer('/1');
  expect(await status()).toBe(200);
});

test('a key that was blocked in the store is blocked for a rule that comes later, and again after it was removed [Sluiceway]', async ({
  net,
}) => {
  const store = new SharedStore(new MemoryBackend());
  net.cleanup(() => store.close());
  await store.block('users\none', 60_000);
  const rules: Rules = [{ name: 'users', by: byUser, transfers: 1 }];
  const origin = await net.origin(respondWith(sized('a file')));
  const running = await net.proxy({ upstream: origin.url, limits: { rules, store } });
  const statusOf = async (user: string): Promise<number> => {
    const client = await net.client(running);
    await client.get('/', [`User: ${user}`]);
    return (await client.readResponse()).head.status;
  };
  expect([await statusOf('one'), await statusOf('two')]).toEqual([403, 200]);
  running.proxy.setLimits([]);
  expect(await statusOf('one')).toBe(200);
  running.proxy.setLimits(rules);
  expect(await statusOf('one')).toBe(403);
});
