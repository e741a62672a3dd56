import { describe, expect } from 'vitest';
import { createUpstreamGroup, OptionsError } from '../../src/index.js';
import { loopbackCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { startGroupServer } from '../support/group-servers.js';
import { startHttp2Server } from '../support/node-http2.js';
import type { RawClient } from '../support/raw-client.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

/** A server that answers with its name once the gate is open, and the most connections that it had at a time. */
async function heldServer(net: Network, name: string, gate: Gate) {
  const found = { most: 0 };
  let open = 0;
  const server = await startGroupServer(net, name, (heads) => async (connection) => {
    open += 1;
    found.most = Math.max(found.most, open);
    void connection.closed.then(() => {
      open -= 1;
    });
    for (;;) {
      const { head } = await connection.readRequest();
      heads.push(head);
      if (head.target !== '/healthz') await gate.opened;
      await connection.write(sized(name));
    }
  });
  return Object.assign(found, server);
}

async function sendAll(
  net: Network,
  running: Parameters<Network['client']>[0],
  count: number,
): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let index = 0; index < count; index += 1) {
    const client = await net.client(running);
    await client.get(`/${index}`);
    clients.push(client);
  }
  return clients;
}

const namesOf = (clients: readonly RawClient[]): Promise<string[]> =>
  Promise.all(clients.map(async (client) => (await client.readResponse()).content.toString()));

describe('a server of a group with maxConnections', () => {
  test('has no more connections, and the other servers get further requests at once [nginx; HAProxy]', async ({
    net,
  }) => {
    const gate = new Gate();
    const few = await heldServer(net, 'few', gate);
    const many = await heldServer(net, 'many', gate);
    const upstream = { servers: [{ url: few.url, maxConnections: 2 }, many.url] };
    const running = await net.proxy({ upstream });
    const clients = await sendAll(net, running, 8);
    await until(() => few.heads.length + many.heads.length === 8, 'every request was at a server');
    expect([few.heads.length, many.heads.length]).toEqual([2, 6]);
    gate.open();
    expect((await namesOf(clients)).toSorted()).toEqual(
      ['few', 'many'].flatMap((name) => Array<string>(name === 'few' ? 2 : 6).fill(name)),
    );
    expect(few.most).toBe(2);
  });

  test('has requests wait in the queue if no other server is left, and two proxies share the limit [nginx]', async ({
    net,
  }) => {
    const gate = new Gate();
    const one = await heldServer(net, 'one', gate);
    const group = createUpstreamGroup({ servers: [{ url: one.url, maxConnections: 1 }] });
    const first = await net.proxy({ upstream: group });
    const second = await net.proxy({ upstream: group });
    const clients = await sendAll(net, first, 2);
    clients.push(...(await sendAll(net, second, 1)));
    await until(() => one.heads.length === 1 && group.queued === 2, 'two requests wait');
    gate.open();
    expect(await namesOf(clients)).toEqual(['one', 'one', 'one']);
    expect(one.heads).toHaveLength(3);
  });

  test('has a limit of its own below connections.max of the group [Envoy]', async ({ net }) => {
    const gate = new Gate();
    const few = await heldServer(net, 'few', gate);
    const more = await heldServer(net, 'more', gate);
    const running = await net.proxy({
      upstream: { servers: [{ url: few.url, maxConnections: 1 }, more.url], connections: { max: 2 } },
    });
    const clients = await sendAll(net, running, 5);
    await until(() => few.heads.length + more.heads.length === 3, 'three requests were at servers');
    gate.open();
    expect(await namesOf(clients)).toHaveLength(5);
    expect([few.most, more.most]).toEqual([1, 2]);
  });

  test('gets a new limit from setServers, and the requests that wait use it [Sluiceway]', async ({ net }) => {
    const gate = new Gate();
    const { url, heads } = await heldServer(net, 'one', gate);
    const group = createUpstreamGroup({ servers: [{ url, maxConnections: 1 }] });
    const clients = await sendAll(net, await net.proxy({ upstream: group }), 3);
    await until(() => group.queued === 2, 'two requests wait');
    group.setServers([{ url, maxConnections: 2 }]);
    await until(() => heads.length === 2 && group.queued === 1, 'one request waits');
    group.setServers([url]);
    await until(() => heads.length === 3, 'no request waits');
    gate.open();
    expect(await namesOf(clients)).toEqual(['one', 'one', 'one']);
  });

  test('carries many requests on one connection over HTTP/2 [RFC 9113 5]', async ({ net }) => {
    const gate = new Gate();
    let isFirst = true;
    let waiting = 0;
    const origin = await startHttp2Server(net, async (stream) => {
      waiting += 1;
      if (!isFirst) await gate.opened;
      isFirst = false;
      stream.respond({ ':status': 200 });
      stream.end('h2');
    });
    const group = createUpstreamGroup({ servers: [{ url: origin.url, maxConnections: 1 }] });
    const running = await net.proxy({ upstream: { group, protocol: 'http2' } });
    expect(await namesOf(await sendAll(net, running, 1))).toEqual(['h2']);
    const clients = await sendAll(net, running, 6);
    await until(() => waiting === 7, 'all requests were at the server');
    gate.open();
    expect(new Set(await namesOf(clients))).toEqual(new Set(['h2']));
    expect(origin.sessions).toHaveLength(1);
  });

  test('is not down because all its connections are busy [HAProxy]', async ({ net }) => {
    const gate = new Gate();
    const one = await heldServer(net, 'one', gate);
    const running = await net.proxy({
      upstream: {
        servers: [{ url: one.url, maxConnections: 1 }],
        connections: { max: 1 },
        health: { path: '/healthz', interval: 10, timeout: 5000 },
      },
    });
    const clients = await sendAll(net, running, 1);
    await until(() => one.heads.some(({ target }) => target === '/0'), 'the request was at the server');
    const { length } = one.heads;
    await until(() => one.heads.length > length + 3, 'the server was checked');
    gate.open();
    expect(await namesOf(clients)).toEqual(['one']);
  });
});

