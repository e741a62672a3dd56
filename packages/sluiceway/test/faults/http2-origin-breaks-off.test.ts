import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { ErrorCode, Flag, type Frames } from '../support/frames.js';
import type { FieldLine } from '../support/hpack.js';
import { answer, OK, throughFrames, throughHttp2 } from '../support/through-http2.js';

const SIZE = 600_000;
const content = seededBytes('h2 broken', 0, SIZE);

type BreakOff = (frames: Frames, stream: number) => unknown;

const reset =
  (code: number): BreakOff =>
  (frames, stream) =>
    frames.reset(stream, code);

const WAYS: readonly [string, BreakOff][] = [
  ['NO_ERROR', reset(ErrorCode.NO_ERROR)],
  ['INTERNAL_ERROR', reset(ErrorCode.INTERNAL_ERROR)],
  ['CANCEL', reset(ErrorCode.CANCEL)],
  ['REFUSED_STREAM', reset(ErrorCode.REFUSED_STREAM)],
  ['an unknown code', reset(0xdead)],
  ['the end of the connection', (frames) => frames.wire.end()],
  ['a reset of the connection', (frames) => frames.wire.reset()],
  [
    'a GOAWAY with an error and the end of the connection',
    (frames) => {
      void frames.goaway(2 ** 31 - 1, ErrorCode.INTERNAL_ERROR);
      frames.wire.end();
    },
  ],
];

/** DATA frames up to `end`, no larger than the protocol allows unasked. */
async function writeContent(frames: Frames, stream: number, end: number): Promise<void> {
  for (let at = 0; at < end; at += 16_384)
    await frames.data(stream, content.subarray(at, Math.min(at + 16_384, end)));
}

describe('content that an HTTP/2 origin server breaks off', () => {
  const heads: Record<string, readonly FieldLine[]> = {
    'with a Content-Length': [...OK, ['content-length', String(SIZE)]],
    'without one': OK,
  };

  for (const [length, head] of Object.entries(heads)) {
    test.for(WAYS)(
      `${length}, by %s, at the first byte, in the middle or at the last, never ends cleanly [RFC 9113 8.1; Go ReverseProxy; nginx]`,
      async ([how, breakOff], { net }) => {
        const breakOffAt = async (at: number) => {
          const { client, running } = await throughFrames(net, async (frames) => {
            const { stream } = await frames.readSection();
            await frames.headers(stream, head);
            await writeContent(frames, stream, at);
            await breakOff(frames, stream);
          });
          await client.get('/');
          const where = `${how} at ${at}`;
          const response = await client.readResponse();
          expect(response.complete, where).toBe(false);
          expect(isSeeded('h2 broken', 0, response.content), where).toBe(true);
          await client.closed;
          expect(await running.record(), where).toMatchObject({
            outcome: 'upstream_truncated',
            error: 'http_response_incomplete',
            status: 200,
          });
          client.close();
        };
        await Promise.all([0, 1, 16_384, 100_000, SIZE - 1].map(breakOffAt));
      },
    );
  }

  test('is whole with all bytes of its Content-Length, even where the stream is reset with NO_ERROR in place of an end [RFC 9110 8.6; Node]', async ({
    net,
  }) => {
    const { client, running } = await throughFrames(net, async (frames) => {
      const { stream } = await frames.readSection();
      await frames.headers(stream, [...OK, ['content-length', '5']]);
      await frames.data(stream, 'whole');
      await frames.reset(stream, ErrorCode.NO_ERROR);
    });
    await client.get('/');
    expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: 5 });
    expect(await running.record()).toMatchObject({ outcome: 'completed' });
  });

  test.for([
    ['fewer bytes than', '6', 'bytes'],
    ['more bytes than', '4', 'bytes'],
    ['no bytes for', '5', ''],
  ] as const)(
    'with %s its Content-Length never ends cleanly [RFC 9113 8.1.1]',
    async ([, length, sent], { net }) => {
      const { client, running } = await throughFrames(net, async (frames) => {
        const { stream } = await frames.readSection();
        await answer(frames, stream, sent, [...OK, ['content-length', length]]);
        await frames.readReset(stream);
      });
      await client.get('/');
      const response = await client.readResponse().catch(() => null);
      expect(response?.head.status === 200 ? response.complete : false).toBe(false);
      expect((await running.record()).outcome).not.toBe('completed');
    },
  );

  test('while the client has paused never ends cleanly [RFC 9113 8.1]', async ({ net }) => {
    const size = 8_000_000;
    const { client, running } = await throughHttp2(net, (stream) => {
      stream.respond({ 'content-length': size });
      stream.write(seededBytes('h2 broken', 0, size / 2), () => stream.destroy(new Error('broken off')));
    });
    await client.get('/');
    const head = await client.readHead();
    client.pause();
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.resume();
    const response = await client.readContent(head);
    expect(response.complete).toBe(false);
    expect(isSeeded('h2 broken', 0, response.content)).toBe(true);
    expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated' });
  });
});

