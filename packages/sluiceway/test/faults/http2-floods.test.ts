import { describe, expect } from 'vitest';
import { type Network, test } from '../support/fixture.js';
import { ErrorCode, Flag, FrameType, PREFACE, Setting } from '../support/frames.js';
import { type FramesClient, pseudoFields } from '../support/frames-client.js';
import { encodeFields } from '../support/hpack.js';
import { framesLine, type Http2Line } from '../support/http2-line.js';
import type { OriginScript } from '../support/raw-origin.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

/** Answers all but `/slow`, for which it waits as long as the client does. */
const serve: OriginScript = async (connection) => {
  for (;;) {
    const { head } = await connection.readRequest();
    if (head.target === '/slow') return void (await connection.readAll());
    await connection.write(sized('served'));
  }
};

interface Flooded extends Http2Line {
  frames: FramesClient;
  /** The code of the GOAWAY, once the connection has ended; null where there was none. */
  ended: Promise<number | null>;
}

async function start(net: Network, isSilent = false): Promise<Flooded> {
  const line = await framesLine(net, serve, { frames: { isSilent, acknowledges: false } });
  const readAll = async (): Promise<number | null> => {
    let code: number | null = null;
    try {
      for (;;) {
        const { type, payload } = await line.frames.readFrame();
        if (type === FrameType.GOAWAY) code = payload.readUInt32BE(4);
      }
    } catch {
      return code;
    }
  };
  return { ...line, ended: readAll() };
}

/** Does something as often as is said, or until the connection ends. */
async function repeat(frames: FramesClient, times: number, act: () => unknown): Promise<void> {
  for (let i = 0; i < times && frames.wire.ending === undefined; i += 1) {
    await act();
    await frames.wire.write('').catch(() => {});
  }
}

