import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { ErrorCode, Flag, FrameType, fieldOf } from '../support/frames.js';
import type { FramesClient } from '../support/frames-client.js';
import { framesLine, type Http2Line, http2Line } from '../support/http2-line.js';
import type { RequestHead } from '../support/message-head.js';
import type { OriginScript } from '../support/raw-origin.js';
import type { Http2Listening } from '../support/servers.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';
import { opening, switching } from '../support/web-socket-origin.js';

const echo = opening(async (connection) => {
  for (let bytes = await connection.readSome(); bytes !== null; bytes = await connection.readSome())
    await connection.write(bytes);
  connection.end();
});

interface Open extends Http2Line {
  frames: FramesClient;
  stream: number;
}

/** A WebSocket that is open. */
async function open(net: Network, script: OriginScript, over: Http2Listening = 'h2c'): Promise<Open> {
  const line = await framesLine(net, script, { over });
  const stream = line.frames.connect('/chat');
  const { lines, endStream } = await line.frames.readSection(stream);
  expect(fieldOf(lines, ':status')).toBe('200');
  expect(endStream).toBe(false);
  return { ...line, stream };
}

describe('a WebSocket over HTTP/2', () => {
  test('is offered in the first SETTINGS [RFC 8441 3]', async ({ net }) => {
    const { client } = await http2Line(net, echo);
    expect(client.session.remoteSettings.enableConnectProtocol).toBe(true);
  });

  test('becomes an upgrade with a key of its own for the origin server, and the client sees none of it [RFC 8441 5; RFC 9113 8.2.2; Caddy]', async ({
    net,
  }) => {
    const seen: RequestHead[] = [];
    const { frames } = await framesLine(
      net,
      async (connection) => {
        const head = await connection.readHead();
        seen.push(head);
        const lines = [
          'Sec-WebSocket-Protocol: b',
          'Set-Cookie: a=1',
          'Alt-Svc: h3',
          'X-Hop: 1',
          'Connection: X-Hop',
        ];
        await connection.write(switching(head.get('sec-websocket-key'), lines));
        await connection.readAll();
      },
      { name: 'us' },
    );
    for (let i = 0; i < 2; i += 1) {
      const stream = frames.connect('/chat?x=1', [
        ['sec-websocket-protocol', 'a, b'],
        ['sec-websocket-extensions', 'permessage-deflate'],
        ['origin', 'https://test'],
        ['cookie', 'a=1'],
        ['cookie', 'b=2'],
      ]);
      const { lines } = await frames.readSection(stream);
      expect(lines.filter(([name]) => name !== 'date')).toEqual([
        [':status', '200'],
        ['sec-websocket-protocol', 'b'],
        ['set-cookie', 'a=1'],
        ['via', '1.1 us'],
      ]);
    }
    const [first, second] = seen;
    expect(first?.startLine).toBe('GET /chat?x=1 HTTP/1.1');
    expect(first?.getAll('upgrade')).toEqual(['websocket']);
    expect(first?.getAll('connection')).toEqual(['Upgrade']);
    expect(first?.get('sec-websocket-version')).toBe('13');
    expect(first?.get('sec-websocket-protocol')).toBe('a, b');
    expect(first?.get('sec-websocket-extensions')).toBe('permessage-deflate');
    expect(first?.get('origin')).toBe('https://test');
    expect(first?.get('cookie')).toBe('a=1; b=2');
    expect(first?.get('via')).toBe('2.0 us');
    expect(first?.has('content-length')).toBe(false);
    expect(first?.has('transfer-encoding')).toBe(false);
    expect(Buffer.from(first?.get('sec-websocket-key') ?? '', 'base64').length).toBe(16);
    expect(second?.get('sec-websocket-key')).not.toBe(first?.get('sec-websocket-key'));
  });

  describe.for(['h2c', 'tls'] as const)('over %s', (over) => {
    test('carries bytes both ways, those before the answer included [RFC 8441 5; Go ReverseProxy]', async ({
      net,
    }) => {
      const { frames, running } = await framesLine(net, echo, { over });
      const stream = frames.connect('/chat');
      void frames.data(stream, 'early');
      await frames.readSection(stream);
      const sent = seededBytes('ws', 0, 60_000);
      for (let at = 0; at < sent.length; at += 6000) void frames.data(stream, sent.subarray(at, at + 6000));
      void frames.data(stream, '', Flag.END_STREAM);
      const { content } = await frames.readContent(stream);
      expect(content.subarray(0, 5).toString()).toBe('early');
      expect(isSeeded('ws', 0, content.subarray(5)) && content.length === 60_005).toBe(true);
      expect(await running.record()).toMatchObject({
        outcome: 'completed',
        status: 200,
        bytesUp: 60_005,
        bytesDown: 60_005,
        error: null,
      });
    });

    test('delivers what the origin server sends together with its 101 [Go ReverseProxy]', async ({ net }) => {
      const { frames } = await framesLine(
        net,
        async (connection) => {
          const head = await connection.readHead();
          await connection.write(`${switching(head.get('sec-websocket-key'))}glued`);
          await connection.readAll();
        },
        { over },
      );
      const stream = frames.connect('/');
      await frames.readSection(stream);
      expect((await frames.next(FrameType.DATA, stream)).payload.toString()).toBe('glued');
    });

    test('whose client ends first still gets what the origin server sends afterwards [RFC 8441 5; Go ReverseProxy]', async ({
      net,
    }) => {
      const { frames, stream, running } = await open(
        net,
        opening(async (connection) => {
          expect((await connection.readAll()).toString()).toBe('bye');
          await connection.write('still here');
          connection.end();
        }),
        over,
      );
      void frames.data(stream, 'bye', Flag.END_STREAM);
      expect((await frames.readContent(stream)).content.toString()).toBe('still here');
      expect((await running.record()).outcome).toBe('completed');
    });

    test('whose origin server ends first still gets what the client sends afterwards [RFC 8441 5; Go ReverseProxy]', async ({
      net,
    }) => {
      let received = '';
      const { frames, stream, running } = await open(
        net,
        opening(async (connection) => {
          await connection.write('bye');
          connection.end();
          received = (await connection.readAll()).toString();
        }),
        over,
      );
      expect((await frames.readContent(stream)).content.toString()).toBe('bye');
      void frames.data(stream, 'still here', Flag.END_STREAM);
      expect((await running.record()).outcome).toBe('completed');
      await until(() => received === 'still here', 'the origin server had all');
    });

    const leaving: [string, (open: Open) => unknown][] = [
      ['RST_STREAM', ({ frames, stream }) => frames.reset(stream, ErrorCode.CANCEL)],
      ['RST_STREAM with NO_ERROR', ({ frames, stream }) => frames.reset(stream, ErrorCode.NO_ERROR)],
      ['the end of its connection', ({ frames }) => frames.wire.end()],
      ['a reset of its connection', ({ frames }) => frames.wire.reset()],
    ];
    test.for(leaving)(
      'whose client leaves by %s is closed at the origin server [RFC 8441 5; Caddy]',
      async ([, leave], { net }) => {
        const line = await open(
          net,
          opening((connection) => connection.readAll()),
          over,
        );
        void line.frames.data(line.stream, 'x');
        await until(() => line.running.proxy.active === 1, 'it was open');
        leave(line);
        await line.origin.connections[0]?.closed;
        await line.running.record();
      },
    );

    test.for(['reset', 'destroy'] as const)(
      'whose origin server breaks off (%s) ends for the client, and other streams go on [RFC 8441 5]',
      async (how, { net }) => {
        const { frames, stream, running } = await open(
          net,
          async (connection) => {
            const head = await connection.readHead();
            if (head.target === '/other') return connection.write(sized('other'));
            await connection.write(switching(head.get('sec-websocket-key')));
            await connection.readExactly(1);
            connection[how]();
          },
          over,
        );
        void frames.data(stream, 'x');
        let isOver = false;
        while (!isOver) {
          const { type, flags } = await frames.nextOn(stream);
          isOver = type === FrameType.RST_STREAM || (flags & Flag.END_STREAM) !== 0;
        }
        void frames.data(stream, '', Flag.END_STREAM);
        await running.record();
        expect((await frames.readResponse(frames.get('/other'))).content.toString()).toBe('other');
      },
    );
  });

  test('is one of a hundred on a connection, and each carries its own [RFC 8441 5]', async ({ net }) => {
    const { frames, running } = await framesLine(net, echo);
    const streams = Array.from({ length: 100 }, (_, i) => {
      const stream = frames.connect(`/${i}`);
      void frames.data(stream, `hello ${i}`, Flag.END_STREAM);
      return stream;
    });
    for (const [i, stream] of streams.entries()) {
      expect(fieldOf((await frames.readSection(stream)).lines, ':status')).toBe('200');
      expect((await frames.readContent(stream)).content.toString()).toBe(`hello ${i}`);
    }
    expect(new Set((await running.records(100)).map(({ outcome }) => outcome))).toEqual(
      new Set(['completed']),
    );
  });

  test('holds the origin server back while its client takes nothing [RFC 9113 5.2]', async ({ net }) => {
    const size = 30_000_000;
    const { origin, frames, stream } = await open(
      net,
      opening((connection) => connection.writeSeeded('ws', 0, size)),
    );
    let before = -1;
    let since = 0;
    await until(() => {
      const written = origin.connections[0]?.tcp.bytesWritten ?? 0;
      if (written !== before) since = Date.now();
      before = written;
      return Date.now() - since > 100;
    }, 'backpressure had reached the origin server');
    expect(before).toBeLessThan(size);
    let received = 0;
    while (received < size) {
      const { payload } = await frames.next(FrameType.DATA, stream);
      expect(isSeeded('ws', received, payload)).toBe(true);
      received += payload.length;
      void frames.windowUpdate(0, payload.length);
      void frames.windowUpdate(stream, payload.length);
    }
  });
});
