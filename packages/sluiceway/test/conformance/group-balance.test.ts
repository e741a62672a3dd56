import { describe, expect } from 'vitest';
import { createProxy, createUpstreamGroup, type UpstreamServer } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { type GroupServer, REFUSING, startServers } from '../support/group-servers.js';
import { rangedOrigin } from '../support/ranged-origin.js';
import type { RawClient } from '../support/raw-client.js';
import { sized } from '../support/through.js';

const urlsOf = (servers: readonly GroupServer[]): string[] => servers.map(({ url }) => url);

/** The names of the servers that answer some requests in a row. */
async function ask(
  client: RawClient,
  targets: readonly string[],
  lines: readonly string[] = [],
): Promise<string[]> {
  const names: string[] = [];
  for (const target of targets) {
    await client.get(target, lines);
    names.push((await client.readResponse()).content.toString());
  }
  return names;
}

const times = (count: number, target = '/'): string[] => Array.from({ length: count }, () => target);

describe('requests to a group of servers', () => {
  test('go to each server in turn [Caddy; nginx]', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b', 'c']);
    const client = await net.client(await net.proxy({ upstream: { servers: urlsOf(servers) } }));
    expect((await ask(client, times(6))).join('')).toBe('abcabc');
  });

  test('have records with their server, and with the time that its connection took [Sluiceway]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a']);
    const running = await net.proxy({ upstream: { servers: urlsOf(servers) } });
    await ask(await net.client(running), times(2));
    const [first, second] = [await running.record(), await running.record(1)];
    expect([first.upstream, typeof first.connectMs]).toEqual([servers[0]?.url, 'number']);
    expect(second).toMatchObject({ upstream: servers[0]?.url, connectMs: null });
  });

  test('are shared by weight, and a server of weight 0 gets none [Caddy]', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b', 'c']);
    const weights = [2, 1, 0];
    const upstream = { servers: servers.map(({ url }, index) => ({ url, weight: weights[index] ?? 0 })) };
    const client = await net.client(await net.proxy({ upstream }));
    expect((await ask(client, times(6))).join('')).toBe('abaaba');
  });

  test('go to a backup only while no other server is available [HAProxy; nginx]', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b']);
    const [a = '', b = ''] = urlsOf(servers);
    const group = createUpstreamGroup({
      servers: [{ url: REFUSING }, a, { url: b, backup: true }],
      passive: { failures: 1 },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect((await ask(client, times(4))).join('')).toBe('aaaa');
    group.setServers([REFUSING, { url: b, backup: true }]);
    expect((await ask(client, times(2))).join('')).toBe('bb');
  });

  test('of one path go to one server, whatever the query, and stay there when others leave [Caddy; Envoy]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b', 'c']);
    const group = createUpstreamGroup({ servers: urlsOf(servers), balance: 'hash' });
    const client = await net.client(await net.proxy({ upstream: group }));
    const paths = Array.from({ length: 60 }, (_, index) => `/file-${index}`);
    const before = await ask(client, paths);
    expect(new Set(before).size).toBe(3);
    expect(
      await ask(
        client,
        paths.map((path) => `${path}?x=1`),
      ),
    ).toEqual(before);
    group.setServers(urlsOf(servers.slice(0, 2)));
    const after = await ask(client, paths);
    expect(after.filter((_, index) => before[index] !== 'c')).toEqual(before.filter((name) => name !== 'c'));
  });

  test('of one header value go to one server [Caddy]', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b', 'c']);
    const upstream = { servers: urlsOf(servers), balance: 'hash', hashKey: 'header:X-Tenant' } as const;
    const client = await net.client(await net.proxy({ upstream }));
    const [name = ''] = await ask(client, ['/1'], ['X-Tenant: t']);
    expect(await ask(client, ['/2', '/3', '/4'], ['X-Tenant: t'])).toEqual([name, name, name]);
    expect(new Set(await ask(client, times(3))).size).toBe(3);
  });

  test('cannot have a key for another choice than hash [Sluiceway]', () => {
    const servers = ['http://a.test', 'http://b.test'];
    for (const balance of [undefined, 'least-bytes', () => undefined] as const) {
      const options = { servers, hashKey: 'client', ...(balance !== undefined && { balance }) };
      expect(() => createProxy({ upstream: options })).toThrow(
        /^.*upstream\.hashKey has no effect without balance/s,
      );
      expect(() => createUpstreamGroup(options)).toThrow(/^.*hashKey has no effect without balance/s);
    }
  });

  test('go to the server that a function chooses, and to the next in turn if it chooses none [Sluiceway]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b']);
    const seen: number[] = [];
    const running = await net.proxy({
      upstream: {
        servers: urlsOf(servers),
        balance: (available, { path, headers }) => {
          seen.push(available.length);
          if (path === '/wrong') return { ...(available[0] as UpstreamServer) };
          return path === '/turn' ? undefined : available.find(({ url }) => url === headers.get('x-server'));
        },
      },
    });
    const client = await net.client(running);
    const [, b = ''] = urlsOf(servers);
    expect((await ask(client, times(3), [`X-Server: ${b}`])).join('')).toBe('bbb');
    expect((await ask(client, times(4, '/turn'))).join('')).toBe('abab');
    expect(new Set(seen)).toEqual(new Set([2]));
    await client.get('/wrong');
    expect((await client.readResponse()).head.status).toBe(500);
  });

  test('cannot be disturbed by a function that changes its list, or reach more than the documented members [Sluiceway]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b']);
    const members: string[][] = [];
    const group = createUpstreamGroup({
      servers: urlsOf(servers),
      balance: (available, { path }) => {
        const list = available as UpstreamServer[];
        members.push(Object.keys(list[0] ?? {}));
        if (path === '/change') Object.assign(list[0] ?? {}, { weight: 0 });
        return path === '/last' ? list.pop() : list.splice(0)[0];
      },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect((await ask(client, ['/last', '/last', '/', '/', '/last'])).join('')).toBe('bbaab');
    expect(members.at(-1)?.toSorted()).toEqual(Object.keys(group.servers[0] ?? {}).toSorted());
    await client.get('/change');
    expect((await client.readResponse()).head.status).toBe(500);
    expect(group.servers.map(({ weight }) => weight)).toEqual([1, 1]);
  });

  test('go to the first server of the list while it works [Caddy]', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b']);
    const upstream = { servers: [REFUSING, ...urlsOf(servers)], balance: 'ordered' } as const;
    const client = await net.client(await net.proxy({ upstream }));
    expect((await ask(client, times(5))).join('')).toBe('aaaaa');
  });

  test('go to the server with the fewest bytes in flight [Sluiceway]', async ({ net }) => {
    const file = Buffer.alloc(4 * 1024 * 1024, 'x');
    const busy = await net.origin(rangedOrigin(file, () => ({ bytes: 1000, ending: 'stall' })));
    const servers = await startServers(net, ['a']);
    const group = createUpstreamGroup({ servers: [busy.url], balance: 'least-bytes' });
    const running = await net.proxy({ upstream: group });
    const download = await net.client(running);
    await download.get('/large');
    await download.readHead();
    group.setServers([busy.url, ...urlsOf(servers)]);
    expect(group.servers[0]).toMatchObject({ url: busy.url, transfers: 1, requests: 1 });
    expect(group.servers[0]?.bytesInFlight).toBeGreaterThan(3_000_000);
    const client = await net.client(running);
    expect((await ask(client, times(5))).join('')).toBe('aaaaa');
    download.close();
  });

  test('carry the Host, the path and the credentials of each server [RFC 9110 7.2]', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b']);
    const upstream = { servers: [`${servers[0]?.url}/one?key=1`, `${servers[1]?.url}/two`] };
    const client = await net.client(await net.proxy({ upstream }));
    await ask(client, ['/x?y=2', '/x?y=2'], ['Authorization: Basic eDp5']);
    expect(servers.map(({ heads }) => heads[0]?.target)).toEqual(['/one/x?key=1&y=2', '/two/x?y=2']);
    expect(servers.map(({ heads }) => heads[0]?.get('host'))).toEqual(
      servers.map(({ origin }) => `127.0.0.1:${origin.port}`),
    );
  });
});

