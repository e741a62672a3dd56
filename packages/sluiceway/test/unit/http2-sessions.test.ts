import { once } from 'node:events';
import { createSecureServer, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect } from 'vitest';
import { superviseSessions } from '../../src/downstream/http2-sessions.js';
import { resetStream } from '../../src/net/http2-stream.js';
import { loopbackCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import { ErrorCode, Flag, FrameType, Setting } from '../support/frames.js';
import type { FrameClientOptions, FramesClient } from '../support/frames-client.js';
import { until } from '../support/until.js';

const limits = { idleMs: 200, lingerMs: 300, lingerTotalMs: 1200, tickMs: 20 };
const LONGER_THAN_ALL_MS = 800;
const pauseMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Watched {
  frames: FramesClient;
  sockets: ReadonlySet<Socket>;
  streams: readonly ServerHttp2Stream[];
}

/** A server that does with a stream what `serve` says, and a client. */
async function start(
  net: Network,
  over: 'h2c' | 'tls',
  serve: (stream: ServerHttp2Stream) => void = () => {},
  options: FrameClientOptions = {},
): Promise<Watched> {
  const certificate = await loopbackCertificate();
  const server = over === 'tls' ? createSecureServer(certificate) : createServer();
  superviseSessions(server, limits);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const streams: ServerHttp2Stream[] = [];
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    streams.push(stream);
    serve(stream);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  net.cleanup(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const frames = await net.frames({ port, ca: over === 'tls' ? certificate.ca : undefined }, options);
  return { frames, sockets, streams };
}

const answer = (stream: ServerHttp2Stream): void => {
  stream.respond();
  stream.end('answer');
};

describe.for(['h2c', 'tls'] as const)('a connection over %s', (over) => {
  const closing: [string, FrameClientOptions, (frames: FramesClient) => unknown][] = [
    ['says nothing', { isSilent: true, acknowledges: false }, () => {}],
    ['has no stream', {}, () => {}],
    ['has had a stream', {}, (frames) => frames.readResponse(frames.get('/'))],
    [
      'never ends a field section',
      { acknowledges: false },
      (frames) => frames.headers(1, [['x', 'y']], Flag.NONE),
    ],
    ['has said GOAWAY', {}, (frames) => frames.goaway(0, ErrorCode.NO_ERROR)],
  ];
  test.for(closing)(
    'whose client %s is closed after a while, though the client keeps it open [RFC 9113 9.1; nginx]',
    async ([, options, act], { net }) => {
      const { frames, sockets } = await start(net, over, answer, options);
      await act(frames);
      expect((await frames.readGoaway()).code).toBe(ErrorCode.NO_ERROR);
      await until(() => sockets.size === 0, 'the socket was closed');
    },
  );

  test('that is closed stays while its client reads the rest and opens its windows, up to a limit [RFC 9112 9.6; nginx]', async ({
    net,
  }) => {
    const { frames, sockets, streams } = await start(net, over, answer);
    await frames.readResponse(frames.get('/'));
    streams[0]?.session?.close();
    await frames.readGoaway();
    for (let i = 0; i < 5; i += 1) {
      await pauseMs(50);
      expect(sockets.size).toBe(1);
      void frames.windowUpdate(0, 1);
    }
    const talking = setInterval(() => void frames.windowUpdate(0, 1), 20);
    await until(() => sockets.size === 0, 'the socket was closed');
    clearInterval(talking);
  });

  test('whose client takes nothing any more is closed once it has no stream [nginx]', async ({ net }) => {
    const { frames, sockets, streams } = await start(
      net,
      over,
      (stream) => {
        stream.respond();
        stream.write(Buffer.alloc(30_000_000));
      },
      { settings: [[Setting.INITIAL_WINDOW_SIZE, 0x7fffffff]] },
    );
    void frames.windowUpdate(0, 0x7fff0000);
    await frames.readSection(frames.get('/'));
    frames.wire.pause();
    await pauseMs(LONGER_THAN_ALL_MS);
    expect(sockets.size).toBe(1);
    resetStream(streams[0] as ServerHttp2Stream, 'internal');
    await until(() => sockets.size === 0, 'the socket was closed');
  });

  test('whose client goes while a write waits, and another one behind it, is closed soon [Node]', async ({
    net,
  }) => {
    const { frames, sockets, streams } = await start(
      net,
      over,
      (stream) => {
        stream.respond();
        stream.write(Buffer.alloc(30_000_000));
      },
      { settings: [[Setting.INITIAL_WINDOW_SIZE, 0x7fffffff]] },
    );
    void frames.windowUpdate(0, 0x7fff0000);
    await frames.readSection(frames.get('/'));
    frames.wire.pause();
    await pauseMs(LONGER_THAN_ALL_MS);
    streams[0]?.session?.ping(() => {});
    await pauseMs(limits.tickMs);
    frames.wire.reset();
    await until(() => sockets.size === 0, 'the socket was closed');
    expect(streams[0]?.destroyed).toBe(true);
  });

  const faults: [string, number, (frames: FramesClient) => unknown][] = [
    [
      'a frame that is too large',
      ErrorCode.FRAME_SIZE_ERROR,
      (frames) => frames.send(99, 0, 0, Buffer.alloc(20_000)),
    ],
    [
      'a field section that is none',
      ErrorCode.COMPRESSION_ERROR,
      (frames) => frames.send(FrameType.HEADERS, 5, 3, '\xff\xff\xff\xff\xff'),
    ],
    ['content on an idle stream', ErrorCode.PROTOCOL_ERROR, (frames) => frames.data(9, 'x')],
    ['content after its end', ErrorCode.STREAM_CLOSED, (frames) => frames.data(1, 'x')],
  ];
  test.for(faults)(
    'whose client sends %s is closed soon, also with streams open [RFC 9113 5.4.1; Node]',
    async ([, code, act], { net }) => {
      const { frames, sockets, streams } = await start(net, over);
      frames.get('/');
      await until(() => streams.length === 1, 'the stream was open');
      await act(frames);
      expect((await frames.readGoaway()).code).toBe(code);
      await until(() => sockets.size === 0, 'the socket was closed');
      expect(streams[0]?.destroyed).toBe(true);
    },
  );

  const living: [string, FrameClientOptions][] = [
    ['is silent', {}],
    ['does not even answer a PING', { acknowledges: false }],
    ['has closed its window', { settings: [[Setting.INITIAL_WINDOW_SIZE, 0]] }],
  ];
  test.for(living)(
    'with a stream under way is not closed because its client %s [RFC 9113 6.7]',
    async ([, options], { net }) => {
      const { frames, sockets, streams } = await start(net, over, (stream) => stream.respond(), options);
      const stream = frames.get('/');
      await frames.readSection(stream);
      streams[0]?.write('early');
      await pauseMs(LONGER_THAN_ALL_MS);
      expect(sockets.size).toBe(1);
      streams[0]?.end(' late');
      void frames.windowUpdate(stream, 1000);
      expect((await frames.readContent(stream)).content.toString()).toBe('early late');
    },
  );

  test('that is silent is asked for one PING, not for more [RFC 9113 6.7]', async ({ net }) => {
    const { frames, sockets } = await start(net, over, (stream) => stream.respond());
    await frames.readSection(frames.get('/'));
    await frames.next(FrameType.PING);
    let more = 0;
    void frames.next(FrameType.PING).then(
      () => (more += 1),
      () => {},
    );
    await pauseMs(LONGER_THAN_ALL_MS);
    expect(more).toBe(0);
    expect(sockets.size).toBe(1);
  });
});
