import { describe, expect } from 'vitest';
import { createProxy, createUpstreamGroup, OptionsError, type UpstreamGroup } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { startServers } from '../support/group-servers.js';
import { until } from '../support/until.js';

const HEALTH = { path: '/healthz', interval: 10, rise: 1, fall: 1 } as const;

/** A group whose only server has an address that is not public. */
async function startGroup(net: Network, more: object = {}) {
  const [server] = await startServers(net, ['inside']);
  const group = createUpstreamGroup({ servers: [server?.url ?? ''], health: HEALTH, ...more });
  net.cleanup(() => group.close());
  return { server: server?.origin, group };
}

/** The port can be one at which a proxy of an earlier test listened, which is then the reason. */
const isRefused = (group: UpstreamGroup): boolean =>
  /loopback|is a listener of this process/.test(group.servers[0]?.fault ?? '');

const refuses = (group: UpstreamGroup): Promise<void> =>
  until(() => isRefused(group), 'a check was refused because of the address');

const PUBLIC = { addresses: 'public' } as const;

describe('health checks of a group that proxies share', () => {
  test('reach no address that a proxy which was created with the group does not allow [Sluiceway; OWASP]', async ({
    net,
  }) => {
    for (const check of ['http', 'tcp'] as const) {
      const { server, group } = await startGroup(net, { health: { ...HEALTH, check } });
      // `any` of another proxy does not widen it.
      await net.proxy({ upstream: group });
      await net.proxy({ ...PUBLIC, upstream: group });
      await refuses(group);
      expect(group.servers[0]).toMatchObject({ state: 'down' });
      expect(server?.total).toBe(0);
    }
  });

  test('reach such an address no more from the creation of the proxy on, and again once it is closed [Sluiceway]', async ({
    net,
  }) => {
    const { server, group } = await startGroup(net);
    await until(() => (server?.total ?? 0) > 0, 'the server was checked');
    const running = await net.proxy({ ...PUBLIC, upstream: { group } });
    await refuses(group);
    await until(() => server?.open === 0, 'the connection of the checks was closed');
    const total = server?.total;
    await until(() => isRefused(group), 'further checks were refused');
    expect(server?.total).toBe(total);
    await running.proxy.close();
    await until(() => group.servers[0]?.state === 'up', 'the server was checked again');
  });

  test('obey a proxy whose hook chooses the group, from its first request on [Sluiceway]', async ({
    net,
  }) => {
    const { server, group } = await startGroup(net);
    await until(() => (server?.total ?? 0) > 0, 'the server was checked');
    const running = await net.proxy({ ...PUBLIC, onRequest: () => ({ upstream: group }) });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBeGreaterThanOrEqual(400);
    await refuses(group);
  });

  test('obey `addresses` of the group, for which requests ask their proxy [Sluiceway]', async ({ net }) => {
    const { server, group } = await startGroup(net, PUBLIC);
    await refuses(group);
    expect(server?.total).toBe(0);
    const client = await net.client(await net.proxy({ upstream: group }));
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('inside');
  });

  test('through an egress proxy are not sent if a proxy allows public addresses only [Sluiceway]', async ({
    net,
  }) => {
    const [egress] = await startServers(net, ['egress']);
    const group = createUpstreamGroup({
      servers: ['http://192.0.2.1'],
      health: HEALTH,
      egressProxy: egress?.url ?? '',
    });
    net.cleanup(() => group.close());
    const proxy = createProxy({ ...PUBLIC, upstream: group });
    net.cleanup(() => proxy.destroy());
    await until(() => typeof group.servers[0]?.fault === 'string', 'a check had failed');
    expect(group.servers[0]?.fault).toMatch(/cannot be checked/);
    expect(egress?.origin.total).toBe(0);
  });
});

test('retries and hedges of a group reach no address that their proxy does not allow [Sluiceway; OWASP]', async ({
  net,
}) => {
  const servers = await startServers(net, ['a', 'b']);
  const group = createUpstreamGroup({
    servers: servers.map(({ url }) => url),
    retry: { max: 3 },
    hedge: { connect: 1, after: 1 },
  });
  const client = await net.client(await net.proxy({ ...PUBLIC, upstream: group }));
  for (const target of ['/1', '/2', '/3']) {
    await client.get(target);
    expect((await client.readResponse()).head.status).toBeGreaterThanOrEqual(400);
  }
  expect(servers.map(({ origin }) => origin.total)).toEqual([0, 0]);
});

test('a group with an egress proxy cannot allow public addresses only [Sluiceway]', () => {
  const create = (): unknown =>
    createUpstreamGroup({ servers: ['http://a.test'], addresses: 'public', egressProxy: 'http://b.test' });
  expect(create).toThrow(OptionsError);
  expect(create).toThrow(/egressProxy requires addresses: 'any'/);
});
