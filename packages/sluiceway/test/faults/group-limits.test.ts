import { describe, expect } from 'vitest';
import { createUpstreamGroup } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { type GroupServer, REFUSING, startGroupServer, startServers } from '../support/group-servers.js';
import type { RawClient } from '../support/raw-client.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const BUSY = 'HTTP/1.1 503 Busy';

/** A server that answers each request when the test says so, with its target. */
async function heldServer(net: Network) {
  const waiting: { target: string; answer: () => void }[] = [];
  const server = await startGroupServer(net, 'held', (heads) => async (connection) => {
    for (;;) {
      const { head } = await connection.readRequest();
      heads.push(head);
      await new Promise<void>((resolve) => waiting.push({ target: head.target, answer: resolve }));
      await connection.write(sized(head.target));
    }
  });
  return {
    server,
    /** The target of the next request that is answered. */
    async next(): Promise<string> {
      await until(() => waiting.length > 0, 'the server had a request');
      const { target, answer } = waiting.shift() as (typeof waiting)[0];
      answer();
      return target;
    },
  };
}

const statusOf = async (client: RawClient): Promise<number> => (await client.readResponse()).head.status;

describe('a request to a group whose servers have as many transfers as they may have', () => {
  test('waits until one has fewer, and clients take turns [HAProxy; Envoy]', async ({ net }) => {
    const { server, next } = await heldServer(net);
    const group = createUpstreamGroup({ servers: [{ url: server.url, maxTransfers: 1 }] });
    const running = await net.proxy({ upstream: group, trustedProxies: ['127.0.0.1'] });
    const clients: RawClient[] = [];
    const send = async (target: string, address: string): Promise<void> => {
      const client = await net.client(running);
      clients.push(client);
      await client.get(target, [`X-Forwarded-For: ${address}`]);
      const sent = clients.length;
      await until(
        () => group.queued === sent - 1 && running.proxy.active === sent,
        'the request was sent or waits',
      );
    };
    for (const target of ['/a1', '/a2', '/a3', '/a4']) await send(target, '192.0.2.1');
    for (const target of ['/b1', '/b2']) await send(target, '192.0.2.2');
    await send('/c1', '192.0.2.3');
    expect(group.queued).toBe(6);
    const order: string[] = [];
    for (let index = 0; index < 7; index += 1) order.push(await next());
    expect(order).toEqual(['/a1', '/a2', '/b1', '/c1', '/a3', '/b2', '/a4']);
    for (const client of clients) expect(await statusOf(client)).toBe(200);
    await until(() => group.servers[0]?.transfers === 0, 'the server had no transfer left');
    expect(group.queued).toBe(0);
  });

  test('is answered 503 with Retry-After after queue.timeout, or at once if queue.max others wait [HAProxy; Envoy]', async ({
    net,
  }) => {
    const { server, next } = await heldServer(net);
    const servers = [{ url: server.url, maxTransfers: 1 }];
    const group = createUpstreamGroup({ servers, queue: { max: 1, timeout: 300 } });
    const running = await net.proxy({ upstream: group });
    const [first, second, third] = [
      await net.client(running),
      await net.client(running),
      await net.client(running),
    ];
    await first.get('/1');
    await until(() => server.heads.length === 1, 'the first request had arrived');
    await second.get('/2');
    await until(() => group.queued === 1, 'the second request waits');
    await third.get('/3');
    for (const client of [third, second]) {
      const { head } = await client.readResponse();
      expect(head.status).toBe(503);
      expect(Number(head.get('retry-after'))).toBeGreaterThan(0);
    }
    await next();
    expect(await statusOf(first)).toBe(200);
    expect(await running.record()).toMatchObject({ outcome: 'limited', error: 'connection_limit_reached' });
    expect(group.servers[0]).toMatchObject({ requests: 1, failures: 0 });
  });

  test('leaves the line with its client, and goes to a server that is added [HAProxy]', async ({ net }) => {
    const { server, next } = await heldServer(net);
    const [other] = (await startServers(net, ['other'])) as [GroupServer];
    const held = { url: server.url, maxTransfers: 1 };
    const group = createUpstreamGroup({ servers: [held] });
    const running = await net.proxy({ upstream: group });
    const [first, leaving, staying] = [
      await net.client(running),
      await net.client(running),
      await net.client(running),
    ];
    await first.get('/1');
    await until(() => server.heads.length === 1, 'the first request had arrived');
    await leaving.get('/2');
    await until(() => group.queued === 1, 'the second request waits');
    await staying.get('/3');
    await until(() => group.queued === 2, 'the third request waits');
    leaving.close();
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
    expect(group.queued).toBe(1);
    group.setServers([held, other.url]);
    expect(await statusOf(staying)).toBe(200);
    expect(other.heads.map(({ target }) => target)).toEqual(['/3']);
    await next();
    expect(await statusOf(first)).toBe(200);
  });
});

