import { describe, expect } from 'vitest';
import { createUpstreamGroup } from '../../src/index.js';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import {
  type GroupServer,
  REFUSING,
  startGroupServer,
  startResetting,
  startServers,
} from '../support/group-servers.js';
import { rangedOrigin } from '../support/ranged-origin.js';
import type { RawClient } from '../support/raw-client.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const BUSY = 'HTTP/1.1 503 Busy';

async function statusOf(client: RawClient, request: string): Promise<[number, string]> {
  await client.send(request);
  const response = await client.readResponse();
  return [response.head.status, response.content.toString()];
}

const put = (content: string, method = 'PUT'): string =>
  `${method} /x HTTP/1.1\r\nHost: test\r\nContent-Length: ${content.length}\r\n\r\n${content}`;

const GET = 'GET /x HTTP/1.1\r\nHost: test\r\n\r\n';

describe('a request whose server fails before the response head', () => {
  test.for([
    ['GET', GET],
    ['POST', put('whole content', 'POST')],
  ] as const)(
    '%s is sent to another server where connecting was refused [Caddy]',
    async ([, request], { net }) => {
      const [server] = await startServers(net, ['a'], {
        a: (_, content) => sized(`got ${content.toString()}`),
      });
      const running = await net.proxy({
        upstream: { servers: [REFUSING, server?.url ?? ''], balance: 'ordered' },
      });
      const client = await net.client(running);
      expect(await statusOf(client, request)).toEqual([200, request === GET ? 'got ' : 'got whole content']);
      expect(await running.record()).toMatchObject({
        outcome: 'completed',
        attempts: 2,
        upstream: server?.url,
      });
    },
  );

  test('is answered 502 without retries [Caddy]', async ({ net }) => {
    const [server] = await startServers(net, ['a']);
    const upstream = {
      servers: [REFUSING, server?.url ?? ''],
      balance: 'ordered',
      retry: { max: 0 },
    } as const;
    const client = await net.client(await net.proxy({ upstream }));
    expect((await statusOf(client, put('x', 'POST')))[0]).toBe(502);
    expect(server?.heads).toHaveLength(0);
  });

  test('is retried where the connection was reset, unless the method is not idempotent [RFC 9110 9.2.2; Caddy]', async ({
    net,
  }) => {
    const resetting = await startResetting(net);
    const [server] = await startServers(net, ['a'], {
      a: (_, content) => sized(`got ${content.toString()}`),
    });
    const upstream = {
      servers: [resetting.url, server?.url ?? ''],
      balance: 'ordered',
      passive: { failures: false },
    } as const;
    const client = await net.client(await net.proxy({ upstream }));
    expect(await statusOf(client, GET)).toEqual([200, 'got ']);
    expect(await statusOf(client, put('kept'))).toEqual([200, 'got kept']);
    expect((await statusOf(client, put('once', 'POST')))[0]).toBe(502);
    expect(resetting.heads.map(({ method }) => method)).toEqual(['GET', 'PUT', 'POST']);
    expect(server?.heads.map(({ method }) => method)).toEqual(['GET', 'PUT']);
  });

  test('is retried with content only up to the size that is kept [Envoy; Sluiceway]', async ({ net }) => {
    const reading = await startGroupServer(net, 'reading', (heads) => async (connection) => {
      heads.push((await connection.readRequest()).head);
      connection.reset();
    });
    const [server] = await startServers(net, ['a'], { a: (_, content) => sized(`got ${content.length}`) });
    const upstream = {
      servers: [reading.url, server?.url ?? ''],
      balance: 'ordered',
      retry: { maxContent: 1000 },
      passive: { failures: false },
    } as const;
    const running = await net.proxy({ upstream });
    const client = await net.client(running);
    expect(await statusOf(client, put('x'.repeat(1000)))).toEqual([200, 'got 1000']);
    const other = await net.client(running);
    expect((await statusOf(other, put('x'.repeat(1001))))[0]).toBe(502);
  });

  test('is retried after a status that says so, and the client gets the last response [Caddy]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b', 'c'], {
      a: () => sized('busy a', [], BUSY),
      b: () => sized('busy b', [], BUSY),
    });
    const urls = servers.map(({ url }) => url);
    const passive = { failures: false } as const;
    const running = await net.proxy({ upstream: { servers: urls, balance: 'ordered', passive } });
    const client = await net.client(running);
    expect(await statusOf(client, GET)).toEqual([200, 'c']);
    expect(await statusOf(client, put('x', 'POST'))).toEqual([503, 'busy a']);
    const two = await net.client(
      await net.proxy({ upstream: { servers: urls.slice(0, 2), balance: 'ordered', passive } }),
    );
    expect((await statusOf(two, GET))[0]).toBe(503);
    const one = await net.client(
      await net.proxy({ upstream: { servers: urls, balance: 'ordered', passive, retry: { statuses: [] } } }),
    );
    expect(await statusOf(one, GET)).toEqual([503, 'busy a']);
  });

  test('is retried where no head arrives in time [Caddy]', async ({ net }) => {
    const silent = await startGroupServer(net, 'silent', (heads) => async (connection) => {
      heads.push(await connection.readHead());
      await connection.readAll();
    });
    const [server] = await startServers(net, ['a']);
    const running = await net.proxy({
      upstream: { servers: [silent.url, server?.url ?? ''], balance: 'ordered' },
      timeouts: { responseHead: 100 },
    });
    expect(await statusOf(await net.client(running), GET)).toEqual([200, 'a']);
    expect(silent.heads).toHaveLength(1);
  });

  test('is not retried beyond the budget of all requests [Envoy]', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b'], {
      a: () => sized('', [], BUSY),
      b: () => sized('', [], BUSY),
    });
    const running = await net.proxy({
      upstream: {
        servers: servers.map(({ url }) => url),
        passive: { failures: false },
        retry: { max: 1, budget: { percent: 20, minPerSecond: 0 } },
      },
    });
    const client = await net.client(running);
    for (let index = 0; index < 50; index += 1) expect((await statusOf(client, GET))[0]).toBe(503);
    expect(servers.reduce((sum, { heads }) => sum + heads.length, 0)).toBe(60);
  });

  test('keeps a Host that options have set, and its credentials [Sluiceway]', async ({ net }) => {
    const resetting = await startResetting(net);
    const [server] = await startServers(net, ['a']);
    const running = await net.proxy({
      upstream: { servers: [resetting.url, server?.url ?? ''], balance: 'ordered' },
      headers: { host: 'files.example' },
      onUpstreamRequest: ({ upstreamRequest }) => {
        upstreamRequest.headers.set('X-Key', 'secret');
        upstreamRequest.path = '/changed';
      },
    });
    const client = await net.client(running);
    await client.get('/x', ['Authorization: Basic eDp5']);
    await client.readResponse();
    for (const head of [resetting.heads[0], server?.heads[0]]) {
      expect(head?.target).toBe('/changed');
      expect(head?.get('host')).toBe('files.example');
      expect(head?.get('authorization')).toBe('Basic eDp5');
      expect(head?.get('x-key')).toBe('secret');
    }
  });

  test('fails where the only server keeps refusing, and is answered once it is back [Caddy]', async ({
    net,
  }) => {
    const running = await net.proxy({ upstream: { servers: [REFUSING], retry: { max: 1 } } });
    const client = await net.client(running);
    expect((await statusOf(client, GET))[0]).toBe(502);
    expect((await running.record()).attempts).toBe(2);
  });
});

