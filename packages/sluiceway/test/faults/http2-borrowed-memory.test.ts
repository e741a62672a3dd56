import type { Socket } from 'node:net';
import { describe, expect } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import { queuedBytes } from '../../src/net/write-queue.js';
import type { ChunkSource } from '../../src/stream/chunk-source.js';
import { Http2Transport } from '../../src/upstream/http2/http2-transport.js';
import type { Exchange } from '../../src/upstream/transport.js';
import { reuseFreedMemory } from '../support/collect-garbage.js';
import { toRequest } from '../support/exchange.js';
import { type Network, test } from '../support/fixture.js';
import { Flag, type Frames, FrameType, Setting, withoutPadding } from '../support/frames.js';
import { type Http2LineOptions, serveHttp2 } from '../support/http2-line.js';
import type { OriginScript, RawOrigin } from '../support/raw-origin.js';
import type { ProxyOptions, RunningProxy } from '../support/servers.js';
import { StoppedTime } from '../support/stopped-time.js';
import { speakFrames, throughFrames } from '../support/through-http2.js';
import { until } from '../support/until.js';
import { watchDialled } from '../support/watch-dialled.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const MINE = Buffer.alloc(64 * KiB, 'm');
const OTHERS = Buffer.alloc(64 * KiB, 'o');

const STALLED = 120;
/** At least so much waits in the connection, and the operating system has not taken it. */
const QUEUED_BYTES = 128 * KiB;
/** What the window of each stream is opened by at a time. */
const WINDOW_BYTES = 32_000;
/** The sizes of memory that is freed on the way. */
const FREED_BYTES = [8 * KiB, 32 * KiB, 64 * KiB];

/** Serves `/mine` without an end, as fast as it is taken, and `/others`. */
const serve: OriginScript = async (connection) => {
  for (;;) {
    const { target } = (await connection.readRequest()).head;
    if (target === '/others') {
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${4 * OTHERS.length}\r\n\r\n`);
      for (let i = 0; i < 4; i += 1) await connection.write(OTHERS);
      continue;
    }
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * MiB}\r\n\r\n`);
    for (let i = 0; i < 1024; i += 1) await connection.write(MINE);
  }
};

/** Something of another than `byte` in content that came. */
const foreign = (content: readonly Buffer[], byte: string): string[] =>
  content.flatMap((bytes) => (bytes.equals(Buffer.alloc(bytes.length, byte)) ? [] : [describeBytes(bytes)]));

/** What bytes there are. */
const describeBytes = (bytes: Buffer): string => [...new Set(bytes.toString('latin1'))].join('');

/** The content in all frames up to the answer to a PING, or the end of the connection. */
async function readContent(frames: Frames): Promise<Buffer[]> {
  const content: Buffer[] = [];
  for (;;) {
    const frame = await frames.readFrame().catch(() => null);
    if (frame === null) return content;
    if (frame.type === FrameType.DATA) content.push(withoutPadding(frame));
    if (frame.type === FrameType.PING && (frame.flags & Flag.ACK) !== 0) return content;
  }
}

/**
 * Opens the windows of all streams further and further, for one who does not read, until much of their content waits
 * in the connection. Where that is too little, some is read, and more follows.
 */
async function fillConnection(frames: Frames, streams: readonly number[], socket: Socket): Promise<void> {
  void frames.windowUpdate(0, 0x7fff0000);
  await until(() => {
    const queued = queuedBytes(socket) ?? 0;
    if (queued === 0) for (const stream of streams) void frames.windowUpdate(stream, WINDOW_BYTES);
    if (queued > 0 && queued <= QUEUED_BYTES) frames.wire.resume();
    else frames.wire.pause();
    return queued > QUEUED_BYTES;
  }, 'content waited in the connection');
}

interface Way {
  options?: Http2LineOptions;
  end(time: StoppedTime, origin: RawOrigin): unknown;
}

describe('streams of a client that has stopped reading, ended by', () => {
  const passing = (ms: number) => ({ end: (time: StoppedTime) => time.pass(ms) });
  const ways: [string, Way][] = [
    ['clientIdle', { options: { timeouts: { clientIdle: 3000 } }, ...passing(3100) }],
    ['total', { options: { timeouts: { total: 5000 } }, ...passing(5000) }],
    ['the minimum rate', { options: { limits: { minRate: 100_000 } }, ...passing(30_000) }],
    [
      'the end of upstream connections',
      { end: (_, origin) => origin.connections.map(({ tcp }) => tcp.destroy()) },
    ],
  ];

  test.for(ways)(
    '%s: it reads later what was sent to it, and not a byte of what others have downloaded since [RFC 9113 10; Node]',
    async ([, { options, end }], { net }) => {
      const time = new StoppedTime(net);
      const { running, origin } = await serveHttp2(net, serve, options);
      const [socket, frames] = await connectFrames(net, running);
      const streams = Array.from({ length: STALLED }, () => frames.get('/mine'));
      for (const stream of streams) await frames.readSection(stream);
      const content = readContent(frames);
      await fillConnection(frames, streams, socket);

      await end(time, origin);
      await time.passWhile(() => running.recorded.length < STALLED, 100);
      expect(queuedBytes(socket)).toBeGreaterThan(QUEUED_BYTES);
      await downloadOthers(net, running);
      frames.wire.resume();
      void frames.ping();
      expect(foreign(await content, 'm')).toEqual([]);
    },
  );
});

