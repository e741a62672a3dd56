import { describe, expect } from 'vitest';
import { createUpstreamGroup } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { type GroupServer, startGroupServer, startServers } from '../support/group-servers.js';
import type { RawClient } from '../support/raw-client.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const BUSY = 'HTTP/1.1 503 Busy';

/** A server that reads requests, and answers each when the test says so. */
async function heldServer(net: Network, answer: () => string | Uint8Array = () => sized('held')) {
  const held = { waiting: 0, left: 0, answer: (): void => {} };
  const server = await startGroupServer(net, 'held', (heads) => async (connection) => {
    heads.push((await connection.readRequest()).head);
    held.waiting += 1;
    const answered = new Promise<boolean>((resolve) => {
      held.answer = () => resolve(true);
    });
    const isAnswered = await Promise.race([answered, connection.closed.then(() => false)]);
    if (isAnswered) await connection.write(answer());
    else held.left += 1;
  });
  return { server, held };
}

/** A server to which no TLS connection can be made: it accepts connections, and says nothing. */
const startUnconnectable = async (net: Network): Promise<string> => {
  const origin = await net.origin(async (connection) => {
    await connection.closed;
  });
  return `https://127.0.0.1:${origin.port}`;
};

async function ask(client: RawClient, method = 'GET'): Promise<[number, string]> {
  await client.send(`${method} /x HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n`);
  const { head, content } = await client.readResponse();
  return [head.status, content.toString()];
}

const NEVER = '1h';

