import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import { isSeeded, seededBytes, seededDigest, seededViews } from '../support/content.js';
import { test } from '../support/fixture.js';
import type { OriginScript } from '../support/raw-origin.js';
import { chunked, sized, through } from '../support/through.js';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Around every size at which something changes: read blocks, TLS records, Node's own pieces. */
const SIZES = [
  0,
  1,
  2,
  8 * KiB - 1,
  8 * KiB,
  16 * KiB + 1,
  64 * KiB - 1,
  64 * KiB,
  64 * KiB + 1,
  256 * KiB - 1,
  256 * KiB,
  256 * KiB + 1,
  MiB - 1,
  MiB,
  MiB + 1,
  3 * MiB + 7,
];

const pieces = (size: number, piece: number): Buffer[] => {
  const chunks: Buffer[] = [];
  for (let at = 0; at < size; at += piece) chunks.push(seededBytes('sizes', at, Math.min(piece, size - at)));
  return chunks;
};

/** Answers `GET /<size>` once per request; a response that ends with its connection ends it. */
const framings: Record<string, (size: number) => { bytes: Buffer; closes: boolean }> = {
  'a Content-Length': (size) => ({ bytes: sized(seededBytes('sizes', 0, size)), closes: false }),
  'chunks of 64 KiB': (size) => ({ bytes: chunked(pieces(size, 64 * KiB)), closes: false }),
  'one chunk': (size) => ({ bytes: chunked(pieces(size, Math.max(1, size))), closes: false }),
  'chunks of an odd size': (size) => ({ bytes: chunked(pieces(size, 1021)), closes: false }),
  'the end of an HTTP/1.1 connection': (size) => ({ bytes: untilClose('1.1', size), closes: true }),
  'the end of an HTTP/1.0 connection': (size) => ({ bytes: untilClose('1.0', size), closes: true }),
};

const untilClose = (version: string, size: number): Buffer =>
  Buffer.concat([Buffer.from(`HTTP/${version} 200 OK\r\n\r\n`), seededBytes('sizes', 0, size)]);

describe.each(Object.entries(framings))('content delimited by %s', (_name, framing) => {
  const script: OriginScript = async (connection) => {
    for (;;) {
      const { target } = await connection.readHead();
      const { bytes, closes } = framing(Number(target.slice(1)));
      await connection.write(bytes);
      if (closes) {
        connection.end();
        return;
      }
    }
  };

  test('arrives whole at every size, over one client connection [Caddy; RFC 9112 6.3]', async ({ net }) => {
    const { client, running } = await through(net, script);
    for (const [index, size] of SIZES.entries()) {
      await client.get(`/${size}`);
      const response = await client.readResponse();
      expect(response, `${size} bytes`).toMatchObject({
        complete: true,
        contentLength: size,
        ended: undefined,
      });
      expect(isSeeded('sizes', 0, response.content), `${size} bytes`).toBe(true);
      expect(await running.record(index)).toMatchObject({ outcome: 'completed', bytesDown: size });
    }
  });
});

describe('100 MB', () => {
  const SIZE = 100_000_000;

  const digestOf = async (
    net: Parameters<typeof through>[0],
    script: OriginScript,
  ): Promise<{ digest: string; length: number; complete: boolean }> => {
    const { client } = await through(net, script);
    const hash = createHash('sha256');
    await client.get('/');
    const response = await client.readResponse({ onContent: (bytes) => void hash.update(bytes) });
    return { digest: hash.digest('hex'), length: response.contentLength, complete: response.complete };
  };
  const whole = { digest: seededDigest('large', SIZE), length: SIZE, complete: true };

  test('with a Content-Length arrive with the right digest [RFC 9112 6.2]', async ({ net }) => {
    const received = await digestOf(net, async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      await connection.writeSeeded('large', 0, SIZE);
    });
    expect(received).toEqual(whole);
  });

  test('in chunks arrive with the right digest [RFC 9112 7.1]', async ({ net }) => {
    const received = await digestOf(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (const view of seededViews('large', 0, SIZE)) {
        void connection.write(`${view.length.toString(16)}\r\n`);
        void connection.write(view);
        await connection.write('\r\n');
      }
      await connection.write('0\r\n\r\n');
    });
    expect(received).toEqual(whole);
  });
});
