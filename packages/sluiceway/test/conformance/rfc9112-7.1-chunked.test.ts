import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, through, toChunk } from '../support/through.js';

const MiB = 1024 * 1024;

describe('chunks of an origin server', () => {
  test('of one byte each arrive whole [RFC 9112 7.1]', async ({ net }) => {
    const size = 50_000;
    const bytes = seededBytes('tiny', 0, size);
    const chunks = Array.from({ length: size }, (_, i) => bytes.subarray(i, i + 1));
    const { client } = await through(net, respondWith(chunked(chunks)));
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response).toMatchObject({ complete: true, contentLength: size });
      expect(isSeeded('tiny', 0, response.content)).toBe(true);
    }
  });

  test('of 32 MiB arrive whole [RFC 9112 7.1]', async ({ net }) => {
    const size = 32 * MiB;
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n`);
      await connection.writeSeeded('huge', 0, size);
      await connection.write('\r\n0\r\n\r\n');
    });
    await client.get('/');
    let at = 0;
    const response = await client.readResponse({
      onContent: (bytes) => {
        expect(isSeeded('huge', at, bytes)).toBe(true);
        at += bytes.length;
      },
    });
    expect(response).toMatchObject({ complete: true, contentLength: size });
  });

  test('that come byte by byte arrive whole [RFC 9112 7.1]', async ({ net }) => {
    const wire = chunked(['hello, ', 'x'.repeat(20), 'world'], [], ['X-Last: yes']);
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      for (const byte of wire) await connection.write(Uint8Array.of(byte));
    });
    await client.get('/', ['TE: trailers', 'Connection: TE']);
    const response = await client.readResponse();
    expect(response).toMatchObject({ complete: true, trailers: ['X-Last: yes'] });
    expect(response.content.toString()).toBe(`hello, ${'x'.repeat(20)}world`);
  });

  test('of random sizes, written at random places, arrive whole [RFC 9112 7.1]', async ({ net }) => {
    const size = 4 * MiB;
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state % below;
    };
    const parts: Buffer[] = [];
    for (let at = 0; at < size; ) {
      const length = Math.min(size - at, 1 + random(random(4) === 0 ? 300_000 : 50));
      parts.push(toChunk(seededBytes('random', at, length)));
      at += length;
    }
    const wire = Buffer.concat([
      Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
      ...parts,
      Buffer.from('0\r\n\r\n'),
    ]);
    const { client } = await through(net, async (connection) => {
      for (;;) {
        await connection.readHead();
        for (let at = 0; at < wire.length; ) {
          const end = Math.min(wire.length, at + 1 + random(100_000));
          await connection.write(wire.subarray(at, end));
          at = end;
        }
      }
    });
    for (let i = 0; i < 3; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response).toMatchObject({ complete: true, contentLength: size });
      expect(isSeeded('random', 0, response.content)).toBe(true);
    }
  });

  test('with extensions, leading zeros and capital digits arrive without them [RFC 9112 7.1.1]', async ({
    net,
  }) => {
    const { client } = await through(
      net,
      respondWith(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
          '3;a=b\r\nabc\r\n0000A ; name="quoted; \xff"\r\n0123456789\r\n1 \r\nz\r\n0;last\r\n\r\n',
      ),
    );
    for (let i = 0; i < 2; i++) {
      await client.send('GET / HTTP/1.1\r\nHost: test\r\n\r\n');
      const head = await client.readHead();
      expect(head.isChunked).toBe(true);
      const { bytes, sizes } = await readChunks(client);
      expect(bytes.toString()).toBe('abc0123456789z');
      expect(sizes.reduce((a, b) => a + b)).toBe(14);
    }
  });
});

async function readChunks(client: {
  readChunkedContent(onContent: (bytes: Buffer) => void): Promise<{ sizes: number[] }>;
}): Promise<{ bytes: Buffer; sizes: number[] }> {
  const parts: Buffer[] = [];
  const { sizes } = await client.readChunkedContent((bytes) => void parts.push(bytes));
  return { bytes: Buffer.concat(parts), sizes };
}
