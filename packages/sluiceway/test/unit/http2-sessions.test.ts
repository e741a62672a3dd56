import { once } from 'node:events';
import {
  createSecureServer,
  createServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect } from 'vitest';
import { superviseSessions } from '../../src/downstream/http2/http2-sessions.js';
import { resetStream } from '../../src/http2/stream.js';
import { standstill } from '../support/backpressure.js';
import { loopbackCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import { ErrorCode, Flag, FrameType, Setting } from '../support/frames.js';
import type { FrameClientOptions, FramesClient } from '../support/frames-client.js';
import { StoppedTime } from '../support/stopped-time.js';
import { until } from '../support/until.js';

const limits = { idleMs: 200, lingerMs: 300, lingerTotalMs: 1200, tickMs: 20 };
const LONGER_THAN_ALL_MS = 2000;

/** The one connection of a server. */
interface Watched {
  frames: FramesClient;
  /** The server's side of it; its end. */
  session: ServerHttp2Session;
  socket: Socket;
  closed: Promise<unknown>;
  streams: readonly ServerHttp2Stream[];
  time: StoppedTime;
  /** Lets time pass, from one look at the connection to the next, until something has come about. */
  eventually<T>(happened: Promise<T>): Promise<T>;
  /** Lets time pass, in the same way. */
  pass(ms: number): Promise<void>;
}

/** A server that does with a stream what `serve` says, and a client. Time stands still. */
async function start(
  net: Network,
  over: 'h2c' | 'tls',
  serve: (stream: ServerHttp2Stream) => void = () => {},
  options: FrameClientOptions = {},
): Promise<Watched> {
  const certificate = await loopbackCertificate();
  const time = new StoppedTime(net, { stopsIntervals: true });
  const server = over === 'tls' ? createSecureServer(certificate) : createServer();
  superviseSessions(server, limits);
  const streams: ServerHttp2Stream[] = [];
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    streams.push(stream);
    serve(stream);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const opened = once(server, 'session') as Promise<[ServerHttp2Session]>;
  net.cleanup(() => server.close());
  const { port } = server.address() as AddressInfo;
  const frames = await net.frames({ port, ca: over === 'tls' ? certificate.ca : undefined }, options);
  const [socket] = await accepted;
  const [session] = await opened;
  net.cleanup(() => socket.destroy());
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const eventually = <T>(happened: Promise<T>): Promise<T> => time.passUntil(happened, limits.tickMs);
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += limits.tickMs) await time.pass(limits.tickMs);
  };
  return { frames, session, socket, closed, streams, time, eventually, pass };
}

/** A WINDOW_UPDATE, which has arrived. */
async function talk({ frames, socket }: Watched): Promise<void> {
  const before = socket.bytesRead;
  void frames.windowUpdate(0, 1);
  await until(() => socket.bytesRead > before, 'it had arrived');
}

/** A client that takes nothing of a response that fits into no socket buffer. */
async function startBlocked(net: Network, over: 'h2c' | 'tls'): Promise<Watched> {
  const settings = [[Setting.INITIAL_WINDOW_SIZE, 0x7fffffff]] as const;
  const serve = (stream: ServerHttp2Stream): void => {
    stream.respond();
    stream.write(Buffer.alloc(30_000_000));
  };
  const watched = await start(net, over, serve, { settings });
  const { frames, socket } = watched;
  void frames.windowUpdate(0, 0x7fff0000);
  await frames.readSection(frames.get('/'));
  frames.wire.pause();
  await standstill(() => socket.bytesWritten);
  return watched;
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
      const { frames, closed, eventually } = await start(net, over, answer, options);
      await act(frames);
      expect((await eventually(frames.readGoaway())).code).toBe(ErrorCode.NO_ERROR);
      await eventually(closed);
    },
  );

  test('that is closed stays while its client reads the rest and opens its windows, up to a limit [RFC 9112 9.6; nginx]', async ({
    net,
  }) => {
    const watched = await start(net, over, answer);
    const { frames, session, socket, time, pass } = watched;
    await frames.readResponse(frames.get('/'));
    session.close();
    await frames.readGoaway();
    const begun = time.passed;
    while (time.passed - begun < limits.lingerTotalMs - limits.tickMs) {
      await talk(watched);
      expect(socket.destroyed).toBe(false);
      await pass(Math.min(limits.lingerMs - limits.tickMs, begun + limits.lingerTotalMs - time.passed));
    }
    await talk(watched);
    await pass(2 * limits.tickMs);
    expect(socket.destroyed).toBe(true);
  });

  test('whose client takes nothing any more is closed once it has no stream [nginx]', async ({ net }) => {
    const { socket, closed, streams, eventually, pass } = await startBlocked(net, over);
    await pass(LONGER_THAN_ALL_MS);
    expect(socket.destroyed).toBe(false);
    resetStream(streams[0] as ServerHttp2Stream, 'internal');
    await eventually(closed);
  });

  test('whose client goes while a write waits, and another one behind it, is closed soon [Node]', async ({
    net,
  }) => {
    const { frames, session, closed, streams, eventually, pass } = await startBlocked(net, over);
    await pass(LONGER_THAN_ALL_MS);
    session.ping(() => {});
    await pass(limits.tickMs);
    frames.wire.reset();
    await eventually(closed);
    await until(() => streams[0]?.destroyed === true, 'the stream was over');
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
      const { frames, closed, streams, eventually } = await start(net, over);
      frames.get('/');
      await until(() => streams.length === 1, 'the stream was open');
      await act(frames);
      expect((await frames.readGoaway()).code).toBe(code);
      await eventually(closed);
      await until(() => streams[0]?.destroyed === true, 'the stream was over');
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
      const serve = (stream: ServerHttp2Stream): void => stream.respond();
      const { frames, socket, streams, pass } = await start(net, over, serve, options);
      const stream = frames.get('/');
      await frames.readSection(stream);
      streams[0]?.write('early');
      await pass(LONGER_THAN_ALL_MS);
      expect(socket.destroyed).toBe(false);
      streams[0]?.end(' late');
      void frames.windowUpdate(stream, 1000);
      expect((await frames.readContent(stream)).content.toString()).toBe('early late');
    },
  );

  test('that is silent is asked for one PING, not for more [RFC 9113 6.7]', async ({ net }) => {
    const { frames, socket, eventually, pass } = await start(net, over, (stream) => stream.respond());
    await frames.readSection(frames.get('/'));
    await eventually(frames.next(FrameType.PING));
    let more = 0;
    void frames.next(FrameType.PING).then(
      () => (more += 1),
      () => {},
    );
    await pass(LONGER_THAN_ALL_MS);
    expect(more).toBe(0);
    expect(socket.destroyed).toBe(false);
  });
});
