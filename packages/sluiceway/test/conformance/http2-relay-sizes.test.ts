import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect } from 'vitest';
import { isSeeded, seededBytes, seededDigest, seededViews } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Flag } from '../support/frames.js';
import type { Http2Client, Http2Response } from '../support/http2-client.js';
import { framesLine, http2Line } from '../support/http2-line.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { chunked, sized, toChunk } from '../support/through.js';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Around every size at which something changes: frames, windows, read blocks, pieces that are written. */
const SIZES = [
  0,
  1,
  16_383,
  16_384,
  16_385,
  32 * KiB + 1,
  65_535,
  65_536,
  256 * KiB + 1,
  MiB - 1,
  MiB,
  MiB + 1,
  3 * MiB + 7,
];

const OVER = ['h2c', 'tls'] as const;
const LARGE = 16 * MiB;
const LARGE_DIGEST = seededDigest('large', LARGE);

/** The digest of content that is too large to hold, and how its response ended. */
async function digestOf(client: Http2Client, path: string): Promise<{ digest: string; complete: boolean }> {
  const hash = createHash('sha256');
  const { complete } = await client.request(path, { onContent: (bytes) => void hash.update(bytes) });
  return { digest: hash.digest('hex'), complete };
}

const framings: Record<string, (size: number) => Buffer> = {
  'a Content-Length': (size) => sized(seededBytes('sizes', 0, size)),
  'one chunk': (size) => chunked(size === 0 ? [] : [seededBytes('sizes', 0, size)]),
  'chunks of an odd size': (size) => {
    const chunks: Buffer[] = [];
    for (let at = 0; at < size; at += 10_007)
      chunks.push(seededBytes('sizes', at, Math.min(10_007, size - at)));
    return chunked(chunks);
  },
};

describe.for(OVER)('over HTTP/2 (%s)', (over) => {
  test.for(Object.entries(framings))(
    'content with %s arrives whole at every size [RFC 9113 8.1; Caddy]',
    async ([, framing], { net }) => {
      const { client, running } = await http2Line(
        net,
        respondWith(({ target }) => framing(Number(target.slice(1)))),
        { over },
      );
      for (const [index, size] of SIZES.entries()) {
        const response = await client.get(`/${size}`);
        expect(response, `${size} bytes`).toMatchObject({ status: 200, complete: true, contentLength: size });
        expect(isSeeded('sizes', 0, response.content), `${size} bytes`).toBe(true);
        expect(await running.record(index)).toMatchObject({ outcome: 'completed', bytesDown: size });
      }
    },
  );

  test.for([true, false])(
    'an upload arrives whole at every size; with its length: %s [RFC 9113 8.1]',
    async (isDeclared, { net }) => {
      const { client, running } = await http2Line(
        net,
        respondWith((head, content) => {
          expect(head.has('content-length')).toBe(isDeclared);
          return sized(`${isSeeded('up', 0, content)} ${content.length}`);
        }),
        { over },
      );
      for (const [index, size] of SIZES.entries()) {
        const headers = {
          ':method': 'POST',
          ...(isDeclared && { 'content-length': size }),
        };
        const { content } = await client.request('/', { headers, content: seededBytes('up', 0, size) });
        expect(content.toString()).toBe(`true ${size}`);
        expect(await running.record(index)).toMatchObject({ outcome: 'completed', bytesUp: size });
      }
    },
  );

  test('16 MiB arrive with the right digest, down and up at once [RFC 9113 5.2]', async ({ net }) => {
    const uploaded = createHash('sha256');
    const { client } = await http2Line(
      net,
      async (connection) => {
        const head = await connection.readHead();
        if (head.method === 'GET') {
          await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
          await connection.writeSeeded('large', 0, LARGE);
        } else {
          await connection.readChunkedContent((bytes) => void uploaded.update(bytes));
          await connection.write(sized('thanks'));
        }
      },
      { over },
    );
    const upload = client.request('/', {
      headers: { ':method': 'PUT' },
      content: Readable.from(seededViews('large', 0, LARGE)),
    });
    expect(await digestOf(client, '/')).toEqual({ digest: LARGE_DIGEST, complete: true });
    expect((await upload).content.toString()).toBe('thanks');
    expect(uploaded.digest('hex')).toBe(LARGE_DIGEST);
  });

  test('100 downloads and uploads at once arrive whole on one connection [RFC 9113 5.1.2]', async ({
    net,
  }) => {
    const size = 300 * KiB + 1;
    const script: OriginScript = async (connection) => {
      for (;;) {
        const { head, content } = await connection.readRequest();
        const seed = head.target;
        if (head.method === 'POST') await connection.write(sized(String(isSeeded(seed, 0, content))));
        else if (head.target.length % 2 === 0) await connection.write(sized(seededBytes(seed, 0, size)));
        else await connection.write(chunked([...seededViews(seed, 0, size)]));
      }
    };
    const { client, running } = await http2Line(net, script, { over });
    const ask = async (i: number): Promise<void> => {
      const path = `/${i}`;
      const isUpload = i % 3 === 0;
      const response = isUpload
        ? await client.request(path, {
            headers: { ':method': 'POST' },
            content: seededBytes(path, 0, size),
          })
        : await client.get(path);
      expect(response.complete).toBe(true);
      if (isUpload) expect(response.content.toString()).toBe('true');
      else expect(response.contentLength === size && isSeeded(path, 0, response.content)).toBe(true);
    };
    await Promise.all(Array.from({ length: 100 }, (_, i) => ask(i)));
    expect(new Set((await running.records(100)).map(({ outcome }) => outcome))).toEqual(
      new Set(['completed']),
    );
  });

  const CONTENT = seededBytes('own', 0, MiB + 300 * KiB);
  const own: [string, () => Buffer | Readable][] = [
    ['bytes', () => CONTENT],
    ['a stream of small chunks', () => Readable.from(cut(CONTENT, 50_000))],
    ['a stream of large chunks', () => Readable.from(cut(CONTENT, MiB))],
  ];
  test.for(own)(
    'content of a hook (%s) arrives whole and in order, also while 12 share a connection [RFC 9113 8.1; Sluiceway]',
    async ([, make], { net }) => {
      const { client } = await http2Line(net, () => {}, {
        over,
        onRequest: () => ({ status: 200, content: make() }),
      });
      const isWhole = ({ complete, content }: Http2Response): boolean => complete && content.equals(CONTENT);
      expect(isWhole(await client.get('/'))).toBe(true);
      const all = await Promise.all(Array.from({ length: 12 }, () => client.get('/')));
      expect(all.filter((response) => !isWhole(response)).length).toBe(0);
    },
  );
});

