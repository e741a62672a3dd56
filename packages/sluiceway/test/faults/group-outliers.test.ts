import { describe, expect } from 'vitest';
import { createUpstreamGroup, type UpstreamGroup } from '../../src/index.js';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { type GroupServer, startGroupServer, startServers } from '../support/group-servers.js';
import { rangedOrigin } from '../support/ranged-origin.js';
import type { RawClient } from '../support/raw-client.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const BUSY = 'HTTP/1.1 503 Busy';
const NO_RETRY = { max: 0 } as const;

async function ask(client: RawClient, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < count; index += 1) {
    await client.get('/');
    statuses.push((await client.readResponse()).head.status);
  }
  return statuses;
}

const urlsOf = (servers: readonly GroupServer[]): string[] => servers.map(({ url }) => url);

/** A server every second response of which says that it is busy, so that it never fails twice in a row. */
function failingEverySecond(): () => Uint8Array {
  let asked = 0;
  return () => {
    asked += 1;
    return asked % 2 === 0 ? sized('', [], BUSY) : sized('a');
  };
}

async function groupOf(
  net: Network,
  servers: readonly string[],
  passive: NonNullable<Parameters<typeof createUpstreamGroup>[0]['passive']>,
): Promise<{ group: UpstreamGroup; client: RawClient }> {
  const group = createUpstreamGroup({ servers, passive, retry: NO_RETRY });
  return { group, client: await net.client(await net.proxy({ upstream: group })) };
}

describe('a server of a group', () => {
  test('is ejected where a share of its requests fails, although never several in a row [Envoy]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b'], { a: failingEverySecond() });
    const { group, client } = await groupOf(net, urlsOf(servers), {
      failures: 3,
      failurePercent: 40,
      minRequests: 10,
      window: '1h',
      ejectFor: '1h',
    });
    // The servers are compared at intervals of a twentieth of the window: the first request is one.
    expect(await ask(client, 40)).toContain(503);
    expect(group.servers[0]).toMatchObject({ state: 'up', ejections: 0, lastFailure: 'it answered 503' });
    const { group: judged, client: other } = await groupOf(net, urlsOf(servers), {
      failurePercent: 40,
      minRequests: 10,
      window: '20s',
      ejectFor: '1h',
    });
    await until(async () => {
      await ask(other, 4);
      return judged.servers[0]?.state === 'ejected';
    }, 'the server was ejected');
    expect(judged.servers[0]).toMatchObject({
      ejectedBy: 'failure-share',
      ejections: 1,
    });
    expect(judged.servers[0]?.lastFailure).toMatch(/^\d+ of \d+ requests have failed$/);
    expect(judged.servers[0]?.since.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(await ask(other, 6)).toEqual([200, 200, 200, 200, 200, 200]);
  });

  test('stays where the requests of the others fail as often, and where it is told to [Envoy]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b'], {
      a: failingEverySecond(),
      b: failingEverySecond(),
    });
    const window = 200;
    const all = await groupOf(net, urlsOf(servers), { failurePercent: 40, minRequests: 5, window });
    const off = await groupOf(net, urlsOf(servers).slice(0, 1), {
      failurePercent: false,
      minRequests: 5,
      window,
    });
    const requests = (group: UpstreamGroup): number => group.servers[0]?.requests ?? 0;
    await until(async () => {
      await ask(all.client, 20);
      return requests(all.group) > 100;
    }, 'the servers were asked often');
    await until(async () => {
      await ask(off.client, 20);
      return requests(off.group) > 100;
    }, 'the server was asked often');
    expect(all.group.servers.map(({ ejections }) => ejections)).toEqual([0, 0]);
    expect(off.group.servers[0]?.ejections).toBe(0);
  });

  test('is ejected where its response heads take much longer than those of the others [Envoy; Sluiceway]', async ({
    net,
  }) => {
    const slow = await startGroupServer(net, 'slow', () => async (connection) => {
      for (;;) {
        await connection.readRequest();
        await new Promise((resolve) => setTimeout(resolve, 300));
        await connection.write(sized('slow'));
      }
    });
    const others = await startServers(net, ['a', 'b']);
    const passive = { minRequests: 5, window: '10s', ejectFor: '1h' } as const;
    const { group, client } = await groupOf(net, [slow.url, ...urlsOf(others)], { ...passive, slowHead: 3 });
    await until(async () => {
      await ask(client, 3);
      return group.servers[0]?.state === 'ejected';
    }, 'the slow server was ejected');
    expect(group.servers[0]).toMatchObject({ ejectedBy: 'slow-head', failures: 0 });
  });

  test('is ejected where it delivers content much more slowly than the others [Sluiceway]', async ({
    net,
  }) => {
    const file = seededBytes('slow', 0, 600_000);
    const slow = await net.origin(
      rangedOrigin(file, async ({ connection, end }) => {
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${end}\r\n\r\n`);
        const timer = setInterval(() => void connection.write(file.subarray(0, 100)), 10);
        await connection.closed;
        clearInterval(timer);
      }),
    );
    const fast = await net.origin(rangedOrigin(file, () => 'whole'));
    const group = createUpstreamGroup({
      servers: [fast.url],
      balance: 'ordered',
      move: { below: false, after: 100 },
      passive: { slowRate: 10, ejectFor: '1h' },
    });
    const running = await net.proxy({ upstream: group });
    const client = await net.client(running);
    await client.get('/file');
    await client.readResponse();
    await running.record();
    group.setServers([slow.url, fast.url]);
    const download = await net.client(running);
    await download.get('/file');
    await until(() => group.servers[0]?.state === 'ejected', 'the slow server was ejected');
    expect(group.servers[0]).toMatchObject({ ejectedBy: 'slow-rate', transfers: 1 });
    download.close();
  });

  test('is ejected for longer if it fails again soon after it has come back [Envoy]', async ({ net }) => {
    let isBroken = true;
    const servers = await startServers(net, ['a', 'b'], {
      a: () => (isBroken ? sized('', [], BUSY) : sized('a')),
    });
    const { group, client } = await groupOf(net, urlsOf(servers), { failures: 1, ejectFor: 1000 });
    await ask(client, 2);
    expect(group.servers[0]).toMatchObject({ state: 'ejected', ejections: 1 });
    isBroken = false;
    await until(async () => {
      await ask(client, 1);
      return group.servers[0]?.state === 'up';
    }, 'the server came back');
    isBroken = true;
    const endsAt = performance.now() + 1000;
    await until(async () => {
      await ask(client, 1);
      return group.servers[0]?.ejections === 2;
    }, 'the server was ejected again');
    // The second ejection lasts twice as long: after the time of the first it is not over.
    await until(() => performance.now() > endsAt + 50, 'the time of a first ejection had passed');
    expect(group.servers[0]?.state).toBe('ejected');
  });
});
