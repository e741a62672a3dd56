import { describe, expect } from 'vitest';
import { createUpstreamGroup } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { type GroupServer, startGroupServer, startServers } from '../support/group-servers.js';
import type { RawClient } from '../support/raw-client.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const WEIGHTS = [1, 2, 4] as const;
const TOTAL = 7;
const NAMES = ['a', 'b', 'c'];

const weighted = (servers: readonly GroupServer[]) =>
  servers.map(({ url }, index) => ({ url, weight: WEIGHTS[index] ?? 1 }));

/** How far the shares are from 1:2:4, in parts of one. */
const errorsOf = (amounts: readonly number[]): number[] => {
  const sum = amounts.reduce((total, amount) => total + amount, 0);
  return amounts.map((amount, index) => Math.abs(amount / sum - (WEIGHTS[index] ?? 0) / TOTAL));
};

describe('servers with the weights 1, 2 and 4', () => {
  test('get these shares of requests and of bytes, whatever the sizes of the files [nginx; Envoy]', async ({
    net,
  }) => {
    const bytes: Record<string, number> = { a: 0, b: 0, c: 0 };
    const answer = (name: string) => (head: { target: string }) => {
      const size = Number(head.target.slice(1));
      bytes[name] = (bytes[name] ?? 0) + size;
      return sized('x'.repeat(size));
    };
    const servers = await startServers(
      net,
      NAMES,
      Object.fromEntries(NAMES.map((name) => [name, answer(name)])),
    );
    const client = await net.client(await net.proxy({ upstream: { servers: weighted(servers) } }));
    const sizes = [10, 50_000, 300, 7000, 1];
    for (let index = 0; index < 350; index += 1) {
      await client.get(`/${sizes[index % sizes.length]}`);
      await client.readResponse();
    }
    expect(servers.map(({ heads }) => heads.length)).toEqual([50, 100, 200]);
    expect(Math.max(...errorsOf(NAMES.map((name) => bytes[name] ?? 0)))).toBeLessThan(0.03);
  });

  test.for(['least-transfers', 'least-bytes', 'throughput'] as const)(
    'get these shares of requests that come one after the other, with %s [nginx]',
    async (balance, { net }) => {
      const servers = await startServers(net, NAMES);
      const group = createUpstreamGroup({ servers: weighted(servers), balance });
      const client = await net.client(await net.proxy({ upstream: group }));
      for (let index = 0; index < 70; index += 1) {
        await client.get('/file');
        await client.readResponse();
        await until(() => group.servers.every(({ transfers }) => transfers === 0), 'no transfer was left');
      }
      expect(servers.map(({ heads }) => heads.length)).toEqual([10, 20, 40]);
    },
  );

  test.for(['least-transfers', 'least-bytes'] as const)(
    'have these shares of the downloads that run at the same time, with %s [HAProxy; Sluiceway]',
    async (balance, { net }) => {
      const servers = await Promise.all(
        NAMES.map((name) =>
          startGroupServer(net, name, (heads) => async (connection) => {
            heads.push(await connection.readHead());
            await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
            await connection.closed;
          }),
        ),
      );
      const group = createUpstreamGroup({ servers: weighted(servers), balance });
      const running = await net.proxy({ upstream: group });
      const clients: RawClient[] = [];
      for (let index = 0; index < 70; index += 1) {
        const client = await net.client(running);
        clients.push(client);
        await client.get('/file');
        await client.readHead();
      }
      expect(Math.max(...errorsOf(group.servers.map(({ transfers }) => transfers)))).toBeLessThan(0.03);
      expect(Math.max(...errorsOf(group.servers.map(({ bytesInFlight }) => bytesInFlight)))).toBeLessThan(
        0.03,
      );
      for (const client of clients) client.close();
      await until(() => running.proxy.active === 0, 'all transfers had ended');
    },
  );
});
