import { expect } from 'vitest';
import { redisStore } from '../../src/redis.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { nodeOrigin } from '../support/node-origin.js';
import { RedisProcess } from '../support/redis.js';
import { describeWith, requireTool } from '../support/requirements.js';
import { until } from '../support/until.js';

const redisServer = requireTool('redis-server');

const KEYS = 1000;
/** A client of HTTP/2 may have 100 streams at a time. */
const KEYS_PER_CLIENT = 50;

describeWith(redisServer)('a rule with a store', () => {
  test('holds for each of a thousand keys at once, and leaves nothing behind [Sluiceway]', async ({
    net,
  }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const gate = new Gate();
    const origin = await nodeOrigin(net, async (_request, response) => {
      response.write('ab');
      await gate.opened;
      response.end('cd');
    });
    const start = async () => {
      // A machine that is busy for a while is no store that is gone.
      const store = redisStore({ url: redis.url, timeout: '20s' });
      net.cleanup(() => store.close());
      const rules = [{ name: 'keys', by: { header: 'X-Key' }, transfers: 1 }];
      return net.proxy({ upstream: origin.url, limits: { rules, store } }, { http2: 'h2c' });
    };
    const proxies = [await start(), await start()] as const;
    const clients = await Promise.all(
      Array.from({ length: KEYS / KEYS_PER_CLIENT }, (_, i) => net.http2(proxies[i % 2 === 0 ? 0 : 1])),
    );
    /** `shift` 0 and 1 are different proxies. */
    const ask = async (key: number, shift: number) => {
      const client = clients[(key + shift) % clients.length];
      if (client === undefined) throw new Error('There are too few clients');
      return client.get('/', { 'x-key': String(key) });
    };
    const all = Array.from({ length: KEYS }, (_, key) => key);
    const first = all.map((key) => ask(key, 0));
    await until(() => origin.requests.length === KEYS, 'the first request of each key was served');
    const second = await Promise.all(all.map((key) => ask(key, 1)));
    expect(new Set(second.map(({ status }) => status))).toEqual(new Set([429]));
    gate.open();
    expect((await Promise.all(first)).every(({ status, complete }) => status === 200 && complete)).toBe(true);
    await until(() => proxies.every(({ proxy }) => proxy.active === 0), 'all transfers were over');
    for (const { proxy } of proxies) expect(proxy.limits.ruleUsage()).toMatchObject([{ transfers: 0 }]);
    const client = await redis.client(net);
    await until(async () => (await client.keys('*')).length === 0, 'the store was empty');
  });
});