describe('a stream that comes to nothing before its head', () => {
  test.for([
    ['NO_ERROR', ErrorCode.NO_ERROR, 'connection_terminated'],
    ['PROTOCOL_ERROR', ErrorCode.PROTOCOL_ERROR, 'http_protocol_error'],
    ['INTERNAL_ERROR', ErrorCode.INTERNAL_ERROR, 'connection_terminated'],
    ['FLOW_CONTROL_ERROR', ErrorCode.FLOW_CONTROL_ERROR, 'http_protocol_error'],
    ['CANCEL', ErrorCode.CANCEL, 'connection_terminated'],
    ['CONNECT_ERROR', ErrorCode.CONNECT_ERROR, 'connection_terminated'],
    ['HTTP_1_1_REQUIRED', ErrorCode.HTTP_1_1_REQUIRED, 'http_protocol_error'],
    ['an unknown code', 99, 'http_protocol_error'],
  ] as const)(
    'by a reset with %s is answered 502 [RFC 9113 7; RFC 9209 2.3]',
    async ([, code, error], { net }) => {
      const { client, running, origin } = await throughFrames(net, async (frames) => {
        const { stream } = await frames.readSection();
        await frames.reset(stream, code);
        await frames.readFrame();
      });
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(502);
      expect(await running.record()).toMatchObject({ error, status: 502 });
      // It may have been processed, so it is not sent again.
      expect(origin.total).toBe(1);
    },
  );

  test.for([
    ['its end', (frames: Frames) => frames.wire.end()],
    ['its reset', (frames: Frames) => frames.wire.reset()],
  ] as const)('by %s of a new connection is answered 502 [RFC 9110 15.6.3]', async ([, end], { net }) => {
    const { client, running } = await throughFrames(net, async (frames) => {
      await frames.readSection();
      end(frames);
    });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(await running.record()).toMatchObject({
      error: 'connection_terminated',
      outcome: 'upstream_refused',
    });
  });

  test('because the origin server speaks something else is answered 502 [RFC 9113 3.4]', async ({ net }) => {
    for (const words of [
      'HTTP/1.1 400 Bad Request\r\n\r\n',
      '220 smtp.example ESMTP\r\n',
      '\0'.repeat(100),
    ]) {
      const origin = await net.origin(async (connection) => {
        await connection.readSome();
        await connection.write(words);
        await connection.readAll();
      });
      const running = await net.proxy({ upstream: { url: origin.url, protocol: 'http2' } });
      const client = await net.client(running);
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(502);
      expect(await running.record()).toMatchObject({ error: 'http_protocol_error' });
    }
  });
});

describe('a response head that an HTTP/2 origin server must not send', () => {
  const cases: [string, readonly FieldLine[], string][] = [
    ['without a status', [['x-a', '1']], 'http_protocol_error'],
    ['with status 99', [[':status', '99']], 'http_protocol_error'],
    ['with status 101', [[':status', '101']], 'http_protocol_error'],
    ['with status 2xx as text', [[':status', 'abc']], 'http_protocol_error'],
    [
      'with two statuses',
      [
        [':status', '200'],
        [':status', '200'],
      ],
      'http_protocol_error',
    ],
    [
      'with a status after a field',
      [
        ['x-a', '1'],
        [':status', '200'],
      ],
      'http_protocol_error',
    ],
    ['with a pseudo-header field of requests', [...OK, [':path', '/']], 'http_protocol_error'],
    ['with a name in upper case', [...OK, ['X-Upper', '1']], 'http_protocol_error'],
    ['with Connection', [...OK, ['connection', 'x-a']], 'http_protocol_error'],
    ['with Keep-Alive', [...OK, ['keep-alive', 'timeout=5']], 'http_protocol_error'],
    ['with Transfer-Encoding', [...OK, ['transfer-encoding', 'chunked']], 'http_protocol_error'],
    ['with Upgrade', [...OK, ['upgrade', 'h2c']], 'http_protocol_error'],
    ['with two lengths', [...OK, ['content-length', '1'], ['content-length', '2']], 'http_protocol_error'],
    ['with a length that is none', [...OK, ['content-length', '-1']], 'http_protocol_error'],
  ];

  test.for(cases)(
    '(%s) reaches no client, who gets 502 [RFC 9113 8.2.1; RFC 9113 8.3]',
    async ([, head, error], { net }) => {
      const { client, running } = await throughFrames(net, async (frames) => {
        const { stream } = await frames.readSection();
        await frames.headers(stream, head);
        await frames.data(stream, '', Flag.END_STREAM);
        await frames.readReset(stream);
      });
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.status).toBe(502);
      expect(await running.record()).toMatchObject({ error });
    },
  );

  test('has fields that could split a message dropped, since Node tells nobody of them [RFC 9113 8.2.1; Node]', async ({
    net,
  }) => {
    const { client } = await throughFrames(net, async (frames) => {
      const { stream } = await frames.readSection();
      const lines: readonly FieldLine[] = [
        ['x a', '1'],
        ['x-b', '1\r\nx-c: 2'],
        ['x-d', '3\0'],
        ['x-e', 'good'],
      ];
      await answer(frames, stream, 'content', [...OK, ...lines]);
    });
    await client.get('/');
    const { head, content: received } = await client.readResponse();
    expect(head.lines.filter((line) => line.startsWith('x'))).toEqual(['x-e: good']);
    expect(received.toString()).toBe('content');
  });
});
