import { describe, expect } from 'vitest';
import { createUpstreamGroup, type UpstreamGroup } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { type GroupServer, REFUSING, startServers } from '../support/group-servers.js';
import type { RawClient } from '../support/raw-client.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const inZone = (zone: string, servers: readonly (GroupServer | string)[]) =>
  servers.map((server) => ({ url: typeof server === 'string' ? server : server.url, zone }));

async function ask(client: RawClient, count: number): Promise<string> {
  let names = '';
  for (let index = 0; index < count; index += 1) {
    await client.get('/');
    names += (await client.readResponse()).content.toString();
  }
  return names;
}

const count = (names: string, name: string): number => names.split(name).length - 1;

describe('a group with zones', () => {
  test('sends requests to the own zone while it is healthy [Envoy; HAProxy]', async ({ net }) => {
    const [a, b, c] = (await startServers(net, ['a', 'b', 'c'])) as [GroupServer, GroupServer, GroupServer];
    const servers = [...inZone('far', [a, b]), ...inZone('near', [c])];
    const group = createUpstreamGroup({ servers, zone: 'near' });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect(await ask(client, 4)).toBe('cccc');
    expect(group.servers.map(({ zone }) => zone)).toEqual(['far', 'far', 'near']);
    const none = await net.client(await net.proxy({ upstream: { servers } }));
    expect(new Set(await ask(none, 6))).toEqual(new Set(['a', 'b', 'c']));
    const unknown = await net.client(await net.proxy({ upstream: { servers, zone: 'elsewhere' } }));
    expect(new Set(await ask(unknown, 6))).toEqual(new Set(['a', 'b', 'c']));
  });

  test('sends other zones what is left of the own one cannot take [Envoy]', async ({ net }) => {
    const [a, b] = (await startServers(net, ['a', 'b'])) as [GroupServer, GroupServer];
    const group = createUpstreamGroup({
      // One of two servers is left: 1.4 times a half is 70 %.
      servers: [...inZone('near', [REFUSING, a]), ...inZone('far', [b])],
      zone: 'near',
      passive: { failures: 1, ejectFor: '1h' },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    await ask(client, 2);
    expect(group.servers[0]?.state).toBe('ejected');
    const names = await ask(client, 100);
    expect([count(names, 'a'), count(names, 'b')]).toEqual([70, 30]);
  });

  test('goes to other zones where all servers of the own one fail, and prefers them to backups [Envoy]', async ({
    net,
  }) => {
    const [far, backup] = (await startServers(net, ['f', 'k'])) as [GroupServer, GroupServer];
    const upstream = {
      servers: [
        ...inZone('near', [REFUSING]),
        ...inZone('far', [far]),
        { url: backup.url, zone: 'near', backup: true },
      ],
      zone: 'near',
      passive: { failures: 1 },
    };
    const client = await net.client(await net.proxy({ upstream }));
    expect(await ask(client, 4)).toBe('ffff');
  });
});

describe('a server that begins slowly', () => {
  const shareOf = (group: UpstreamGroup, index: number): number => group.servers[index]?.share ?? 0;

  test('gets a tenth of its share after it was added, and all of it in the end [Envoy; HAProxy]', async ({
    net,
  }) => {
    const [a, b] = (await startServers(net, ['a', 'b'])) as [GroupServer, GroupServer];
    const group = createUpstreamGroup({ servers: [a.url], slowStart: '1h' });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect(shareOf(group, 0)).toBe(1);
    group.setServers([a.url, { url: b.url, weight: 2 }]);
    expect(shareOf(group, 1)).toBeCloseTo(0.2);
    expect(count(await ask(client, 60), 'b')).toBe(10);
    const soon = createUpstreamGroup({ servers: [a.url], slowStart: 100 });
    soon.setServers([a.url, b.url]);
    const first = shareOf(soon, 1);
    await until(() => shareOf(soon, 1) === 1, 'the slow start was over');
    expect(first).toBeLessThan(1);
    const other = await net.client(await net.proxy({ upstream: soon }));
    expect(count(await ask(other, 10), 'b')).toBe(5);
  });

  test('gets less after its ejection too [HAProxy]', async ({ net }) => {
    let isBroken = true;
    const servers = await startServers(net, ['a', 'b'], {
      a: () => (isBroken ? sized('', [], 'HTTP/1.1 503 Busy') : sized('a')),
    });
    const group = createUpstreamGroup({
      servers: servers.map(({ url }) => url),
      passive: { failures: 1, ejectFor: 20 },
      slowStart: '1h',
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    await ask(client, 2);
    expect(group.servers[0]?.ejections).toBe(1);
    isBroken = false;
    await until(async () => {
      await ask(client, 1);
      return group.servers[0]?.state === 'up';
    }, 'the server came back');
    expect(shareOf(group, 0)).toBeCloseTo(0.1);
    // Its turn depends on how many requests it got before.
    expect(Math.abs(count(await ask(client, 110), 'a') - 10)).toBeLessThanOrEqual(1);
  });
});