function* cut(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('content of an upload', () => {
  test('in DATA frames of one byte, and with padding, arrives as it is [RFC 9113 6.1]', async ({ net }) => {
    const { frames } = await framesLine(
      net,
      respondWith((_head, content) => sized(content)),
    );
    const sent = seededBytes('tiny', 0, 3000);
    const stream = frames.get('/', { method: 'POST', isOpen: true });
    for (const [index, byte] of sent.entries()) {
      const isLast = index === sent.length - 1;
      const padding = index % 256;
      const payload = Buffer.concat([Buffer.from([padding, byte]), Buffer.alloc(padding)]);
      if (index % 2 === 0) void frames.data(stream, payload, Flag.PADDED);
      else void frames.data(stream, payload.subarray(1, 2), isLast ? Flag.END_STREAM : 0);
    }
    const { content, isComplete } = await frames.readResponse(stream);
    expect(isComplete).toBe(true);
    expect(content.equals(sent)).toBe(true);
  });

  const endings: [string, string][] = [
    ['with a last byte', 'x'],
    ['with an empty frame', ''],
  ];
  test.for(endings)(
    'that ends %s, in the same packet as its head, is complete [RFC 9113 8.1]',
    async ([, content], { net }) => {
      const { frames, running } = await framesLine(
        net,
        respondWith((head, received) => {
          expect(head.isChunked).toBe(true);
          return sized(received);
        }),
      );
      for (const method of ['POST', 'PUT', 'DELETE', 'GET']) {
        const response = await frames.readResponse(frames.get('/', { method, content }));
        expect(response).toMatchObject({ status: 200, isComplete: true });
        expect(response.content.toString()).toBe(content);
      }
      await expect
        .poll(() => new Set(running.recorded.map(({ outcome }) => outcome)))
        .toEqual(new Set(['completed']));
    },
  );

  test('of many requests in one packet is complete [RFC 9113 8.1; nghttp2]', async ({ net }) => {
    const { frames } = await framesLine(
      net,
      respondWith((_head, content) => sized(content)),
    );
    frames.wire.socket.cork();
    const streams = Array.from({ length: 100 }, (_, i) =>
      frames.get('/', { method: 'POST', content: `${i}` }),
    );
    frames.wire.socket.uncork();
    for (const [i, stream] of streams.entries())
      expect((await frames.readResponse(stream)).content.toString()).toBe(`${i}`);
  });

  test('that is said to have no bytes, and ends later, is none [RFC 9110 8.6]', async ({ net }) => {
    const { frames } = await framesLine(
      net,
      respondWith((head) => sized(String(head.get('content-length')))),
    );
    const stream = frames.get('/', { method: 'POST', isOpen: true, lines: [['content-length', '0']] });
    void frames.data(stream, '', Flag.END_STREAM);
    expect((await frames.readResponse(stream)).content.toString()).toBe('0');
  });
});

test('chunks of the origin server reach the client as they come, before the next ones [Caddy]', async ({
  net,
}) => {
  const received: string[] = [];
  const { client } = await http2Line(net, async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (const text of ['one', 'two', 'three']) {
      await connection.write(toChunk(text));
      await expect.poll(() => received.at(-1)).toBe(text);
    }
    await connection.write('0\r\n\r\n');
  });
  const { complete } = await client.request('/', {
    onContent: (bytes) => void received.push(bytes.toString()),
  });
  expect(complete).toBe(true);
  expect(received).toEqual(['one', 'two', 'three']);
});