/** A hundred downloads at a time by another client. */
async function downloadOthers(net: Network, running: RunningProxy): Promise<void> {
  const frames = await net.frames(running, { settings: [[Setting.INITIAL_WINDOW_SIZE, MiB]] });
  void frames.windowUpdate(0, 0x7fff0000);
  let open = 100;
  for (let i = 0; i < open; i += 1) frames.get('/others');
  while (open > 0) {
    const { type, flags } = await frames.readFrame();
    if (type === FrameType.DATA && (flags & Flag.END_STREAM) !== 0) open -= 1;
  }
}

/** A client whose windows are closed, and the proxy's end of its connection. */
async function connectFrames(net: Network, running: RunningProxy) {
  const accepted = new Promise<Socket>((resolve) => void running.server.once('connection', resolve));
  const frames = await net.frames(running, { settings: [[Setting.INITIAL_WINDOW_SIZE, 0]] });
  return [await accepted, frames] as const;
}

interface UploadWay {
  options?: Omit<ProxyOptions, 'upstream'>;
  end(time: StoppedTime): unknown;
}

describe('uploads to an origin server that has stopped reading, ended by', () => {
  const UPLOADS = 30;
  const passing = (ms: number) => ({ end: (time: StoppedTime) => time.pass(ms) });
  const ways: [string, UploadWay][] = [
    ['upstreamIdle', { options: { timeouts: { upstreamIdle: 3000 } }, ...passing(3100) }],
    ['total', { options: { timeouts: { total: 5000 } }, ...passing(5000) }],
  ];

  test.for(ways)(
    '%s: it reads later what was sent to it, and not a byte of freed memory [RFC 9113 10; Node]',
    async ([, { options, end }], { net }) => {
      const time = new StoppedTime(net);
      const dialled = watchDialled(net);
      const streams: number[] = [];
      let sent: { frames: Frames; content: Promise<Buffer[]> } | undefined;
      const { client, running, origin } = await throughFrames(
        net,
        async (frames) => {
          while (streams.length < UPLOADS) streams.push((await frames.readSection()).stream);
          sent = { frames, content: readContent(frames) };
          await sent.content;
        },
        options,
        [[Setting.INITIAL_WINDOW_SIZE, 0]],
      );
      const clients = [client];
      while (clients.length < UPLOADS) clients.push(await net.client(running));
      for (const each of clients) {
        const write = async (): Promise<void> => {
          await each.send(`PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: ${64 * MiB}\r\n\r\n`);
          for (let i = 0; i < 16; i += 1) await each.send(MINE);
        };
        void write().catch(() => {});
      }
      await until(() => sent !== undefined, 'all had come');
      const { frames, content } = sent as NonNullable<typeof sent>;
      const socket = dialled.find(({ remotePort }) => remotePort === origin.port) as Socket;
      await fillConnection(frames, streams, socket);

      await end(time);
      await time.passWhile(() => running.recorded.length < UPLOADS, 100);
      const freed = await reuseFreedMemory('f', FREED_BYTES);
      frames.wire.resume();
      void frames.ping();
      expect(foreign(await content, 'm')).toEqual([]);
      expect(freed.length).toBeGreaterThan(0);
    },
  );
});

describe('the memory of request content on a session whose origin server has stopped reading', () => {
  const UPLOADS = 24;
  const CHUNK_BYTES = 256 * KiB;
  const stopped = new SluicewayError('client_aborted', 'The request is not wanted');
  interface Ended {
    transport: Http2Transport;
    exchanges: Exchange[];
  }
  const ways: [string, (line: Ended) => unknown][] = [
    ['an abort', ({ exchanges }) => exchanges.map((each) => each.abort(stopped))],
    ['the end of the transport', ({ transport }) => transport.destroy()],
  ];

  test.for(ways)(
    'stays lent after %s until the session has sent it, and is given back then [RFC 9113 10; Node]',
    async ([, end], { net }) => {
      const dialled = watchDialled(net);
      const streams: number[] = [];
      let sent: { frames: Frames; content: Promise<Buffer[]> } | undefined;
      const origin = await net.origin(
        speakFrames(
          async (frames) => {
            while (streams.length < UPLOADS) streams.push((await frames.readSection()).stream);
            sent = { frames, content: readContent(frames) };
            await sent.content;
          },
          [[Setting.INITIAL_WINDOW_SIZE, 0]],
        ),
      );
      const transport = new Http2Transport({});
      net.cleanup(() => transport.destroy());
      let lent = 0;
      let hasFailed = 0;
      const source = (): ChunkSource => ({
        trailers: null,
        cancel: () => {},
        start(sink) {
          for (let i = 0; i < 4; i += 1) {
            const bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES).fill('m');
            lent += 1;
            sink.chunk(bytes, () => {
              lent -= 1;
              bytes.fill('o');
            });
          }
        },
      });
      const exchanges = Array.from({ length: UPLOADS }, () =>
        transport.send(
          toRequest(origin.url, { method: 'PUT', content: { source: source(), length: 64 * MiB } }),
        ),
      );
      for (const { response } of exchanges)
        response.catch(() => {
          hasFailed += 1;
        });
      await until(() => sent !== undefined, 'all had come');
      const { frames, content } = sent as NonNullable<typeof sent>;
      const socket = dialled.find(({ remotePort }) => remotePort === origin.port) as Socket;
      await fillConnection(frames, streams, socket);
      end({ transport, exchanges });
      await until(() => hasFailed === UPLOADS, 'every request had failed');
      frames.wire.resume();
      void frames.ping();
      expect(foreign(await content, 'm')).toEqual([]);
      await until(() => lent === 0, 'all of it was given back');
    },
  );
});