test('a request that is retried waits if its server has another transfer meanwhile [HAProxy]', async ({
  net,
}) => {
  const waiting: { target: string; answer: (isBroken: boolean) => void }[] = [];
  const server = await startGroupServer(net, 'one', (heads) => async (connection) => {
    for (;;) {
      const { head } = await connection.readRequest();
      heads.push(head);
      const isBroken = await new Promise<boolean>((resolve) =>
        waiting.push({ target: head.target, answer: resolve }),
      );
      await connection.write(isBroken ? sized('', [], BUSY) : sized(head.target));
    }
  });
  const next = async (target: string, isBroken: boolean): Promise<void> => {
    await until(() => waiting.length > 0, 'the server had a request');
    const one = waiting.shift();
    expect(one?.target).toBe(target);
    one?.answer(isBroken);
  };
  const group = createUpstreamGroup({
    servers: [{ url: server.url, maxTransfers: 1 }],
    passive: { failures: false, failurePercent: false },
  });
  const running = await net.proxy({ upstream: group });
  const [first, second] = [await net.client(running), await net.client(running)];
  await first.get('/1');
  await until(() => waiting.length === 1, 'the first request had arrived');
  await second.get('/2');
  await until(() => group.queued === 1, 'the second request waits');
  await next('/1', true);
  await until(() => waiting.length === 1 && group.queued === 1, 'the first request waits to be sent again');
  await next('/2', false);
  await next('/1', false);
  expect([await statusOf(first), await statusOf(second)]).toEqual([200, 200]);
});

describe('a circuit breaker', () => {
  test('opens after failures of the whole group, and closes after a request that succeeds [Envoy; HAProxy]', async ({
    net,
  }) => {
    let isBroken = true;
    const servers = await startServers(net, ['a', 'b'], {
      a: () => (isBroken ? sized('', [], BUSY) : sized('a')),
      b: () => (isBroken ? sized('', [], BUSY) : sized('b')),
    });
    const group = createUpstreamGroup({
      servers: servers.map(({ url }) => url),
      passive: { failures: false, failurePercent: false },
      retry: { max: 0 },
      breaker: { minRequests: 4, openFor: 1000 },
    });
    const running = await net.proxy({ upstream: group });
    const client = await net.client(running);
    const ask = async (): Promise<number> => {
      await client.get('/');
      return statusOf(client);
    };
    const arrived = (): number => servers.reduce((sum, { heads }) => sum + heads.length, 0);
    for (let index = 0; index < 4; index += 1) expect(await ask()).toBe(503);
    expect([arrived(), group.breaker]).toEqual([4, 'open']);
    await client.get('/');
    const { head } = await client.readResponse();
    expect([head.status, head.get('retry-after'), arrived()]).toEqual([503, '1', 4]);
    await until(() => group.breaker === 'half-open', 'the time had passed');
    // One request is tried, and fails.
    expect(await ask()).toBe(503);
    expect([arrived(), group.breaker]).toEqual([5, 'open']);
    isBroken = false;
    await until(() => group.breaker === 'half-open', 'the time had passed again');
    expect(await ask()).toBe(200);
    expect(group.breaker).toBe('closed');
    expect(await ask()).toBe(200);
  });

  test('stays closed while enough requests succeed, and there is none without the option [Envoy]', async ({
    net,
  }) => {
    let asked = 0;
    const servers = await startServers(net, ['a'], {
      a: () => {
        asked += 1;
        return asked % 3 === 0 ? sized('', [], BUSY) : sized('a');
      },
    });
    const options = {
      servers: servers.map(({ url }) => url),
      passive: { failures: false, failurePercent: false },
      retry: { max: 0 },
    } as const;
    const one = createUpstreamGroup({ ...options, breaker: { minRequests: 2 } });
    const none = createUpstreamGroup({ ...options, servers: [REFUSING] });
    for (const group of [one, none]) {
      const client = await net.client(await net.proxy({ upstream: group }));
      for (let index = 0; index < 30; index += 1) {
        await client.get('/');
        await client.readResponse();
      }
      expect(group.breaker).toBe('closed');
    }
    expect(servers[0]?.heads).toHaveLength(30);
  });
});

test('no more requests than retry.maxConcurrent are retried at a time [Envoy]', async ({ net }) => {
  const { server, next } = await heldServer(net);
  const [busy] = (await startServers(net, ['busy'], { busy: () => sized('', [], BUSY) })) as [GroupServer];
  const group = createUpstreamGroup({
    servers: [busy.url, server.url],
    balance: 'ordered',
    passive: { failures: false, failurePercent: false },
    retry: { maxConcurrent: 1 },
  });
  const running = await net.proxy({ upstream: group });
  const [first, second] = [await net.client(running), await net.client(running)];
  await first.get('/1');
  await until(() => server.heads.length === 1, 'the first request is retried');
  await second.get('/2');
  expect(await statusOf(second)).toBe(503);
  await next();
  expect(await statusOf(first)).toBe(200);
  await second.get('/3');
  expect(await next()).toBe('/3');
  expect(await statusOf(second)).toBe(200);
});
