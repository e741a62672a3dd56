import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { describeWith, requireZeroCopy } from '../support/requirements.js';
import type { ProxyOptions } from '../support/servers.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

type Rules = NonNullable<NonNullable<ProxyOptions['limits']>['rules']>;

const SIZE = 6_000_000;
const RATE = 12_000_000;
/** A tenth of a second's bytes pass at once. The rest cannot be faster than this. */
const LEAST_MS = ((SIZE - RATE / 10) * 1000) / RATE - 30;

const file = seededBytes('file', 0, SIZE);
const digest = createHash('sha256').update(file).digest('hex');

/** Answers each upload with the digest of its content. */
const digesting: OriginScript = async (connection) => {
  const { content } = await connection.readRequest();
  await connection.write(sized(createHash('sha256').update(content).digest('hex')));
};

const limited = (net: Network, rules: Rules, script: OriginScript) =>
  through(net, script, {
    zeroCopy: true,
    limits: { rules },
    timeouts: { clientIdle: 5000, upstreamIdle: 5000 },
  });

async function timed<T>(action: Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await action;
  expect(performance.now() - start).toBeGreaterThan(LEAST_MS);
  return result;
}

describeWith(requireZeroCopy())('with zero copy', () => {
  test('a limit that a download does not reach lets the kernel move nearly all of it [Sluiceway]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith(sized(file)));
    const running = await net.proxy({
      upstream: origin.url,
      zeroCopy: true,
      limits: { rules: [{ download: '100GB', requests: { count: 9, per: '1h' } }] },
    });
    const sockets: Socket[] = [];
    running.server.on('connection', (socket: Socket) => sockets.push(socket));
    const client = await net.client(running);
    await client.get('/');
    const { complete, content } = await client.readResponse();
    expect([complete, isSeeded('file', 0, content)]).toEqual([true, true]);
    expect(await running.record()).toMatchObject({ zeroCopy: true, bytesDown: SIZE });
    // Node does not count what the kernel moves.
    expect(sockets[0]?.bytesWritten).toBeLessThan(SIZE / 2);
  });

  test('downloads of one client obey its limit together, and every byte is right [Sluiceway]', async ({
    net,
  }) => {
    const part = file.subarray(0, SIZE / 4);
    const { running } = await limited(net, [{ download: RATE }], respondWith(sized(part)));
    const responses = await timed(
      Promise.all(
        Array.from({ length: 4 }, async () => {
          const client = await net.client(running);
          await client.get('/');
          return client.readResponse();
        }),
      ),
    );
    expect(responses.every(({ complete, content }) => complete && isSeeded('file', 0, content))).toBe(true);
    const records = await running.records(4);
    expect(records.map(({ outcome, zeroCopy }) => [outcome, zeroCopy])).toEqual(
      records.map(() => ['completed', true]),
    );
  });

  test('an upload obeys its limit, and every byte is right [Sluiceway]', async ({ net }) => {
    const { client, running } = await limited(net, [{ upload: RATE }], digesting);
    await client.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${SIZE}\r\n\r\n`);
    const response = timed(client.readResponse());
    void client.send(file);
    expect((await response).content.toString()).toBe(digest);
    expect(await running.record()).toMatchObject({ outcome: 'completed', zeroCopy: true, bytesUp: SIZE });
  });

  test('a tunnel obeys the limits of both directions, and every byte is right [Sluiceway]', async ({
    net,
  }) => {
    const { client, running } = await limited(net, [{ download: RATE, upload: RATE }], async (far) => {
      await far.readHead();
      await far.write('HTTP/1.1 101 ok\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n');
      void far.write(file);
      expect(isSeeded('file', 0, await far.readExactly(SIZE))).toBe(true);
      await far.write('has it');
      far.end();
    });
    await client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n');
    await client.readHead();
    const start = performance.now();
    void client.send(file);
    expect(isSeeded('file', 0, await timed(client.readExactly(SIZE)))).toBe(true);
    expect((await client.readExactly(6)).toString()).toBe('has it');
    expect(performance.now() - start).toBeGreaterThan(LEAST_MS);
    client.end();
    expect(await running.record()).toMatchObject({ zeroCopy: true, bytesUp: SIZE, bytesDown: SIZE + 6 });
  });

  test('a download ends at the last byte of a limit for a day [Sluiceway]', async ({ net }) => {
    const rules: Rules = [{ bytes: { count: 4_000_000, per: 'day' } }];
    const { client, running } = await limited(net, rules, respondWith(sized(file)));
    await client.get('/');
    const { complete, content } = await client.readResponse();
    expect([complete, isSeeded('file', 0, content)]).toEqual([false, true]);
    expect(await running.record()).toMatchObject({
      outcome: 'limited',
      error: 'byte_limit_reached',
      zeroCopy: true,
      bytesDown: 4_000_000,
    });
  });

  test('a limit that begins, changes and ends applies to a running download [Sluiceway]', async ({ net }) => {
    const big = seededBytes('file', 0, 40_000_000);
    const { client, running } = await limited(net, [], respondWith(sized(big)));
    await client.get('/');
    await client.readHead();
    let received = 0;
    const read = async (bytes: number): Promise<void> => {
      expect(isSeeded('file', received, await client.readExactly(bytes))).toBe(true);
      received += bytes;
    };
    await read(1_000_000);
    const [transfer] = running.proxy.transfers();
    const moved = (): number => transfer?.bytesDown ?? 0;
    const waits = () => until(() => transfer?.waitingFor === 'limit', 'the limit held it back');
    running.proxy.setLimits([{ name: 'a', download: 50_000 }]);
    // What the limit has not held back is in buffers of the kernel.
    const rest = read(24_000_000);
    await waits();
    const before = moved();
    expect(before).toBeLessThan(25_000_000);
    running.proxy.setLimits([{ name: 'a', download: '20MB' }]);
    await rest;
    running.proxy.setLimits([]);
    await read(big.length - received);
    expect(await running.record()).toMatchObject({ outcome: 'completed', zeroCopy: true });
  });
});
