import { PassThrough, Transform } from 'node:stream';
import { constants, createGzip, gunzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized, through } from '../support/through.js';
import { MadeStreams, upperCase } from '../support/transforms.js';
import { until } from '../support/until.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const pauseMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Holds all content back for a while, once; `release` lets it go. */
function holdingBack(release: Promise<void>): Transform {
  const held: Buffer[] = [];
  return new Transform({
    transform(chunk: Buffer, _, callback) {
      held.push(chunk);
      callback();
    },
    flush(callback) {
      void release.then(() => callback(null, Buffer.concat(held)));
    },
  });
}

describe('content that passes through the streams of a transform', () => {
  test.for([0, 1, 64 * KiB - 1, 64 * KiB + 1, MiB + 1, 5_000_000])(
    'is compressed on its way, %d bytes sized and chunked [nginx; Caddy]',
    async (size, { net }) => {
      const content = seededBytes('transform', 0, size);
      for (const answer of [sized(content), chunked(size === 0 ? [] : [content])]) {
        const { client, running } = await through(net, respondWith(answer), {
          transform: {
            response: {
              changesContent: true,
              create({ response }) {
                response.headers.set('Content-Encoding', 'gzip');
                return createGzip({ level: 1 });
              },
            },
          },
        });
        await client.get('/');
        const response = await client.readResponse();
        expect(response).toMatchObject({ complete: true, delimitedBy: 'chunked' });
        const decoded = gunzipSync(response.content);
        expect(decoded).toHaveLength(size);
        expect(isSeeded('transform', 0, decoded)).toBe(true);
        const record = await running.record();
        expect(record).toMatchObject({ outcome: 'completed', bytesDown: response.contentLength });
      }
    },
  );

  test('passes all of them, in their order [Node]', async ({ net }) => {
    const append = (text: string): Transform =>
      new Transform({
        transform(chunk, _, callback) {
          callback(null, chunk);
        },
        flush(callback) {
          callback(null, text);
        },
      });
    const { client } = await through(net, respondWith(sized('content')), {
      transform: {
        response: {
          changesContent: true,
          create: async () => {
            await pauseMs(1);
            return [append('-a'), upperCase(), append('-b')];
          },
        },
      },
    });
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('CONTENT-A-b');
  });

  test('stays apart from that of other transfers, one after another and at a time [Sluiceway]', async ({
    net,
  }) => {
    const made = new MadeStreams();
    const { client, running } = await through(
      net,
      respondWith(({ target }) => sized(seededBytes(target, 0, 300_000))),
      { transform: { response: { changesContent: false, create: made.create } } },
    );
    const others = await Promise.all(Array.from({ length: 5 }, () => net.client(running)));
    const all = [client, ...others].map(async (each, index) => {
      for (let i = 0; i < 3; i += 1) {
        const seed = `/${index}-${i}`;
        await each.get(seed);
        const { content } = await each.readResponse();
        expect(content).toHaveLength(300_000);
        expect(isSeeded(seed, 0, content)).toBe(true);
      }
    });
    await Promise.all(all);
    expect(made.all).toHaveLength(18);
    await made.closed();
  });

  test('reaches the client piece by piece as it comes, its head first [Sluiceway]', async ({ net }) => {
    const steps = Array.from({ length: 4 }, () => new Gate());
    const { client } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n');
        for (const [index, step] of steps.entries()) {
          await step.opened;
          await connection.write('abcd'.charAt(index));
        }
      },
      { transform: { response: { changesContent: true, create: () => [new PassThrough(), upperCase()] } } },
    );
    await client.get('/');
    expect((await client.readHead()).status).toBe(200);
    for (const [index, step] of steps.entries()) {
      step.open();
      const letter = 'ABCD'.charAt(index);
      expect(await client.readThrough(`${letter}\r\n`)).toBe(`1\r\n${letter}\r\n`);
    }
    expect(await client.readThrough('0\r\n\r\n')).toBe('0\r\n\r\n');
  });

  test('reaches the client piece by piece through a compressor that is told to [nginx]', async ({ net }) => {
    const more = new Gate();
    const { client } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
        await more.opened;
        await connection.write('0\r\n\r\n');
      },
      {
        transform: {
          response: { changesContent: true, create: () => createGzip({ flush: constants.Z_SYNC_FLUSH }) },
        },
      },
    );
    await client.get('/');
    await client.readHead();
    let first = Buffer.alloc(0);
    await until(async () => {
      const [size] = (await client.readThrough('\r\n')).split('\r\n');
      first = Buffer.concat([first, await client.readExactly(Number.parseInt(size ?? '', 16))]);
      await client.readExactly(2);
      return gunzipSync(first, { finishFlush: constants.Z_SYNC_FLUSH }).toString() === 'hello';
    }, 'what had come so far could be decoded');
    more.open();
    await client.readThrough('0\r\n\r\n');
  });

  test('holds the origin server back when the client is slow, with little in between [Go ReverseProxy; nginx]', async ({
    net,
  }) => {
    const size = 64 * MiB;
    let passed = 0;
    const { client, origin } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        await connection.writeSeeded('transform', 0, size);
      },
      {
        transform: {
          response: {
            changesContent: false,
            create: () => [
              new PassThrough(),
              new Transform({
                transform(chunk: Buffer, _, callback) {
                  passed += chunk.length;
                  callback(null, chunk);
                },
              }),
            ],
          },
        },
      },
    );
    await client.get('/');
    const head = await client.readHead();
    client.pause();
    let before = -1;
    let since = 0;
    await until(() => {
      if (passed !== before) since = Date.now();
      before = passed;
      return Date.now() - since > 100;
    }, 'backpressure had reached the streams');
    // Socket buffers on the way take some megabytes of it.
    expect(passed).toBeLessThan(size / 2);
    expect(origin.connections[0]?.tcp.bytesWritten).toBeLessThan(size);
    client.resume();
    let at = 0;
    const { complete } = await client.readContent(head, {
      onContent: (bytes) => {
        if (!isSeeded('transform', at, bytes)) throw new Error(`Wrong bytes at ${at}`);
        at += bytes.length;
      },
    });
    expect(complete).toBe(true);
    expect(at).toBe(size);
  });
});

