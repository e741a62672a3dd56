import { describe, expect } from 'vitest';
import { renderMetrics, storeMetrics } from '../../src/metrics.js';
import { redisStore } from '../../src/redis.js';
import { MemoryBackend, SharedStore } from '../../src/store.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { nodeOrigin } from '../support/node-origin.js';
import { RedisProcess } from '../support/redis.js';
import { describeWith, requireTool } from '../support/requirements.js';
import type { ProxyOptions } from '../support/servers.js';
import { until } from '../support/until.js';

const redisServer = requireTool('redis-server');

type Rules = NonNullable<NonNullable<ProxyOptions['limits']>['rules']>;
type Store = NonNullable<NonNullable<ProxyOptions['limits']>['store']>;

/** Remembers the last lease of each key and process. */
class WatchedBackend extends MemoryBackend {
  readonly shares = new Map<string, number>();

  override async lease(...args: Parameters<MemoryBackend['lease']>): ReturnType<MemoryBackend['lease']> {
    const [process, asks] = args;
    const leases = await super.lease(...args);
    for (const [i, { key }] of asks.entries()) this.shares.set(`${process} ${key}`, leases[i]?.share ?? 0);
    return leases;
  }
}

/** Two proxies, as in two processes, and an origin server whose responses end when the gate opens. */
async function startTwo(
  net: Network,
  rules: Rules,
  open: (name: string) => Store,
  content: string | Buffer = 'ab',
) {
  const gate = new Gate();
  const origin = await nodeOrigin(net, async (_request, response) => {
    response.write(content);
    await gate.opened;
    response.end('cd');
  });
  const start = async (name: string) => {
    const store = open(name);
    net.cleanup(() => store.close());
    const options: ProxyOptions = { upstream: origin.url, limits: { rules, store } };
    return net.proxy(options, { http2: 'h2c' });
  };
  return { gate, origin, one: await start('one'), two: await start('two') };
}

const inMemory = () => {
  const backend = new WatchedBackend();
  return { backend, open: (name: string) => new SharedStore(backend, name) };
};

const byKey = { header: 'X-Key' } as const;

describe('rules with a store', () => {
  test("divide the rate of each key by the weights of that key's transfers at all processes [Sluiceway]", async ({
    net,
  }) => {
    const { backend, open } = inMemory();
    const weight: Rules[number]['weight'] = ({ headers }) => Number(headers.get('x-weight'));
    const { gate, one, two } = await startTwo(
      net,
      [{ name: 'keys', by: byKey, download: 8000, weight }],
      open,
      // More than passes while the test runs, so that all of them want their share.
      Buffer.alloc(5_000_000),
    );
    const [first, second] = [await net.http2(one), await net.http2(two)];
    const start = (client: typeof first, key: string, of: number) =>
      client.open('/', { headers: { 'x-key': key, 'x-weight': of } });
    start(first, 'a', 1);
    start(second, 'a', 1);
    start(second, 'a', 2);
    start(first, 'b', 5);
    start(second, 'b', 3);
    const share = (process: string, key: string) => backend.shares.get(`${process} keys\n${key}\ndown`);
    await expect
      .poll(() => [share('one', 'a'), share('two', 'a'), share('one', 'b'), share('two', 'b')])
      .toEqual([2000, 6000, 5000, 3000]);
    gate.open();
  });

  test('that are set later count the running transfers of all processes [Sluiceway]', async ({ net }) => {
    const { gate, one, two } = await startTwo(net, [], inMemory().open);
    const [first, second] = [await net.http2(one), await net.http2(two)];
    const running = first.get('/');
    await until(() => one.proxy.transfers()[0]?.bytesDown === 2, 'content passed');
    const rules: Rules = [{ name: 'clients', by: 'client', transfers: 1 }];
    one.proxy.setLimits(rules);
    two.proxy.setLimits(rules);
    expect((await second.get('/')).status).toBe(429);
    gate.open();
    expect((await running).complete).toBe(true);
    await until(async () => (await second.get('/')).status === 200, 'the place was free');
  });

  test('admit a request that waits for another process when their limit is lifted [Sluiceway]', async ({
    net,
  }) => {
    const { gate, one, two } = await startTwo(
      net,
      [{ name: 'clients', by: 'client', transfers: 1, queue: { length: 3, timeout: '1h' } }],
      inMemory().open,
    );
    const [first, second] = [await net.http2(one), await net.http2(two)];
    const running = first.get('/');
    await until(() => one.proxy.transfers()[0]?.bytesDown === 2, 'content passed');
    const waiting = second.get('/');
    await until(() => two.proxy.limits.ruleUsage()[0]?.transfers === 1, 'it waited for the store');
    two.proxy.setLimits([]);
    await until(() => two.proxy.transfers()[0]?.bytesDown === 2, 'it was admitted');
    gate.open();
    expect((await waiting).complete).toBe(true);
    expect((await running).complete).toBe(true);
  });
});

describeWith(redisServer)('rules with a Redis server', () => {
  test('show in metrics whether it can be asked, and how often it was [Sluiceway]', async ({ net }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const store = redisStore({ url: redis.url });
    net.cleanup(() => store.close());
    const metrics = () => {
      const status = store.status?.() ?? null;
      return status === null ? '' : renderMetrics(storeMetrics(status));
    };
    const enter = () => store.enter([{ key: 'k', max: 1 }], 'id');
    await enter();
    expect(metrics()).toContain('sluiceway_limit_store_up 1\n');
    expect(metrics()).toMatch(/^sluiceway_limit_store_commands_total [1-9]/m);
    expect(metrics()).toMatch(/^sluiceway_limit_store_duration_seconds_count [1-9]/m);
    await redis.kill();
    await until(
      () =>
        enter().then(
          () => false,
          () => true,
        ),
      'the failure was noticed',
    );
    expect(metrics()).toContain('sluiceway_limit_store_up 0\n');
    await redis.start();
    await until(
      () =>
        enter().then(
          () => true,
          () => false,
        ),
      'the store was asked again',
    );
    expect(metrics()).toContain('sluiceway_limit_store_up 1\n');
  });
});
