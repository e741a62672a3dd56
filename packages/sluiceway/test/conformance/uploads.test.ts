import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import { isSeeded, seededBytes, seededDigest, seededViews } from '../support/content.js';
import { test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import type { RawClient } from '../support/raw-client.js';
import { type OriginConnection, respondWith } from '../support/raw-origin.js';
import { sized, through, toChunk } from '../support/through.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const SIZES = [
  0,
  1,
  16 * KiB,
  64 * KiB - 1,
  64 * KiB,
  64 * KiB + 1,
  256 * KiB,
  256 * KiB + 1,
  MiB - 1,
  MiB + 1,
];

/** Answers each upload with its framing and content. */
const echo = respondWith((head, content) =>
  sized(content, [`X-Framing: ${head.isChunked ? 'chunked' : (head.contentLength ?? 'none')}`]),
);

describe('an upload', () => {
  test('with a Content-Length reaches the origin server whole and with it, at every size [RFC 9112 6.2]', async ({
    net,
  }) => {
    const { client, running } = await through(net, echo);
    for (const [index, size] of SIZES.entries()) {
      void client.send(`PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: ${size}\r\n\r\n`);
      void client.send(seededBytes('up', 0, size));
      const response = await client.readResponse();
      expect(response.head.get('x-framing')).toBe(String(size));
      expect(response).toMatchObject({ complete: true, contentLength: size, ended: undefined });
      expect(isSeeded('up', 0, response.content)).toBe(true);
      expect(await running.record(index)).toMatchObject({
        outcome: 'completed',
        bytesUp: size,
        bytesDown: size,
      });
    }
  });

  test('in chunks reaches the origin server whole and in chunks, at every size [RFC 9112 7.1]', async ({
    net,
  }) => {
    const { client } = await through(net, echo);
    for (const size of SIZES) {
      void client.send('PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: Chunked\r\n\r\n');
      if (size > 0) void client.send(toChunk(seededBytes('up', 0, size)));
      void client.send('0\r\n\r\n');
      const response = await client.readResponse();
      expect(response.head.get('x-framing')).toBe('chunked');
      expect(response).toMatchObject({ complete: true, contentLength: size, ended: undefined });
      expect(isSeeded('up', 0, response.content)).toBe(true);
    }
  });

  test('in chunks of one byte reaches the origin server whole [RFC 9112 7.1]', async ({ net }) => {
    const { client } = await through(net, echo);
    const size = 20_000;
    const bytes = seededBytes('up', 0, size);
    void client.send('POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n');
    void client.send(Buffer.concat(Array.from(bytes, (byte) => toChunk(Uint8Array.of(byte)))));
    void client.send('0\r\n\r\n');
    const response = await client.readResponse();
    expect(response.contentLength).toBe(size);
    expect(isSeeded('up', 0, response.content)).toBe(true);
  });

  test('of a GET, a DELETE and an uncommon method passes as well [RFC 9110 9.3.1]', async ({ net }) => {
    const { client } = await through(net, echo);
    for (const method of ['GET', 'DELETE', 'PROPFIND']) {
      await client.send(`${method} / HTTP/1.1\r\nHost: test\r\nContent-Length: 7\r\n\r\ncontent`);
      expect((await client.readResponse()).content.toString()).toBe('content');
    }
  });

  test('has its trailers passed on, without the forbidden ones [RFC 9110 6.5.1]', async ({ net }) => {
    let seen: string[] = [];
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      ({ trailers: seen } = await connection.readChunkedContent());
      await connection.write(sized(''));
    });
    await client.send(
      'POST / HTTP/1.1\r\nHost: test\r\nTrailer: X-Digest\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '5\r\nhello\r\n0\r\nX-Digest: a\r\nX-Other: \xe9\r\nContent-Type: b\r\nCookie: c=d\r\n\r\n',
    );
    await client.readResponse();
    expect(seen).toEqual(['X-Digest: a', 'X-Other: \xe9']);
  });

  test('whose chunks have extensions passes without them [RFC 9112 7.1.1]', async ({ net }) => {
    const { client } = await through(net, echo);
    await client.send(
      'POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0;c\r\n\r\n',
    );
    expect((await client.readResponse()).content.toString()).toBe('hello');
  });
});

describe('50 MB up and down again', () => {
  const SIZE = 50_000_000;

  /** The digest that the origin server saw, and the one of what it sent back. */
  const roundTrip = async (
    net: Parameters<typeof through>[0],
    send: (client: RawClient) => Promise<void>,
  ): Promise<{ up: string; down: string; complete: boolean }> => {
    const up = createHash('sha256');
    const { client } = await through(net, async (connection) => {
      const head = await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      await relay(connection, head, (bytes) => {
        up.update(bytes);
        return connection.write(bytes);
      });
    });
    const sending = send(client);
    const down = createHash('sha256');
    const response = await client.readResponse({ onContent: (bytes) => void down.update(bytes) });
    await sending;
    return { up: up.digest('hex'), down: down.digest('hex'), complete: response.complete };
  };

  const digest = seededDigest('big', SIZE);

  test('with a Content-Length, echoed while it still comes, is the same on both sides [Sluiceway]', async ({
    net,
  }) => {
    const result = await roundTrip(net, async (client) => {
      void client.send(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${SIZE}\r\n\r\n`);
      for (const view of seededViews('big', 0, SIZE)) await client.send(view);
    });
    expect(result).toEqual({ up: digest, down: digest, complete: true });
  });

  test('in chunks, echoed while it still comes, is the same on both sides [Sluiceway]', async ({ net }) => {
    const result = await roundTrip(net, async (client) => {
      void client.send('POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (const view of seededViews('big', 0, SIZE)) await client.send(toChunk(view));
      await client.send('0\r\n\r\n');
    });
    expect(result).toEqual({ up: digest, down: digest, complete: true });
  });
});

async function relay(
  connection: OriginConnection,
  head: RequestHead,
  write: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  const writes: Promise<void>[] = [];
  const onBytes = (bytes: Buffer): void => void writes.push(write(bytes));
  if (head.isChunked) await connection.readChunkedContent(onBytes);
  else await connection.take(head.contentLength ?? 0, onBytes);
  await Promise.all(writes);
}