describe('a group that changes', () => {
  test('sends nothing more to a server that has left, and lets its transfers end [Envoy; Sluiceway]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b'], {
      a: () => 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf,',
    });
    const [a = '', b = ''] = urlsOf(servers);
    const group = createUpstreamGroup({ servers: [a] });
    const running = await net.proxy({ upstream: group });
    const first = await net.client(running);
    await first.get('/');
    await first.readHead();
    group.setServers([b]);
    expect(group.servers.map(({ url, state }) => [url, state])).toEqual([
      [b, 'up'],
      [a, 'draining'],
    ]);
    const client = await net.client(running);
    expect((await ask(client, times(3))).join('')).toBe('bbb');
    first.close();
    await running.record(3);
    expect(group.servers.map(({ url }) => url)).toEqual([b]);
  });

  test('keeps the transfers and the counts of a server that comes back while it drains [Sluiceway]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b'], {
      a: () => 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf,',
    });
    const [a = '', b = ''] = urlsOf(servers);
    const group = createUpstreamGroup({ servers: [{ url: a, maxTransfers: 1 }] });
    const running = await net.proxy({ upstream: group });
    const first = await net.client(running);
    await first.get('/');
    await first.readHead();
    group.setServers([b]);
    group.setServers([{ url: a, maxTransfers: 1 }, b]);
    expect(group.servers).toMatchObject([
      { url: a, state: 'up', transfers: 1, requests: 1 },
      { url: b, state: 'up' },
    ]);
    const client = await net.client(running);
    expect((await ask(client, times(3))).join('')).toBe('bbb');
    group.drain(a);
    expect(group.servers).toMatchObject([
      { url: b, requests: 3 },
      { url: a, state: 'draining', transfers: 1 },
    ]);
    first.close();
  });

  test('shares requests by new weights at once, whatever the old ones were [nginx]', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b']);
    const [a = '', b = ''] = urlsOf(servers);
    const group = createUpstreamGroup({
      servers: [
        { url: a, weight: 100 },
        { url: b, weight: 1 },
      ],
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect((await ask(client, times(40))).join('')).toBe('a'.repeat(40));
    group.setServers([
      { url: a, weight: 1 },
      { url: b, weight: 1 },
    ]);
    expect((await ask(client, times(6))).join('')).toBe('ababab');
    expect(group.servers.map(({ requests, weight }) => [requests, weight])).toEqual([
      [43, 1],
      [3, 1],
    ]);
  });

  test('refuses a list that has a server twice, however its URL is given [Sluiceway]', () => {
    const group = createUpstreamGroup({ servers: ['http://a.test'] });
    for (const same of ['http://a.test:80', new URL('http://A.test'), { url: 'http://a.test', weight: 2 }])
      expect(() => group.setServers(['http://a.test', same])).toThrow(/must not contain a server twice/);
    expect(group.servers.map(({ url, weight }) => [url, weight])).toEqual([['http://a.test', 1]]);
  });

  test('is not changed by a list that is not valid [Sluiceway]', () => {
    const group = createUpstreamGroup({ servers: ['http://a.test', { url: 'http://b.test', weight: 3 }] });
    expect(() => group.setServers(['http://a.test', 'ftp://c.test'])).toThrow(/servers\[1\]/);
    expect(() => group.setServers([])).toThrow(/must contain a server/);
    expect(group.servers.map(({ url, weight }) => [url, weight])).toEqual([
      ['http://a.test', 1],
      ['http://b.test', 3],
    ]);
  });

  test('serves several proxies, and what onRequest chooses [Sluiceway]', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b']);
    const group = createUpstreamGroup({ servers: urlsOf(servers) });
    const one = await net.client(await net.proxy({ upstream: { group } }));
    const other = await net.client(await net.proxy({ onRequest: () => ({ upstream: group }) }));
    expect(await ask(one, ['/'])).toEqual(['a']);
    expect(await ask(other, ['/'])).toEqual(['b']);
    expect(await ask(one, ['/'])).toEqual(['a']);
    expect(group.servers.map(({ requests }) => requests)).toEqual([2, 1]);
  });

  test('has a Location of the server that answered rewritten [RFC 9110 10.2.2]', async ({ net }) => {
    const servers = await startServers(net, ['a'], {
      a: (head) => sized('', [`Location: http://${head.get('host')}/next`], 'HTTP/1.1 201 Created'),
    });
    const running = await net.proxy({
      upstream: { servers: [REFUSING, ...urlsOf(servers)], balance: 'ordered' },
      headers: { location: 'rewrite' },
    });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).head.get('location')).toBe('/next');
  });
});
