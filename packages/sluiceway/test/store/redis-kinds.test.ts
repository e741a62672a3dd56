import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, createCluster, createSentinel } from '@redis/client';
import { expect } from 'vitest';
import type { LimitStore } from '../../src/limits/store.js';
import { redisStore } from '../../src/redis.js';
import { freePort, startDaemon } from '../support/daemon.js';
import { type Network, test } from '../support/fixture.js';
import { describeWith, requireTool } from '../support/requirements.js';
import { scratchFolder } from '../support/tool.js';
import { until } from '../support/until.js';

const redisServer = requireTool('redis-server');

/** The first answer includes the time to connect, on a busy machine. */
const timeout = '10s';

const quiet = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1'];

async function startServer(net: Network, ...more: string[]): Promise<number> {
  const port = await freePort();
  const args = ['--port', String(port), ...quiet, '--dir', scratchFolder(net), ...more];
  await startDaemon(net, redisServer, args, port);
  return port;
}

/** One server that has all slots of a cluster. It refuses a script with keys of several slots, as any cluster does. */
async function startCluster(net: Network): Promise<number> {
  const bus = await freePort();
  const port = await startServer(net, '--cluster-enabled', 'yes', '--cluster-port', String(bus));
  const client = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
  await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
  await until(async () => (await client.clusterInfo()).includes('cluster_state:ok'), 'the cluster was ready');
  client.destroy();
  return port;
}

async function startSentinel(net: Network, server: number): Promise<number> {
  const port = await freePort();
  const file = join(scratchFolder(net), 'sentinel.conf');
  const lines = [`port ${port}`, 'bind 127.0.0.1', `sentinel monitor files 127.0.0.1 ${server} 1`];
  writeFileSync(file, `${lines.join('\n')}\n`);
  await startDaemon(net, redisServer, [file, '--sentinel'], port);
  return port;
}

/** What rules need of a store. */
async function expectShares(one: LimitStore, two: LimitStore): Promise<void> {
  const slots = [
    { key: 'client', max: 1 },
    { key: 'all', max: 9 },
  ];
  expect(await one.enter(slots, 'a')).toEqual({ entered: true, running: [1, 1] });
  expect(await two.enter(slots, 'b')).toEqual({ entered: false, full: 0 });
  await one.leave('a');
  // The refused request holds no slot of the other key.
  expect(await two.enter(slots, 'c')).toEqual({ entered: true, running: [1, 1] });
  await two.leave('c');

  const window = { kind: 'fixed', ms: 3_600_000 } as const;
  const counts = [1, 9].map((limit) => ({ key: `of ${limit}`, add: 1, limit, forced: false, window }));
  expect(await one.count(counts)).toMatchObject([{ added: true }, { added: true }]);
  expect(await two.count(counts)).toMatchObject([
    { added: false, used: 1 },
    { added: false, used: 1 },
  ]);

  const need = { key: 'rate', bytesPerSecond: 1000, burst: 0, want: 100, weight: 1, unused: 0 };
  expect(await one.lease([need])).toMatchObject([{ share: 1000 }]);

  const seen: string[] = [];
  two.watch({ onRevoked: (id) => void seen.push(id), onBlocked: () => {}, onUnblocked: () => {} });
  await until(async () => {
    await one.links.revoke('link', Date.now() + 60_000);
    return seen.includes('link');
  }, 'the other process was told');
}

describeWith(redisServer)('a store', () => {
  test('in a cluster shares slots and counts whose keys are in different slots [Sluiceway]', async ({
    net,
  }) => {
    const port = await startCluster(net);
    const stores = [1, 2].map(() => redisStore({ cluster: [`redis://127.0.0.1:${port}`], timeout }));
    for (const store of stores) net.cleanup(() => store.close());
    const [one, two] = stores as [LimitStore, LimitStore];
    await expectShares(one, two);
  });

  test('that sentinels know is found through them [Sluiceway]', async ({ net }) => {
    const sentinel = await startSentinel(net, await startServer(net));
    const stores = [1, 2].map(() =>
      redisStore({ sentinel: { name: 'files', nodes: [`127.0.0.1:${sentinel}`] }, timeout }),
    );
    for (const store of stores) net.cleanup(() => store.close());
    const [one, two] = stores as [LimitStore, LimitStore];
    await expectShares(one, two);
  });

  test("takes the application's client, and does not close it [Sluiceway]", async ({ net }) => {
    const url = `redis://127.0.0.1:${await startServer(net)}`;
    const cluster = await startCluster(net);
    const sentinel = await startSentinel(net, Number(new URL(url).port));
    const single = createClient({ url });
    const clients = [
      single,
      createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${cluster}` }] }),
      createSentinel({ name: 'files', sentinelRootNodes: [{ host: '127.0.0.1', port: sentinel }] }),
    ];
    for (const [i, client] of clients.entries()) {
      client.on('error', () => {});
      net.cleanup(() => client.destroy());
      const store = redisStore({ client, prefix: `kind ${i}:`, timeout });
      const other = redisStore({ client, prefix: `kind ${i}:`, timeout });
      await expectShares(store, other);
      await store.close();
      await other.close();
    }
    expect(await single.ping()).toBe('PONG');
  });

  test.for([
    [{}, /exactly one of url, cluster, sentinel and client/],
    [{ url: 'localhost:6379' }, /url must be a URL such as redis:/],
    [{ url: 'redis://a', cluster: ['redis://b'] }, /exactly one/],
    [{ cluster: [] }, /cluster must have at least one URL/],
    [{ sentinel: { name: 'a', nodes: ['b'] } }, /sentinel\.nodes\[0\] must be an address/],
    [{ url: 'redis://a', timeout: '1ms' }, /timeout must be/],
    [{ url: 'redis://a', prefx: 'a' }, /prefx is not an option/],
  ] as const)('refuses %j [Sluiceway]', ([options, message]) => {
    expect(() => redisStore(options)).toThrow(message);
  });
});
