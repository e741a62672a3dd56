import { createServer } from 'node:net';
import { describe, expect } from 'vitest';
import { createUpstreamGroup, type HealthOptions, type UpstreamGroup } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { type GroupServer, REFUSING, startServers } from '../support/group-servers.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const SOON: HealthOptions = { path: '/healthz', interval: 10, rise: 2, fall: 2 };

const checksOf = ({ heads }: GroupServer): number =>
  heads.filter(({ target }) => target === '/healthz').length;

const reaches = (group: UpstreamGroup, state: string, index = 0): Promise<void> =>
  until(() => group.servers[index]?.state === state, `server ${index} was ${state}`);

describe('a health check', () => {
  test('takes a server out after failures in a row, and back after successes in a row [HAProxy; Caddy]', async ({
    net,
  }) => {
    let isWell = true;
    const servers = await startServers(net, ['a', 'b'], {
      a: (head) => (head.target === '/healthz' && !isWell ? sized('', [], 'HTTP/1.1 500 Sick') : sized('a')),
    });
    const group = createUpstreamGroup({ servers: servers.map(({ url }) => url), health: SOON });
    net.cleanup(() => group.close());
    const client = await net.client(await net.proxy({ upstream: group }));
    const ask = async (): Promise<string> => {
      await client.get('/');
      return (await client.readResponse()).content.toString();
    };
    await until(() => servers.every((server) => checksOf(server) >= 2), 'both servers were checked');
    expect(group.servers.map(({ state }) => state)).toEqual(['up', 'up']);
    isWell = false;
    await reaches(group, 'down');
    expect(group.servers[0]?.fault).toBe('it answered 500');
    expect([await ask(), await ask(), await ask()]).toEqual(['b', 'b', 'b']);
    isWell = true;
    await reaches(group, 'up');
    expect(new Set([await ask(), await ask()])).toEqual(new Set(['a', 'b']));
    expect(servers[0]?.heads[0]?.get('host')).toBe(`127.0.0.1:${servers[0]?.origin.port}`);
  });

  test('expects the statuses and the content that are set [HAProxy; Caddy]', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b', 'c'], {
      a: () => sized('status: ok', [], 'HTTP/1.1 418 Teapot'),
      b: () => sized('status: draining', [], 'HTTP/1.1 418 Teapot'),
      c: () => sized('status: ok'),
    });
    const health = { ...SOON, statuses: [418], content: 'ok' };
    const group = createUpstreamGroup({ servers: servers.map(({ url }) => url), health });
    net.cleanup(() => group.close());
    await reaches(group, 'down', 1);
    await reaches(group, 'down', 2);
    expect(group.servers.map(({ state, fault }) => [state, fault])).toEqual([
      ['up', null],
      ['down', 'its content is not as expected'],
      ['down', 'it answered 200'],
    ]);
  });

  test('of TCP needs only a connection, on a port of its own if one is set [HAProxy]', async ({ net }) => {
    const listener = createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => {
      listener.listen(0, '127.0.0.1', resolve);
    });
    net.cleanup(() => listener.close());
    const address = listener.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const tcp = createUpstreamGroup({ servers: [REFUSING], health: { ...SOON, check: 'tcp' } });
    const elsewhere = createUpstreamGroup({ servers: [REFUSING], health: { ...SOON, check: 'tcp', port } });
    net.cleanup(() => {
      tcp.close();
      elsewhere.close();
    });
    await reaches(tcp, 'down');
    expect(elsewhere.servers[0]).toMatchObject({ state: 'up', fault: null });
  });

  test('that gets no complete response in time has failed [Caddy]', async ({ net }) => {
    const silent = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      await connection.readAll();
    });
    const group = createUpstreamGroup({ servers: [silent.url], health: { ...SOON, timeout: 30 } });
    net.cleanup(() => group.close());
    await reaches(group, 'down');
    expect(group.servers[0]?.fault).toBe('no complete response within 30 ms');
  });

  test('that succeeds ends an ejection [Sluiceway]', async ({ net }) => {
    let isWell = false;
    const servers = await startServers(net, ['a', 'b'], {
      a: (head) => (isWell || head.target === '/healthz' ? sized('a') : sized('', [], 'HTTP/1.1 503 Busy')),
    });
    const group = createUpstreamGroup({
      servers: servers.map(({ url }) => url),
      health: { ...SOON, interval: 200 },
      passive: { failures: 1, ejectFor: '1h' },
    });
    net.cleanup(() => group.close());
    const client = await net.client(await net.proxy({ upstream: group }));
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('b');
    isWell = true;
    await reaches(group, 'up');
  });

  test('ends the ejection of a server that could not be reached, but not of one that answers badly [Envoy; HAProxy]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['busy', 'other', 'checked'], {
      busy: () => sized('', [], 'HTTP/1.1 503 Busy'),
    });
    const [busy, other, checked] = servers as [GroupServer, GroupServer, GroupServer];
    const group = createUpstreamGroup({
      servers: [REFUSING, busy.url, other.url],
      balance: 'ordered',
      // Another port, so that the checks of both are good all the time.
      health: { ...SOON, port: checked.origin.port },
      passive: { failures: 1, ejectFor: '1h', maxEjected: 100 },
    });
    net.cleanup(() => group.close());
    const client = await net.client(await net.proxy({ upstream: group }));
    await reaches(group, 'up');
    await until(() => checksOf(checked) > 9, 'the servers were checked');
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('other');
    expect(group.servers.map(({ ejections }) => ejections)).toEqual([1, 1, 0]);
    await reaches(group, 'up');
    const before = checksOf(checked);
    await until(() => checksOf(checked) > before + 9, 'the servers were checked again');
    expect(group.servers[1]?.state).toBe('ejected');
  });

  test('stops with the proxy whose options have it, and with a group that is closed [Sluiceway]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b']);
    const [a, b] = servers as [GroupServer, GroupServer];
    const running = await net.proxy({ upstream: { servers: [a.url], health: SOON } });
    const group = createUpstreamGroup({ servers: [b.url, REFUSING], health: SOON });
    await reaches(group, 'down', 1);
    await until(() => checksOf(a) > 2 && checksOf(b) > 2, 'both were checked');
    await running.proxy.close();
    group.close();
    expect(group.servers.map(({ state }) => state)).toEqual(['up', 'up']);
    // A check that has begun ends with its connection.
    await until(() => a.origin.open === 0 && b.origin.open === 0, 'no connection was left');
    const counts = [checksOf(a), checksOf(b)];
    group.setServers([b.url]);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    expect([checksOf(a), checksOf(b)]).toEqual(counts);
  });
});