describe('a GET whose server does not answer within hedge.after', () => {
  test('is sent to another server, whose answer wins, and the first request is cancelled [Envoy; gRPC]', async ({
    net,
  }) => {
    const { server, held } = await heldServer(net);
    const [b] = (await startServers(net, ['b'])) as [GroupServer];
    const group = createUpstreamGroup({
      servers: [server.url, b.url],
      balance: 'ordered',
      hedge: { after: 50, connect: false },
    });
    const running = await net.proxy({ upstream: group });
    const client = await net.client(running);
    expect(await ask(client)).toEqual([200, 'b']);
    await until(() => held.left === 1, 'the first request was cancelled');
    expect(await running.record()).toMatchObject({ outcome: 'completed', attempts: 2, upstream: b.url });
    expect(group.servers).toMatchObject([
      { requests: 1, failures: 0, transfers: 0 },
      { requests: 1, failures: 0, transfers: 0 },
    ]);
  });

  test('takes the first answer where that comes first after all, and cancels the second request [Envoy]', async ({
    net,
  }) => {
    const { server, held } = await heldServer(net);
    const second = await heldServer(net, () => sized('second'));
    const group = createUpstreamGroup({
      servers: [server.url, second.server.url],
      balance: 'ordered',
      hedge: { after: 50, connect: false },
    });
    const running = await net.proxy({ upstream: group });
    const client = await net.client(running);
    const answer = ask(client);
    await until(() => second.held.waiting === 1, 'the second server was asked');
    held.answer();
    expect(await answer).toEqual([200, 'held']);
    await until(() => second.held.left === 1, 'the second request was cancelled');
    expect(await running.record()).toMatchObject({ attempts: 2, upstream: server.url });
    expect(group.servers.map(({ failures, transfers }) => [failures, transfers])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  test('waits for the other server where one refuses, and gets the refusal where both do [Envoy]', async ({
    net,
  }) => {
    const { server, held } = await heldServer(net);
    const busy = await heldServer(net, () => sized('busy', [], BUSY));
    const group = createUpstreamGroup({
      servers: [server.url, busy.server.url],
      balance: 'ordered',
      retry: { max: 1 },
      hedge: { after: 50, connect: false },
      passive: { failures: false },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    const answer = ask(client);
    await until(() => busy.held.waiting === 1, 'the second server was asked');
    busy.held.answer();
    await until(() => group.servers[1]?.failures === 1, 'the second server has refused');
    held.answer();
    expect(await answer).toEqual([200, 'held']);
  });

  test('is not hedged without the option, for other methods, and beyond the budget of retries [Envoy]', async ({
    net,
  }) => {
    const { server, held } = await heldServer(net);
    const [b] = (await startServers(net, ['b'])) as [GroupServer];
    const servers = [server.url, b.url];
    for (const [options, method] of [
      [{ hedge: { connect: false } }, 'GET'],
      [{ hedge: { after: 50, connect: false } }, 'POST'],
      [{ hedge: { after: 50, connect: false }, retry: { budget: { percent: 0, minPerSecond: 0 } } }, 'GET'],
    ] as const) {
      const { waiting } = held;
      const upstream = { servers, balance: 'ordered', ...options } as const;
      const answer = ask(await net.client(await net.proxy({ upstream })), method);
      await until(() => held.waiting === waiting + 1, 'the first server was asked');
      await new Promise((resolve) => setTimeout(resolve, 150));
      held.answer();
      expect(await answer).toEqual([200, 'held']);
    }
    expect(b.heads).toHaveLength(0);
  });

  test('is hedged after the 95th percentile of the times that are known [gRPC; Envoy]', async ({ net }) => {
    const [b, c] = (await startServers(net, ['b', 'c'])) as [GroupServer, GroupServer];
    const { server } = await heldServer(net);
    const group = createUpstreamGroup({
      servers: [b.url, c.url],
      balance: 'ordered',
      hedge: { after: 'p95', connect: false },
    });
    const running = await net.proxy({ upstream: group });
    const client = await net.client(running);
    for (let index = 0; index < 30; index += 1) await ask(client);
    group.setServers([server.url, b.url]);
    expect((await ask(client))[1]).toBe('b');
    expect(group.servers[0]?.requests).toBe(1);
  });

  test('ends with its client, at both servers [Sluiceway]', async ({ net }) => {
    const one = await heldServer(net);
    const other = await heldServer(net);
    const group = createUpstreamGroup({
      servers: [one.server.url, other.server.url],
      hedge: { after: 50, connect: false },
    });
    const running = await net.proxy({ upstream: group });
    const client = await net.client(running);
    await client.get('/');
    await until(() => one.held.waiting + other.held.waiting === 2, 'both servers were asked');
    client.close();
    await until(() => one.held.left + other.held.left === 2, 'both requests were cancelled');
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
    expect(group.servers.map(({ failures }) => failures)).toEqual([0, 0]);
  });

  test('fails at both servers when the time for the response head is over [Sluiceway]', async ({ net }) => {
    const one = await heldServer(net);
    const other = await heldServer(net);
    const running = await net.proxy({
      upstream: { servers: [one.server.url, other.server.url], hedge: { after: 50 }, retry: { max: 1 } },
      timeouts: { responseHead: 400 },
    });
    const client = await net.client(running);
    expect((await ask(client))[0]).toBe(504);
    await until(() => one.held.left + other.held.left >= 2, 'the requests were cancelled');
  });
});

describe('a server that cannot be connected to', () => {
  test('holds a GET up only for hedge.connect, and is ejected after failures in a row [RFC 8305 5; Sluiceway]', async ({
    net,
  }) => {
    const url = await startUnconnectable(net);
    const [b] = (await startServers(net, ['b'])) as [GroupServer];
    const group = createUpstreamGroup({
      servers: [url, b.url],
      balance: 'ordered',
      hedge: { connect: 50 },
      passive: { failures: 2, ejectFor: NEVER },
      retry: { connectTimeout: NEVER },
    });
    const running = await net.proxy({ upstream: group, timeouts: { connect: NEVER } });
    const client = await net.client(running);
    expect(await ask(client)).toEqual([200, 'b']);
    expect(await ask(client)).toEqual([200, 'b']);
    await until(() => group.servers[0]?.state === 'ejected', 'the server was ejected');
    expect(b.heads).toHaveLength(2);
    expect(await ask(client)).toEqual([200, 'b']);
    expect(group.servers[0]).toMatchObject({ requests: 2, failures: 2 });
  });

  test('holds a GET up longer where the budget of retries is used up [Envoy]', async ({ net }) => {
    const url = await startUnconnectable(net);
    const [b] = (await startServers(net, ['b'])) as [GroupServer];
    const upstream = {
      servers: [url, b.url],
      balance: 'ordered',
      hedge: { connect: 20 },
      retry: { max: 1, connectTimeout: 400, budget: { percent: 0, minPerSecond: 0 } },
    } as const;
    const client = await net.client(await net.proxy({ upstream }));
    const began = performance.now();
    expect(await ask(client)).toEqual([200, 'b']);
    expect(performance.now() - began).toBeGreaterThan(380);
  });

  test('holds other requests up only for retry.connectTimeout while there are others [Caddy]', async ({
    net,
  }) => {
    const url = await startUnconnectable(net);
    const [b] = (await startServers(net, ['b'])) as [GroupServer];
    const options = { balance: 'ordered', retry: { connectTimeout: 100 }, timeouts: {} } as const;
    const { balance, retry } = options;
    const client = await net.client(
      await net.proxy({ upstream: { servers: [url, b.url], balance, retry }, timeouts: { connect: NEVER } }),
    );
    expect(await ask(client, 'POST')).toEqual([200, 'b']);
    // The last server has the whole time.
    const alone = await net.client(
      await net.proxy({ upstream: { servers: [url], balance, retry }, timeouts: { connect: 400 } }),
    );
    const began = performance.now();
    expect((await ask(alone, 'POST'))[0]).toBe(504);
    expect(performance.now() - began).toBeGreaterThan(380);
  });
});

test('a function that fails to choose a second server leaves the first request alone [Sluiceway]', async ({
  net,
}) => {
  const { server, held } = await heldServer(net);
  const [b] = (await startServers(net, ['b'])) as [GroupServer];
  let calls = 0;
  const running = await net.proxy({
    upstream: {
      servers: [server.url, b.url],
      hedge: { after: 50, connect: false },
      balance: (servers) => {
        calls += 1;
        if (calls > 1) throw new Error('no second choice');
        return servers[0];
      },
    },
  });
  const answer = ask(await net.client(running));
  await until(() => calls === 2, 'a second server was wanted');
  held.answer();
  expect(await answer).toEqual([200, 'held']);
});