describe('a server that fails', () => {
  const failing = (net: Network, isBroken: () => boolean): Promise<GroupServer[]> =>
    startServers(net, ['a', 'b'], { a: () => (isBroken() ? sized('', [], BUSY) : sized('a')) });

  const ask = async (client: RawClient, count: number): Promise<string> => {
    let names = '';
    for (let index = 0; index < count; index += 1) names += (await statusOf(client, GET))[1];
    return names;
  };

  test('is ejected after failures in a row, and gets no more requests [Envoy]', async ({ net }) => {
    const servers = await failing(net, () => true);
    const group = createUpstreamGroup({
      servers: servers.map(({ url }) => url),
      passive: { failures: 2, ejectFor: '1h' },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect(await ask(client, 9)).toBe('bbbbbbbbb');
    expect(group.servers[0]).toMatchObject({ state: 'ejected', failures: 2, requests: 2 });
  });

  test('is ejected again by one failure after its ejection, and gets requests again after a success [Envoy]', async ({
    net,
  }) => {
    let isBroken = true;
    const servers = await failing(net, () => isBroken);
    const group = createUpstreamGroup({
      servers: servers.map(({ url }) => url),
      passive: { failures: 3, ejectFor: 20 },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    const tried = async (): Promise<void> => {
      const before = group.servers[0]?.requests ?? 0;
      await until(async () => {
        await ask(client, 1);
        return (group.servers[0]?.requests ?? 0) > before;
      }, 'the server was tried again');
    };
    await ask(client, 6);
    await tried();
    expect(group.servers[0]?.state).not.toBe('up');
    isBroken = false;
    await tried();
    expect(group.servers[0]?.state).toBe('up');
    expect(new Set(await ask(client, 4))).toEqual(new Set(['a', 'b']));
  });

  test('stays while too many others are ejected [Envoy]', async ({ net }) => {
    const [server] = await startServers(net, ['a']);
    const group = createUpstreamGroup({
      servers: [REFUSING, 'http://127.0.0.1:2', 'http://127.0.0.1:3', server?.url ?? ''],
      passive: { failures: 1, maxEjected: 25 },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect(await statusOf(client, GET)).toEqual([502, expect.any(String)]);
    expect(group.servers.map(({ state }) => state)).toEqual(['ejected', 'up', 'up', 'up']);
  });

  test('is tried anyway where all are down, or the answer is 503 with Retry-After [Envoy; Caddy]', async ({
    net,
  }) => {
    const passive = { failures: 1, maxEjected: 100 };
    const tries = await net.client(
      await net.proxy({ upstream: { servers: [REFUSING], passive, retry: { max: 0 } } }),
    );
    expect((await statusOf(tries, GET))[0]).toBe(502);
    expect((await statusOf(tries, GET))[0]).toBe(502);
    const refuses = await net.client(
      await net.proxy({ upstream: { servers: [REFUSING], passive, retry: { max: 0 }, whenDown: 'refuse' } }),
    );
    expect((await statusOf(refuses, GET))[0]).toBe(502);
    await refuses.send(GET);
    const { head } = await refuses.readResponse();
    expect(head.status).toBe(503);
    expect(Number(head.get('retry-after'))).toBeGreaterThan(0);
  });

  test('is not blamed for a client that leaves [Caddy]', async ({ net }) => {
    const silent = await startGroupServer(net, 'silent', (heads) => async (connection) => {
      heads.push(await connection.readHead());
      await connection.readAll();
    });
    const group = createUpstreamGroup({ servers: [silent.url], passive: { failures: 1 } });
    const running = await net.proxy({ upstream: group });
    for (const index of [1, 2]) {
      const client = await net.client(running);
      await client.send(GET);
      await until(() => silent.heads.length === index, 'the request had arrived');
      client.close();
      expect(await running.record(index - 1)).toMatchObject({ outcome: 'client_aborted' });
    }
    expect(group.servers[0]).toMatchObject({ state: 'up', failures: 0, transfers: 0, requests: 2 });
  });
});

describe('content that breaks off', () => {
  const file = seededBytes('group', 0, 300_000);

  test('goes on at another server of the group that has the same file, and counts against the first [Sluiceway]', async ({
    net,
  }) => {
    const fields = ['ETag: "v1"'];
    const broken = await net.origin(rangedOrigin(file, () => ({ bytes: 100_000, ending: 'reset' }), fields));
    const whole: string[] = [];
    const healthy = await net.origin(
      rangedOrigin(
        file,
        ({ head }) => {
          whole.push(head.get('authorization') ?? '');
          return 'whole';
        },
        fields,
      ),
    );
    const group = createUpstreamGroup({
      servers: [broken.url, healthy.url],
      balance: 'ordered',
      passive: { failures: 1 },
    });
    const running = await net.proxy({ upstream: group });
    const client = await net.client(running);
    await client.get('/file', ['Authorization: Basic eDp5']);
    const { content, complete } = await client.readResponse();
    expect(complete).toBe(true);
    expect(content.equals(file)).toBe(true);
    expect(await running.record()).toMatchObject({ outcome: 'completed', upstream: healthy.url });
    expect(whole).toEqual(['Basic eDp5']);
    expect(group.servers.map(({ state, transfers }) => [state, transfers])).toEqual([
      ['ejected', 0],
      ['up', 0],
    ]);
  });

  test('goes on at a server that is ejected if no other is left [Sluiceway]', async ({ net }) => {
    const fields = ['ETag: "v1"'];
    let isBusy = true;
    const back = await net.origin(
      rangedOrigin(
        file,
        () => (isBusy ? Buffer.from('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n') : 'whole'),
        fields,
      ),
    );
    const dying = await net.origin(
      rangedOrigin(file, ({ index }) => ({ bytes: index === 0 ? 100_000 : 0, ending: 'reset' }), fields),
    );
    const group = createUpstreamGroup({
      servers: [back.url, dying.url],
      balance: 'ordered',
      passive: { failures: 1, ejectFor: '1h' },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    await client.get('/file');
    await client.readHead();
    expect(group.servers[0]?.state).toBe('ejected');
    isBusy = false;
    expect((await client.readExactly(file.length)).equals(file)).toBe(true);
  });

  test('counts once where one fault breaks several responses [Sluiceway]', async ({ net }) => {
    const broken = await net.origin(rangedOrigin(file, () => ({ bytes: 100_000, ending: 'stall' }), []));
    const other = await net.origin(rangedOrigin(file, () => 'whole', []));
    const group = createUpstreamGroup({
      servers: [broken.url, other.url],
      balance: 'ordered',
      passive: { failures: 2, ejectFor: '1h' },
    });
    const running = await net.proxy({ upstream: group });
    const breakSeveral = async (): Promise<void> => {
      const first = broken.connections.length;
      const clients = await Promise.all([0, 1, 2].map(() => net.client(running)));
      await Promise.all(clients.map(async (client) => (await client.get('/file'), client.readHead())));
      for (const connection of broken.connections.slice(first)) connection.reset();
      for (const client of clients) await client.readUntilClose();
    };
    await breakSeveral();
    await until(() => group.servers[0]?.failures === 3, 'all three had failed');
    expect(group.servers[0]?.state).toBe('up');
    await breakSeveral();
    await until(() => group.servers[0]?.state === 'ejected', 'the server was ejected');
  });

  test('counts against its server where it cannot go on [Sluiceway]', async ({ net }) => {
    const broken = await net.origin(rangedOrigin(file, () => ({ bytes: 100_000, ending: 'reset' }), []));
    const group = createUpstreamGroup({ servers: [broken.url], passive: { failures: 1 } });
    const running = await net.proxy({ upstream: group });
    const client = await net.client(running);
    await client.get('/file');
    expect((await client.readResponse()).complete).toBe(false);
    expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated' });
    expect(group.servers[0]).toMatchObject({ state: 'ejected', failures: 1 });
  });
});