test('limits of connections that are not valid are refused with their path [Sluiceway]', () => {
  const problemsOf = (maxConnections: unknown): readonly string[] => {
    try {
      const servers = [{ url: 'http://a.test', maxConnections }];
      createUpstreamGroup({ servers } as Parameters<typeof createUpstreamGroup>[0]);
      return [];
    } catch (error) {
      return error instanceof OptionsError ? error.problems.map(({ path }) => path) : [];
    }
  };
  for (const given of [0, -1, 1.5, '2', true])
    expect(problemsOf(given)).toEqual(['servers[0].maxConnections']);
  for (const given of [1, 1000, false]) expect(problemsOf(given)).toEqual([]);
});

describe('connections.max of a proxy', () => {
  test('leaves a server that has reached it to its transfers while another has room, and requests wait for the first that has [HAProxy; Envoy]', async ({
    net,
  }) => {
    const gates = [new Gate(), new Gate()] as const;
    const first = await heldServer(net, 'first', gates[0]);
    const second = await heldServer(net, 'second', gates[1]);
    const group = createUpstreamGroup({ servers: [first.url, second.url], balance: 'ordered' });
    const running = await net.proxy({ upstream: { group, connections: { max: 1 } } });
    const clients = await sendAll(net, running, 3);
    await until(
      () => first.heads.length === 1 && second.heads.length === 1 && group.queued === 1,
      'both servers had a request, and one request waits',
    );
    gates[1].open();
    await until(() => second.heads.length === 2, 'the request that waits is at the second server');
    gates[0].open();
    expect(await namesOf(clients)).toEqual(['first', 'second', 'second']);
    expect([first.most, second.most]).toEqual([1, 1]);
  });

  test('makes a client with a cookie go to another server than its own [HAProxy]', async ({ net }) => {
    const gate = new Gate();
    const servers = [await heldServer(net, 'first', gate), await heldServer(net, 'second', gate)] as const;
    const group = createUpstreamGroup({
      servers: servers.map(({ url }) => url),
      balance: 'ordered',
      sticky: 'lb',
      hedge: { connect: false },
    });
    const running = await net.proxy({ upstream: { group, connections: { max: 1 } } });
    const client = await net.client(running);
    await client.get('/healthz');
    const cookie = (await client.readResponse()).head.get('set-cookie')?.split(';')[0];
    const clients = [await net.client(running), await net.client(running)];
    for (const each of clients) await each.get('/', [`Cookie: ${cookie}`]);
    await until(() => servers[1].heads.length === 1, 'the second request is at the second server');
    gate.open();
    expect((await namesOf(clients)).toSorted()).toEqual(['first', 'second']);
  });

  test('is the limit of each proxy that uses a group, and not of all together [Sluiceway]', async ({
    net,
  }) => {
    const gate = new Gate();
    const one = await heldServer(net, 'one', gate);
    const group = createUpstreamGroup({ servers: [one.url] });
    const upstream = { group, connections: { max: 1 } };
    const clients = await sendAll(net, await net.proxy({ upstream }), 1);
    clients.push(...(await sendAll(net, await net.proxy({ upstream }), 2)));
    await until(() => one.heads.length === 2 && group.queued === 1, 'each proxy has a request at the server');
    gate.open();
    expect(await namesOf(clients)).toEqual(['one', 'one', 'one']);
    expect(one.most).toBe(2);
  });

  test.for(['http2', 'auto'] as const)(
    'does not make requests wait that can share a connection over HTTP/2, with protocol %s [RFC 9113 5]',
    async (protocol, { net }) => {
      const gate = new Gate();
      let waiting = 0;
      const tls = await loopbackCertificate();
      const origin = await startHttp2Server(
        net,
        async (stream) => {
          waiting += 1;
          await gate.opened;
          stream.respond({ ':status': 200 });
          stream.end('h2');
        },
        { tls },
      );
      const upstream = { servers: [origin.url], protocol, connections: { max: 1 }, tls: { ca: tls.ca } };
      const running = await net.proxy({ upstream });
      const clients = await sendAll(net, running, 3);
      await until(() => waiting === 3, 'all requests were at the server');
      gate.open();
      expect(await namesOf(clients)).toEqual(['h2', 'h2', 'h2']);
    },
  );
});
