import { describe, expect } from 'vitest';
import { createUpstreamGroup, type UpstreamGroup } from '../../src/index.js';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { rangedOrigin } from '../support/ranged-origin.js';
import type { RawOrigin } from '../support/raw-origin.js';
import { until } from '../support/until.js';

const SIZE = 1_000_000;
const file = seededBytes('moves', 0, SIZE);
const TAG = ['ETag: "v1"'];

/** A server that sends 100 bytes now and then. */
const trickling = (net: Network, fields = TAG): Promise<RawOrigin> =>
  net.origin(
    rangedOrigin(file, async ({ connection, first, end, isRange }) => {
      const lines = [
        isRange ? 'HTTP/1.1 206 Partial Content' : 'HTTP/1.1 200 OK',
        ...fields,
        ...(isRange ? [`Content-Range: bytes ${first}-${end - 1}/${SIZE}`] : []),
        `Content-Length: ${end - first}`,
      ];
      await connection.write(`${lines.join('\r\n')}\r\n\r\n`);
      let at = first;
      const timer = setInterval(() => {
        void connection.write(file.subarray(at, at + 100));
        at += 100;
      }, 10);
      await connection.closed;
      clearInterval(timer);
    }),
  );

const whole = (net: Network, fields = TAG): Promise<RawOrigin> =>
  net.origin(rangedOrigin(file, () => 'whole', fields));

/** A group whose second server is known to be fast. The first one is asked first. */
async function learned(net: Network, slow: RawOrigin, fast: RawOrigin) {
  const group: UpstreamGroup = createUpstreamGroup({
    servers: [fast.url],
    balance: 'ordered',
    move: { after: 100 },
  });
  const running = await net.proxy({ upstream: group });
  const client = await net.client(running);
  await client.get('/file');
  expect((await client.readResponse()).content.equals(file)).toBe(true);
  await running.record();
  expect(group.servers[0]?.bytesPerSecond).toBeGreaterThan(100_000);
  group.setServers([slow.url, fast.url]);
  return { group, running, client };
}

describe('a download from a server that is much slower than the others', () => {
  test('goes on at another server that has the same file [Sluiceway]', async ({ net }) => {
    const slow = await trickling(net);
    const fast = await whole(net);
    const { group, running, client } = await learned(net, slow, fast);
    await client.get('/file');
    const { content, complete } = await client.readResponse();
    expect(complete).toBe(true);
    expect(content.equals(file)).toBe(true);
    expect(await running.record(1)).toMatchObject({ outcome: 'completed', resumes: 1, upstream: fast.url });
    expect(group.servers[0]).toMatchObject({ url: slow.url, failures: 1, transfers: 0 });
  });

  test('stays where the other server cannot be proved to have the same file [Sluiceway]', async ({ net }) => {
    const fields = ['Last-Modified: Wed, 01 Jan 2025 00:00:00 GMT', 'Date: Thu, 02 Jan 2025 00:00:00 GMT'];
    const slow = await trickling(net, fields);
    const fast = await whole(net, fields);
    const { group, client } = await learned(net, slow, fast);
    await client.get('/file');
    await client.readHead();
    // Longer than four windows.
    expect(await client.readExactly(3000)).toHaveLength(3000);
    await until(() => group.servers[0]?.bytesPerSecond !== null, 'the rate was measured');
    expect(group.servers).toMatchObject([{ transfers: 1, failures: 0 }, { transfers: 0 }]);
    client.close();
  });
});

describe('a server that is drained', () => {
  test('gives its downloads to others if that is asked for [Sluiceway]', async ({ net }) => {
    const slow = await trickling(net);
    const fast = await whole(net);
    const group = createUpstreamGroup({
      servers: [slow.url, fast.url],
      balance: 'ordered',
      move: { below: false },
    });
    const running = await net.proxy({ upstream: group });
    const client = await net.client(running);
    await client.get('/file');
    await client.readHead();
    const beginning = await client.readExactly(200);
    group.drain(slow.url, { move: true });
    const rest = await client.readExactly(SIZE - beginning.length);
    expect(Buffer.concat([beginning, rest]).equals(file)).toBe(true);
    expect(await running.record()).toMatchObject({ outcome: 'completed', resumes: 1 });
    expect(group.servers).toMatchObject([{ url: fast.url, failures: 0 }]);
  });

  test('gives its downloads to the servers of a new list if that is asked for [Sluiceway]', async ({
    net,
  }) => {
    const slow = await trickling(net);
    const fast = await whole(net);
    const group = createUpstreamGroup({ servers: [slow.url], move: { below: false } });
    const running = await net.proxy({ upstream: group });
    const client = await net.client(running);
    await client.get('/file');
    await client.readHead();
    const beginning = await client.readExactly(200);
    group.setServers([fast.url], { move: true });
    const rest = await client.readExactly(SIZE - beginning.length);
    expect(Buffer.concat([beginning, rest]).equals(file)).toBe(true);
    expect(await running.record()).toMatchObject({ outcome: 'completed', resumes: 1 });
    expect(group.servers).toMatchObject([{ url: fast.url, failures: 0 }]);
  });

  test('keeps its downloads otherwise, and the last server cannot be drained [Sluiceway]', async ({
    net,
  }) => {
    const slow = await trickling(net);
    const group = createUpstreamGroup({ servers: [slow.url, 'http://b.test'], balance: 'ordered' });
    const client = await net.client(await net.proxy({ upstream: group }));
    await client.get('/file');
    await client.readHead();
    group.drain(slow.url);
    expect(group.servers).toMatchObject([
      { url: 'http://b.test' },
      { url: slow.url, state: 'draining', transfers: 1 },
    ]);
    expect(await client.readExactly(300)).toHaveLength(300);
    expect(() => group.drain('http://b.test')).toThrow('no other server');
    expect(() => group.drain('http://c.test')).toThrow('no such server');
    client.close();
  });
});

test('a server with as many transfers as it may have gets no more, and the answer is 503 where all do and none may wait [Caddy; HAProxy]', async ({
  net,
}) => {
  const slow = await trickling(net);
  const other = await trickling(net);
  const servers = [slow, other].map(({ url }) => ({ url, maxTransfers: 1 }));
  const group = createUpstreamGroup({
    servers,
    balance: 'ordered',
    move: { below: false },
    queue: { max: 0 },
  });
  const running = await net.proxy({ upstream: group });
  const clients = await Promise.all([0, 1, 2].map(() => net.client(running)));
  for (const client of clients.slice(0, 2)) {
    await client.get('/file');
    expect((await client.readHead()).status).toBe(200);
  }
  expect(group.servers.map(({ transfers }) => transfers)).toEqual([1, 1]);
  await clients[2]?.get('/file');
  expect((await clients[2]?.readResponse())?.head.status).toBe(503);
  for (const client of clients) client.close();
});
