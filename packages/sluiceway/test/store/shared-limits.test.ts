import { expect } from 'vitest';
import { createProxy, type ProxyOptions } from '../../src/index.js';
import { redisStore } from '../../src/redis.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { RedisProcess } from '../support/redis.js';
import { describeWith, requireTool } from '../support/requirements.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const redisServer = requireTool('redis-server');

type Rules = NonNullable<NonNullable<ProxyOptions['limits']>['rules']>;

/** Two proxies, as in two processes, with one store. */
async function startTwo(net: Network, redis: RedisProcess, upstream: string, rules: Rules) {
  const proxies = [];
  for (let i = 0; i < 2; i += 1) {
    const store = redisStore({ url: redis.url });
    net.cleanup(() => store.close());
    const options: ProxyOptions = { upstream, limits: { rules, store } };
    const running = await net.proxy(options);
    proxies.push(running);
  }
  const [one, two] = proxies;
  if (one === undefined || two === undefined) throw new Error('no proxies');
  return { one, two };
}

async function statusOf(net: Network, to: { port: number }): Promise<number> {
  const client = await net.client(to);
  await client.get('/');
  const { head } = await client.readResponse();
  client.close();
  return head.status;
}

describeWith(redisServer)('rules with a store', () => {
  test('count the transfers of all processes, and free a slot when a transfer ends [Sluiceway]', async ({
    net,
  }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const gate = new Gate();
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
      await gate.opened;
      await connection.write('cd');
    });
    const { one, two } = await startTwo(net, redis, origin.url, [{ by: 'client', transfers: 1 }]);
    const client = await net.client(one);
    await client.get('/');
    await client.readHead();
    const refused = await net.client(two);
    await refused.get('/');
    const { head } = await refused.readResponse();
    expect(head.status).toBe(429);
    expect(head.get('retry-after')).toMatch(/^\d+$/);
    gate.open();
    await until(async () => (await statusOf(net, two)) === 200, 'the slot was free again');
  });

  test('count requests and bytes of all processes [Sluiceway]', async ({ net }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const origin = await net.origin(respondWith(() => sized('x'.repeat(1000))));
    const { one, two } = await startTwo(net, redis, origin.url, [
      { name: 'requests', by: 'client', requests: { count: 3, per: '1h' }, match: { paths: ['/r*'] } },
      { name: 'bytes', by: 'client', bytes: { count: 1000, per: 'day' }, match: { paths: ['/'] } },
    ]);
    const seen: number[] = [];
    for (const to of [one, two, one, two]) {
      const client = await net.client(to);
      await client.get('/r');
      seen.push((await client.readResponse()).head.status);
      client.close();
    }
    expect(seen).toEqual([200, 200, 200, 429]);
    expect(await statusOf(net, one)).toBe(200);
    // The other process learns of the bytes within a second.
    await until(async () => (await statusOf(net, two)) === 429, 'the bytes were counted');
  });

  test('block a key in all processes, which ends its transfers [Sluiceway]', async ({ net }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const gate = new Gate();
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
      await gate.opened;
    });
    const store = redisStore({ url: redis.url });
    net.cleanup(() => store.close());
    const rules: Rules = [{ name: 'per-client', by: 'client', transfers: 9 }];
    const other = createProxy({ upstream: origin.url, limits: { rules, store } });
    const { one } = await startTwo(net, redis, origin.url, rules);
    const client = await net.client(one);
    await client.get('/');
    const head = await client.readHead();
    other.limits.block('per-client', '127.0.0.1');
    expect((await client.readContent(head)).complete).toBe(false);
    expect(await statusOf(net, one)).toBe(403);
    gate.open();
    await other.close();
  });

  test.for([
    ['open', 200],
    ['share', 200],
    ['closed', 503],
  ] as const)(
    'with onStoreFailure %s answer %i while the store is gone [Sluiceway]',
    async ([onStoreFailure, status], { net }) => {
      const redis = await RedisProcess.start(net, redisServer);
      const origin = await net.origin(respondWith(() => sized('file')));
      const { one } = await startTwo(net, redis, origin.url, [
        { by: 'client', transfers: 9, onStoreFailure },
      ]);
      expect(await statusOf(net, one)).toBe(200);
      await redis.kill();
      await until(async () => (await statusOf(net, one)) === status, 'the failure was noticed');
      await redis.start();
      await until(async () => (await statusOf(net, one)) === 200, 'the store was used again');
    },
  );
});
