import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import type { OriginScript } from '../support/raw-origin.js';
import { respondWith } from '../support/raw-origin.js';
import { describeWith, requireZeroCopy } from '../support/requirements.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const RATE = 200_000;
const SIZE = 100_000;
/** A tenth of a second's bytes pass at once. The rest cannot be faster than this. */
const LEAST_MS = ((SIZE - RATE / 10) * 1000) / RATE - 30;

const file = seededBytes('file', 0, SIZE);

type Line = Awaited<ReturnType<typeof through>>;

/** Limits each transfer of a proxy when it begins. */
function limiting(rate = RATE) {
  let proxy: Line['running']['proxy'] | null = null;
  const limit = (): void => {
    for (const transfer of proxy?.transfers() ?? []) transfer.limit(rate);
  };
  return {
    options: { observers: [{ onTransferStart: limit }] },
    set: ({ proxy: started }: Line['running']) => void (proxy = started),
  };
}

async function limited(net: Network, script: OriginScript): Promise<Line> {
  const { options, set } = limiting();
  const line = await through(net, script, { ...options, timeouts: { clientIdle: 200, upstreamIdle: 200 } });
  set(line.running);
  return line;
}

async function limitedHttp2(net: Network, url: string) {
  const { options, set } = limiting();
  const running = await net.proxy({ upstream: url, ...options }, { http2: 'h2c' });
  set(running);
  return net.http2(running);
}

async function timed<T>(action: Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await action;
  expect(performance.now() - start).toBeGreaterThan(LEAST_MS);
  return result;
}

describe('the limit of one transfer', () => {
  test('slows a download over HTTP/1.1 down, and no timeout counts that [Sluiceway]', async ({ net }) => {
    const { client, running } = await limited(net, respondWith(sized(file)));
    await client.get('/');
    const response = await timed(client.readResponse());
    expect(response.complete).toBe(true);
    expect(isSeeded('file', 0, response.content)).toBe(true);
    expect(await running.record()).toMatchObject({ outcome: 'completed', bytesDown: SIZE });
  });

  test('slows a download over HTTP/2 down [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized(file)));
    const session = await limitedHttp2(net, origin.url);
    const response = await timed(session.get('/'));
    expect(response).toMatchObject({ complete: true, contentLength: SIZE });
  });

  test('slows an upload down, over HTTP/1.1 and HTTP/2, and no timeout counts that [Sluiceway]', async ({
    net,
  }) => {
    const { client, origin, running } = await limited(
      net,
      respondWith((_head, content) => sized(isSeeded('file', 0, content) ? 'whole' : 'broken')),
    );
    void client.send(`PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: ${SIZE}\r\n\r\n`);
    void client.send(file);
    expect((await timed(client.readResponse())).content.toString()).toBe('whole');
    expect(await running.record()).toMatchObject({ outcome: 'completed', bytesUp: SIZE });

    const session = await limitedHttp2(net, origin.url);
    const response = await timed(session.request('/', { headers: { ':method': 'PUT' }, content: file }));
    expect(response.content.toString()).toBe('whole');
  });

  test('slows both directions of a tunnel down [Sluiceway]', async ({ net }) => {
    const { client } = await limited(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 101 ok\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n');
      await connection.write(file);
      expect(isSeeded('file', 0, await connection.readExactly(SIZE))).toBe(true);
      connection.end();
    });
    await client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n');
    await client.readHead();
    expect(isSeeded('file', 0, await timed(client.readExactly(SIZE)))).toBe(true);
    await timed(client.send(file).then(() => client.closed));
  });

  test('can be set, changed and removed while the transfer runs [Sluiceway]', async ({ net }) => {
    const { options, set } = limiting(1000);
    const { client, running } = await through(net, respondWith(sized(file)), options);
    set(running);
    await client.get('/');
    await client.readHead();
    const [transfer] = running.proxy.transfers();
    await until(() => (transfer?.bytesDown ?? 0) > 0, 'content had passed');
    expect(transfer?.bytesDown).toBeLessThan(10_000);
    transfer?.limit(null);
    expect((await client.readExactly(SIZE)).length).toBe(SIZE);
    await running.record();
    expect(() => transfer?.limit(0)).toThrow(RangeError);
    transfer?.limit(5);
    expect(() => transfer?.limit('fast')).toThrow(/^The limit must be a size such as/);
    expect(transfer?.rateLimit).toBe(5);
    transfer?.limit('1.5kB');
    expect(transfer?.rateLimit).toBe(1500);
  });
});

describeWith(requireZeroCopy())('a transfer with zero copy', () => {
  test('obeys the limit that it is given [Sluiceway]', async ({ net }) => {
    const big = seededBytes('file', 0, 8_000_000);
    const { options, set } = limiting(16_000_000);
    const { client, running } = await through(net, respondWith(sized(big)), { ...options, zeroCopy: true });
    set(running);
    await client.get('/');
    // 6,400,000 bytes after those that pass at once.
    const response = await timed(client.readResponse());
    expect(isSeeded('file', 0, response.content)).toBe(true);
    expect(await running.record()).toMatchObject({ outcome: 'completed', zeroCopy: true });
  });
});