async function expectServed(net: Network, { running }: Http2Line): Promise<void> {
  const frames = await net.frames(running);
  const response = await frames.readResponse(frames.get('/'));
  expect(response.content.toString()).toBe('served');
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

describe('a client that floods has its connection closed, and others are served:', () => {
  const CALM = [ErrorCode.ENHANCE_YOUR_CALM];
  /** Node gives its own reason for what it counts itself. */
  const ANY = [ErrorCode.ENHANCE_YOUR_CALM, ErrorCode.INTERNAL_ERROR, ErrorCode.PROTOCOL_ERROR];

  const floods: [string, readonly number[], (frames: FramesClient) => unknown][] = [
    ...(['GET', 'HEAD', 'POST'] as const).flatMap((method) =>
      [ErrorCode.CANCEL, ErrorCode.NO_ERROR].map(
        (code): [string, readonly number[], (frames: FramesClient) => unknown] => [
          `2,000 times ${method} and RST_STREAM with ${code === ErrorCode.CANCEL ? 'CANCEL' : 'NO_ERROR'} [CVE-2023-44487; RFC 9113 10.5]`,
          CALM,
          (frames) =>
            repeat(frames, 2000, () => {
              void frames.reset(frames.get('/slow', { method, isOpen: method === 'POST' }), code);
            }),
        ],
      ),
    ),
    [
      '2,000 requests, each with a WINDOW_UPDATE of nothing [CVE-2025-8671; RFC 9113 10.5]',
      ANY,
      (frames) => repeat(frames, 2000, () => frames.windowUpdate(frames.get('/slow'), 0)),
    ],
    [
      '2,000 requests whose window overflows [CVE-2025-8671; RFC 9113 6.9.1]',
      [...ANY, ErrorCode.FLOW_CONTROL_ERROR],
      (frames) => repeat(frames, 2000, () => frames.windowUpdate(frames.get('/slow'), 0x7fffffff)),
    ],
    [
      '2,000 requests with more content than announced [CVE-2025-8671; RFC 9113 8.1.1]',
      ANY,
      (frames) =>
        repeat(frames, 2000, () =>
          frames.get('/slow', { method: 'POST', lines: [['content-length', '1']], content: 'xx' }),
        ),
    ],
    [
      '2,000 malformed requests [CVE-2025-8671; RFC 9113 8.1.1]',
      ANY,
      (frames) => repeat(frames, 2000, () => frames.get('/slow', { lines: [['connection', 'x']] })),
    ],
    [
      '5,000 SETTINGS [CVE-2019-9515; RFC 9113 10.5]',
      CALM,
      (frames) => repeat(frames, 5000, () => frames.settings([[Setting.ENABLE_PUSH, 0]])),
    ],
    [
      '5,000 SETTINGS acknowledged that nobody has sent [RFC 9113 6.5]',
      ANY,
      (frames) => repeat(frames, 5000, () => frames.acknowledgeSettings()),
    ],
    [
      '5,000 PINGs [CVE-2019-9512; RFC 9113 10.5]',
      ANY,
      (frames) => repeat(frames, 5000, () => frames.ping()),
    ],
    [
      'PINGs without taking the answers [CVE-2019-9512; RFC 9113 10.5]',
      ANY,
      async (frames) => {
        frames.wire.pause();
        await repeat(frames, 20_000, () => frames.ping());
        frames.wire.resume();
      },
    ],
    [
      '20,000 empty DATA frames [CVE-2019-9518; RFC 9113 10.5]',
      ANY,
      (frames) => {
        const stream = frames.get('/slow', { method: 'POST', isOpen: true });
        return repeat(frames, 20_000, () => frames.data(stream, ''));
      },
    ],
    [
      '5,000 CONTINUATIONs [CVE-2024-27983; RFC 9113 10.5.1]',
      ANY,
      async (frames) => {
        void frames.headers(1, pseudoFields('/'), Flag.NONE);
        await repeat(frames, 5000, () =>
          frames.send(FrameType.CONTINUATION, 0, 1, encodeFields([['x', 'y']])),
        );
      },
    ],
    [
      '5,000 empty CONTINUATIONs [RFC 9113 10.5.1]',
      ANY,
      async (frames) => {
        void frames.headers(1, pseudoFields('/'), Flag.NONE);
        await repeat(frames, 5000, () => frames.send(FrameType.CONTINUATION, 0, 1));
      },
    ],
  ];

  test.for(floods)('%s', async ([, codes, flood], { net }) => {
    const flooded = await start(net);
    const { frames, ended, running, origin } = flooded;
    await flood(frames);
    // Before it, a reset may have come that our own bytes under way have brought about.
    const code = await ended;
    if (code !== null) expect(codes).toContain(code);
    await until(() => running.sessions === 0 && running.open === 0, 'the connection was closed');
    await until(() => running.proxy.active === 0, 'no transfer was left');
    expect(origin.total).toBeLessThan(500);
    await expectServed(net, flooded);
  });

  const tolerated: [string, (frames: FramesClient) => unknown][] = [
    [
      '5,000 PRIORITY frames [CVE-2019-9513; RFC 9113 5.3.2]',
      (frames) =>
        repeat(frames, 5000, () =>
          frames.send(
            FrameType.PRIORITY,
            0,
            frames.nextStream() % 1001,
            Buffer.concat([uint32(0), uint32(1).subarray(3)]),
          ),
        ),
    ],
    [
      '5,000 WINDOW_UPDATEs [RFC 9113 6.9]',
      (frames) => repeat(frames, 5000, () => frames.windowUpdate(0, 1)),
    ],
    [
      '5,000 frames of an unknown type [RFC 9113 5.5]',
      (frames) => repeat(frames, 5000, () => frames.send(99, 0, 0, 'xxxx')),
    ],
  ];
  test.for(tolerated)(
    'but not one that sends what costs no more than it carries: %s',
    async ([, flood], { net }) => {
      const flooded = await start(net);
      await flood(flooded.frames);
      await expectServed(net, flooded);
      expect(flooded.running.open).toBeGreaterThan(0);
    },
  );
});

describe('a client that does not speak HTTP/2 on a port for it is sent away, and reaches no origin server:', () => {
  const others: [string, string][] = [
    ['HTTP/1.1 [RFC 9113 3.3]', 'GET / HTTP/1.1\r\nHost: test\r\n\r\n'],
    [
      'HTTP/1.1 with Upgrade: h2c [RFC 9113 3.1]',
      'GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n' +
        'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n',
    ],
    ['TLS [RFC 9113 3.3]', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['garbage [RFC 9113 3.4]', 'x'.repeat(200)],
    ['the preface without SETTINGS [RFC 9113 3.4]', `${PREFACE}\x00\x00\x08\x06\x00\x00\x00\x00\x0001234567`],
    ['a preface with another end [RFC 9113 3.4]', `${PREFACE.slice(0, -2)}xx`],
    ['a frame longer than allowed [RFC 9113 4.2]', `${PREFACE}\xff\xff\xff\x04\x00\x00\x00\x00\x00`],
  ];
  test.for(others)('%s', async ([, bytes], { net }) => {
    const time = new StoppedTime(net, { stopsIntervals: true });
    const flooded = await start(net, true);
    await flooded.frames.wire.write(bytes);
    // One of them ends only when the client has said nothing more for a while.
    await time.passUntil(flooded.ended, 2000);
    expect(flooded.origin.total).toBe(0);
    await until(() => flooded.running.open === 0, 'the connection was closed');
    await expectServed(net, flooded);
  });
});

test('the streams of one connection are limited to 128, and those beyond may be sent again [RFC 9113 5.1.2; nginx]', async ({
  net,
}) => {
  const { frames, origin } = await framesLine(net, serve);
  for (let i = 0; i < 150; i += 1) frames.get('/slow');
  for (let i = 128; i < 150; i += 1) expect(await frames.readReset(2 * i + 1)).toBe(ErrorCode.REFUSED_STREAM);
  await until(() => origin.total === 128, 'the others had come');
});

test('400 downloads that origin servers break off are not held against their client [CVE-2023-44487; Sluiceway]', async ({
  net,
}) => {
  const { frames, running } = await framesLine(net, async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    connection.end();
  });
  for (let i = 0; i < 450; i += 50) {
    const streams = Array.from({ length: 50 }, () => frames.get('/'));
    for (const stream of streams)
      expect((await frames.readResponse(stream)).resetWith).toBe(ErrorCode.INTERNAL_ERROR);
  }
  expect(running.open).toBe(1);
});

describe('a connection that carries the requests of many users stays, though it resets 600 of them at once:', () => {
  test('of downloads that have begun [nginx; Go]', async ({ net }) => {
    const { frames, running } = await framesLine(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      await connection.readAll();
    });
    for (let i = 0; i < 600; i += 50) {
      const streams = Array.from({ length: 50 }, () => frames.get('/'));
      for (const stream of streams) await frames.readSection(stream);
      for (const stream of streams) void frames.reset(stream, ErrorCode.CANCEL);
    }
    await running.records(600);
    expect(running.sessions).toBe(1);
  });

  test('of requests without an answer, where as many are answered [nginx; Go]', async ({ net }) => {
    const { frames, running } = await framesLine(net, serve);
    for (let i = 0; i < 600; i += 50) {
      const answered = Array.from({ length: 50 }, () => frames.get('/'));
      for (const stream of answered) await frames.readResponse(stream);
      const slow = Array.from({ length: 50 }, () => frames.get('/slow'));
      await until(() => running.proxy.active === 50, 'they had come');
      for (const stream of slow) void frames.reset(stream, ErrorCode.CANCEL);
      await until(() => running.proxy.active === 0, 'they had ended');
    }
    await running.records(1200);
    expect(running.sessions).toBe(1);
  });

  test('of requests that had waited for an answer for a second [nginx; Go]', async ({ net }) => {
    const { frames, running } = await framesLine(net, serve);
    const time = new StoppedTime(net);
    for (let i = 0; i < 600; i += 100) {
      const slow = Array.from({ length: 100 }, () => frames.get('/slow'));
      await until(() => running.proxy.active === 100, 'they had come');
      await time.pass(1000);
      for (const stream of slow) void frames.reset(stream, ErrorCode.CANCEL);
      await until(() => running.proxy.active === 0, 'they had ended');
    }
    await running.records(600);
    expect(running.sessions).toBe(1);
  });
});
