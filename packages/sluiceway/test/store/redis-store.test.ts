import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { CountRequest, LeaseRequest, LimitStore } from '../../src/limits/store.js';
import { redisStore } from '../../src/redis.js';
import { type Network, test } from '../support/fixture.js';
import { RedisProcess } from '../support/redis.js';
import { describeWith, requireTool } from '../support/requirements.js';
import { until } from '../support/until.js';

const redisServer = requireTool('redis-server');

const slots = [{ key: 'k', max: 2 }];
const day: CountRequest = { key: 'k', add: 1, limit: 3, forced: false, window: { kind: 'day' } };
const need: LeaseRequest = {
  key: 'k',
  bytesPerSecond: 1_000_000,
  burst: 0,
  want: 1_000_000,
  weight: 1,
  unused: 0,
};

function storeOf(net: Network, redis: RedisProcess, onChange?: (problem: string | null) => void): LimitStore {
  const store = redisStore({ url: redis.url, ...(onChange !== undefined && { onChange }) });
  net.cleanup(() => store.close());
  return store;
}

/** Takes all bytes that a process can have, as often as it may ask, until a time. */
async function take(store: LimitStore, end: number, weight = 1): Promise<number> {
  let bytes = 0;
  while (performance.now() < end) {
    const [lease] = await store.lease([{ ...need, weight }]);
    bytes += lease?.bytes ?? 0;
    await sleep(lease?.askAgainMs);
  }
  return bytes;
}

describeWith(redisServer)('a store in Redis', () => {
  test('shares slots, counters and links between processes [Sluiceway]', async ({ net }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const [one, two] = [storeOf(net, redis), storeOf(net, redis)];
    expect(await one.enter(slots, 'a')).toEqual({ entered: true, running: [1] });
    expect(await two.enter(slots, 'b')).toEqual({ entered: true, running: [2] });
    expect(await one.enter(slots, 'c')).toEqual({ entered: false, full: 0 });
    await two.leave('b');
    expect(await one.enter(slots, 'c')).toEqual({ entered: true, running: [2] });

    const counts = [...(await one.count([day])), ...(await two.count([{ ...day, add: 2 }]))];
    expect(counts).toMatchObject([
      { added: true, used: 1 },
      { added: true, used: 3 },
    ]);
    expect(await one.count([day])).toMatchObject([{ added: false, used: 3 }]);

    const use = { id: 'l', useId: 'u1', client: '192.0.2.1', expiresAt: Date.now() + 60_000 };
    expect(await one.links.begin(use)).toBe('begun');
    expect(await two.links.begin({ ...use, useId: 'u2', client: '192.0.2.2' })).toBe('taken');
    await one.links.succeeded(use, 60_000);
    await one.links.end(use);
    expect(await two.links.begin({ ...use, useId: 'u3', client: '192.0.2.2' })).toBe('taken');
    expect(await two.links.begin({ ...use, useId: 'u4' })).toBe('begun');
  });

  test('tells every process what is revoked and blocked, also one that comes later [Sluiceway]', async ({
    net,
  }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const [one, two] = [storeOf(net, redis), storeOf(net, redis)];
    const seen: unknown[] = [];
    const listener = {
      onRevoked: (id: string) => void seen.push(['revoked', id]),
      onBlocked: (key: string, ms: number) => void seen.push(['blocked', key, ms > 59_000]),
      onUnblocked: (key: string) => void seen.push(['unblocked', key]),
    };
    two.watch(listener);
    await until(async () => {
      await one.block('first', 60_000);
      return seen.length > 0;
    }, 'the other process was told');
    await one.links.revoke('link', Date.now() + 60_000);
    await one.block('second', Number.POSITIVE_INFINITY);
    await one.unblock('first');
    await until(() => seen.some((each) => String(each) === 'unblocked,first'), 'it was told all');
    expect(seen).toContainEqual(['revoked', 'link']);
    expect(await two.links.isRevoked('link')).toBe(true);
    expect(await two.links.isRevoked('another')).toBe(false);

    const late: unknown[] = [];
    storeOf(net, redis).watch({
      onRevoked: (id) => void late.push(id),
      onBlocked: (key, ms) => void late.push([key, ms]),
      onUnblocked: () => {},
    });
    await until(() => late.length >= 2, 'a later process was told');
    expect(late).toContainEqual('link');
    expect(late).toContainEqual(['second', Number.POSITIVE_INFINITY]);
  });

  test('gives each process its weighted share of a rate, and one that stays alone the whole [Sluiceway]', async ({
    net,
  }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const [one, two] = [storeOf(net, redis), storeOf(net, redis)];
    const begin = performance.now() + 700;
    await Promise.all([take(one, begin), take(two, begin, 3)]);
    const [little, much] = await Promise.all([take(one, begin + 2000), take(two, begin + 2000, 3)]);
    expect(little + much).toBeGreaterThan(1_000_000);
    expect(little + much).toBeLessThan(2_600_000);
    expect(much / little).toBeGreaterThan(1.8);
    expect(much / little).toBeLessThan(5);
    await two.close();
    await take(one, performance.now() + 600);
    const [lease] = await one.lease([need]);
    expect(lease?.share).toBe(1_000_000);
  });

  test('rejects at once while the server is gone, and remembers what is held when it is back [Sluiceway]', async ({
    net,
  }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const changes: (string | null)[] = [];
    const store = storeOf(net, redis, (problem) => void changes.push(problem));
    await store.enter(slots, 'a');
    await redis.kill();
    await until(() => changes.length === 1, 'the loss was noticed');
    const before = performance.now();
    await expect(store.enter(slots, 'b')).rejects.toMatchObject({ name: 'StoreUnavailableError' });
    await expect(store.count([day])).rejects.toMatchObject({ name: 'StoreUnavailableError' });
    expect(performance.now() - before).toBeLessThan(450);
    await redis.start();
    const other = storeOf(net, redis);
    const one = [{ key: 'k', max: 1 }];
    let count = 0;
    // The server has lost all. The process says again what it holds.
    await until(async () => {
      count += 1;
      const answer = await other.enter(one, `try ${count}`);
      await other.leave(`try ${count}`);
      return !answer.entered;
    }, 'the slot was held again');
    expect(changes).toEqual([expect.any(String), null]);
    await store.leave('a');
    expect(await other.enter(one, 'last')).toMatchObject({ entered: true });
  });

  test('rejects when the server does not answer in time [Sluiceway]', async ({ net }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const store = storeOf(net, redis);
    await store.count([day]);
    process.kill(redis.pid, 'SIGSTOP');
    await expect(store.count([day])).rejects.toThrow(/did not answer within 500 ms/);
    process.kill(redis.pid, 'SIGCONT');
    await until(async () => {
      try {
        return (await store.count([{ ...day, add: 0 }])).length === 1;
      } catch {
        return false;
      }
    }, 'the store answered again');
  });

  test('keeps a slot for only six seconds without hearing of it [Sluiceway]', async ({ net }) => {
    const redis = await RedisProcess.start(net, redisServer);
    await storeOf(net, redis).enter([{ key: 'k', max: 1 }], 'a');
    const client = await redis.client(net);
    const [key = ''] = await client.keys('*slots*');
    const held = JSON.parse((await client.get(key)) ?? '{}') as Record<string, [number, number]>;
    const [expires = 0] = Object.values(held).map(([, at]) => at);
    expect(expires - Date.now()).toBeLessThan(6500);
    expect(await client.pTTL(key)).toBeLessThan(6500);
  });
});
