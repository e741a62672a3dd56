import { describe, expect, test } from 'vitest';
import type { SluicewayError } from '../../src/errors.js';
import { CONTENT_BLOCK_SIZES, HEAD_BLOCK_SIZE } from '../../src/stream/buffer-pool.js';
import { DrivenConnection } from '../support/driven-connection.js';
import { collect, HeldSink } from '../support/exchange.js';

const KiB = 1024;
const MiB = 1024 * KiB;
/** No stalled transfer may read more than this ahead of its client. */
const READ_AHEAD = 2 * MiB;

const SMALL_BLOCK = Math.min(...CONTENT_BLOCK_SIZES);
const CHUNKED_HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A response, its content, and whether a connection can be used again after it. */
const samples: [name: string, wire: string, content: string, reusable: boolean][] = [
  ['length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello', true],
  ['chunked', `${CHUNKED_HEAD}2\r\nhe\r\n3;x\r\nllo\r\n0\r\nA: b\r\n\r\n`, 'hello', true],
  ['none', 'HTTP/1.1 204 No Content\r\nA: b\r\n c\r\n\r\n', '', true],
  [
    'interim',
    'HTTP/1.1 103 Early\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na',
    'a',
    true,
  ],
  ['close', 'HTTP/1.1 200 OK\r\n\r\nhello', 'hello', false],
];

describe.each([
  ['TCP', false],
  ['TLS', true],
])('over %s', (_, tls) => {
  test.each(samples)(
    'a response (%s) reads alike, however it is cut into reads',
    async (_name, wire, content, reusable) => {
      for (let cut = 0; cut <= wire.length; cut += 1) {
        const driven = new DrivenConnection(tls);
        const { response } = driven.send();
        // The last one is cut byte by byte.
        const reads = cut === wire.length ? wire.split('') : [wire.slice(0, cut), wire.slice(cut)];
        driven.feed(...reads.filter((each) => each !== ''));
        const collected = collect((await response).content);
        if (!reusable) driven.end();
        expect((await collected).content.toString()).toBe(content);
        expect([driven.idled, driven.closed]).toEqual(reusable ? [1, 0] : [0, 1]);
        await turn();
        expect(driven.pool.bytesOut).toBeLessThanOrEqual(reusable ? SMALL_BLOCK : 0);
      }
    },
  );

  test('content that ends too early names what came, cut anywhere', async () => {
    const wire = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
    for (let length = wire.length - 5; length < wire.length; length += 1) {
      const driven = new DrivenConnection(tls);
      const { response } = driven.send();
      driven.feed(wire.slice(0, length));
      const collected = collect((await response).content);
      driven.end();
      const received = length - (wire.length - 5);
      await expect(collected).rejects.toThrow(`after ${received} of 5 content bytes`);
      expect(driven.socket.destroyed).toBe(true);
    }
  });

  const marker = '0\r\n\r\n';
  const looksLikeTheEnd = marker.repeat((8 * KiB) / marker.length);
  const floods: [string, string, string][] = [
    ['content of a length', 'HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n', 'x'.repeat(8 * KiB)],
    ['content until close', 'HTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(8 * KiB)],
    ['one large chunk', `${CHUNKED_HEAD}7fffffff\r\n`, 'x'.repeat(8 * KiB)],
    ['many small chunks', CHUNKED_HEAD, '1\r\nx\r\n'.repeat(1365)],
    ['a chunk whose every part looks like the end', `${CHUNKED_HEAD}7fffffff\r\n`, looksLikeTheEnd],
    ['chunk framing without end', CHUNKED_HEAD, `1;${'x'.repeat(1000)}\r\nx\r\n`.repeat(8)],
  ];
  for (const [what, head, piece] of floods) {
    test(`${what} that nobody takes is not read on and on`, async () => {
      const driven = new DrivenConnection(tls);
      const exchange = driven.send();
      const failed = exchange.response.then(() => null);
      // Before anybody has started the content.
      driven.feed(head + piece, ...Array.from({ length: 1000 }, () => piece));
      expect(driven.isReading).toBe(false);
      expect(driven.read).toBeLessThan(READ_AHEAD);
      // While the sink holds on to the first chunk.
      const sink = new HeldSink();
      (await exchange.response).content.start(sink);
      for (let i = 0; i < 5; i += 1) await turn();
      expect(sink.events).toContain('chunk');
      expect(driven.isReading).toBe(false);
      expect(driven.read).toBeLessThan(READ_AHEAD);
      expect(driven.pool.bytesOut).toBeLessThan(READ_AHEAD);
      // It goes on when the chunk is given back.
      const before = driven.read;
      for (let i = 0; i < 200; i += 1) {
        sink.release();
        await turn();
      }
      expect(driven.read > before || sink.isOver).toBe(true);
      driven.connection.destroy();
      sink.release();
      await turn();
      expect(driven.pool.out.size).toBe(0);
      await failed;
    });
  }

  test('records that come after reading was stopped are kept in order', async () => {
    const driven = new DrivenConnection(tls);
    const { response } = driven.send();
    driven.feed('HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n');
    const sink = new HeldSink();
    (await response).content.start(sink);
    const content = Buffer.alloc(300_000, 'abcdefghijklmnopqrstuvwxyz');
    // Nothing comes after a stop over TCP.
    for (let at = 0; at < content.length; at += 16_000) {
      const record = content.subarray(at, at + 16_000);
      if (tls) driven.force(record);
      else driven.feed(record);
    }
    for (let i = 0; i < 100 && !sink.isOver; i += 1) {
      await turn();
      sink.release();
    }
    expect(sink.received.equals(content)).toBe(true);
    expect(sink.events.at(-1)).toBe('end');
    expect(driven.pool.bytesOut).toBe(HEAD_BLOCK_SIZE);
  });

  test('a close that no end comes before completes no content [RFC 9112 8]', async () => {
    const driven = new DrivenConnection(tls);
    const { response } = driven.send();
    driven.feed('HTTP/1.1 200 OK\r\n\r\nhello');
    const collected = collect((await response).content);
    driven.socket.destroy();
    await expect(collected).rejects.toMatchObject({ code: 'http_response_incomplete' });
  });

  test('a connection that closes while a chunk is lent gives all its memory back', async () => {
    const driven = new DrivenConnection(tls);
    const { response } = driven.send();
    driven.feed(`HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n${'x'.repeat(20_000)}`);
    const sink = new HeldSink();
    (await response).content.start(sink);
    await turn();
    driven.socket.emit('error', new Error('read ECONNRESET'));
    driven.socket.destroy();
    await turn();
    expect(sink.events.at(-1)).toBe('fail');
    sink.release();
    expect(driven.pool.out.size).toBe(0);
  });
});

test.for([
  [500, 204],
  [1000, 'http_protocol_error'],
] as const)('%d interim responses at once end with %s', async ([count, end]) => {
  const driven = new DrivenConnection();
  const interim: number[] = [];
  const { response } = driven.send({ onInterim: ({ status }) => void interim.push(status) });
  const answered = response.then(
    ({ status }) => status,
    (error: unknown) => (error as SluicewayError).code,
  );
  driven.feed('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(count), 'HTTP/1.1 204 No Content\r\n\r\n');
  expect(await answered).toBe(end);
  expect(interim.length).toBeGreaterThanOrEqual(500);
  expect(interim.length).toBeLessThan(600);
});