describe.concurrent('time that the streams of a transform take', () => {
  const timeouts = { upstreamIdle: 100, clientIdle: 100 };

  test('is charged to neither side: no idle timeout runs [Sluiceway]', async ({ net }) => {
    const release = new Gate();
    const { client, running } = await through(net, respondWith(sized('content')), {
      timeouts,
      transform: { response: { changesContent: false, create: () => holdingBack(release.opened) } },
    });
    await client.get('/');
    await client.readHead();
    await pauseMs(500);
    release.open();
    expect((await client.readExactly(7)).toString()).toBe('content');
    expect(await running.record()).toMatchObject({ outcome: 'completed' });
  });

  test('does not hide an origin server that stops sending [Sluiceway]', async ({ net }) => {
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
      },
      {
        timeouts,
        transform: { response: { changesContent: false, create: () => holdingBack(Promise.resolve()) } },
      },
    );
    await client.get('/');
    expect(await client.readResponse()).toMatchObject({ complete: false, contentLength: 0 });
    expect(await running.record()).toMatchObject({
      outcome: 'upstream_stalled',
      error: 'connection_read_timeout',
    });
  });

  test('does not hide a client that stops reading [Sluiceway]', async ({ net }) => {
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * MiB}\r\n\r\n`);
        await connection.writeSeeded('transform', 0, 64 * MiB);
      },
      { timeouts, transform: { response: { changesContent: false, create: () => new PassThrough() } } },
    );
    client.pause();
    await client.get('/');
    expect(await running.record()).toMatchObject({ outcome: 'client_stalled', error: 'client_stalled' });
  });

  test('in which an origin server sends in small steps what is kept until the end is no silence [Sluiceway]', async ({
    net,
  }) => {
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n');
        for (let i = 0; i < 30; i += 1) {
          await connection.write('x');
          await pauseMs(20);
        }
      },
      {
        timeouts,
        transform: { response: { changesContent: false, create: () => holdingBack(Promise.resolve()) } },
      },
    );
    await client.get('/');
    expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: 30 });
    expect((await running.record()).durationMs).toBeGreaterThan(500);
  });

  test('counts for timeouts.total [Sluiceway]', async ({ net }) => {
    const made = new MadeStreams(() => holdingBack(new Promise(() => {})));
    const { client, running } = await through(net, respondWith(sized('content')), {
      timeouts: { total: 300 },
      transform: { response: { changesContent: false, create: made.create } },
    });
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    expect(await running.record()).toMatchObject({ outcome: 'limited', error: 'total_timeout' });
    await made.closed();
  });
});
