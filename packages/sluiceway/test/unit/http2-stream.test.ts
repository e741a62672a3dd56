import { connect, type Http2Stream, type ServerHttp2Stream } from 'node:http2';
import { describe, expect } from 'vitest';
import { resetStream, watchContentEnd } from '../../src/http2/stream.js';
import { type Network, test } from '../support/fixture.js';
import { ErrorCode, Flag, Frames, FrameType } from '../support/frames.js';
import { Gate } from '../support/gate.js';
import type { FieldLine } from '../support/hpack.js';
import { startHttp2Server } from '../support/node-http2.js';
import { until } from '../support/until.js';

const GET: FieldLine[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'test'],
  [':path', '/'],
];
const POST: FieldLine[] = [[':method', 'POST'], ...GET.slice(1)];
const OK: FieldLine[] = [[':status', '200']];

/** Frames of a client that speaks with Node's server, which hands each stream over. */
async function openClient(net: Network, onStream: (stream: ServerHttp2Stream) => void): Promise<Frames> {
  const server = await startHttp2Server(net, onStream);
  const frames = new Frames(await net.client(server));
  await frames.writePreface();
  await frames.settings();
  return frames;
}

/** Everything that came on a stream: its frames by type, END_STREAM noted, and the code of a reset. */
async function framesUntilReset(frames: Frames, stream: number): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const { type, flags, payload } = await frames.nextOn(stream);
    if (type === FrameType.RST_STREAM) return [...seen, `reset ${payload.readUInt32BE(0)}`];
    const name = type === FrameType.DATA ? `${payload.length} bytes` : 'head';
    seen.push((flags & Flag.END_STREAM) === 0 ? name : `${name}, end`);
  }
}

describe('a stream that is broken off', () => {
  const moments: [string, (stream: Http2Stream, reset: () => void) => void][] = [
    ['when the last chunk has been taken', (stream, reset) => void stream.write('part', reset)],
    ['a turn after the last chunk', (stream, reset) => void stream.write('part', () => setImmediate(reset))],
    [
      'with chunks still queued',
      (stream, reset) => {
        stream.write('part', () => {
          stream.write(Buffer.alloc(500_000));
          setImmediate(reset);
        });
      },
    ],
  ];

  for (const code of ['cancel', 'internal'] as const) {
    const sent = code === 'cancel' ? ErrorCode.CANCEL : ErrorCode.INTERNAL_ERROR;

    test.for(moments)(
      `by a server (${code}) is reset and never ended, %s [RFC 9113 8.1]`,
      async ([, break_], { net }) => {
        const frames = await openClient(net, (stream) => {
          stream.respond();
          break_(stream, () => resetStream(stream, code));
        });
        await frames.headers(1, GET, Flag.END_HEADERS | Flag.END_STREAM);
        const seen = await framesUntilReset(frames, 1);
        expect(seen.slice(0, 2)).toEqual(['head', '4 bytes']);
        expect(seen.filter((frame) => frame.includes('end'))).toEqual([]);
        expect(seen.at(-1)).toBe(`reset ${sent}`);
      },
    );

    test.for(moments)(
      `by a client (${code}) is reset and never ended, %s [RFC 9113 8.1]`,
      async ([, break_], { net }) => {
        const seen: string[] = [];
        const origin = await net.origin(async (connection) => {
          const frames = new Frames(connection);
          await frames.readPreface();
          await frames.settings();
          seen.push(...(await framesUntilReset(frames, 1)));
        });
        const client = connect(origin.url);
        net.cleanup(() => client.destroy());
        const stream = client.request({ ':method': 'POST', ':path': '/' });
        stream.on('error', () => {});
        break_(stream, () => resetStream(stream, code));
        await until(() => seen.length > 0, 'the stream was reset');
        expect(seen.slice(0, 2)).toEqual(['head', '4 bytes']);
        expect(seen.filter((frame) => frame.includes('end'))).toEqual([]);
        expect(seen.at(-1)).toBe(`reset ${sent}`);
      },
    );
  }
});

describe('content that ends, as Node tells it,', () => {
  type Ending = readonly [how: string, end: (frames: Frames) => unknown];
  const ends: readonly Ending[] = [
    ['END_STREAM with bytes', (frames) => frames.data(1, 'x', Flag.END_STREAM)],
    ['END_STREAM alone', (frames) => frames.data(1, '', Flag.END_STREAM)],
    ['trailers', (frames) => frames.headers(1, [['x-t', '1']], Flag.END_HEADERS | Flag.END_STREAM)],
    [
      'END_STREAM, and RST_STREAM with NO_ERROR behind it',
      (frames) => {
        void frames.data(1, 'x', Flag.END_STREAM);
        return frames.reset(1, ErrorCode.NO_ERROR);
      },
    ],
  ];
  const breaks: readonly Ending[] = [
    ['RST_STREAM with NO_ERROR', (frames) => frames.reset(1, ErrorCode.NO_ERROR)],
    ['RST_STREAM with CANCEL', (frames) => frames.reset(1, ErrorCode.CANCEL)],
    ['the end of the connection', (frames) => frames.wire.end()],
  ];

  /** Resolves with what the watch says in the `end` event. */
  const watched = (stream: Http2Stream): Promise<boolean> => {
    const isComplete = watchContentEnd(stream);
    stream.on('error', () => {});
    return new Promise((resolve) => {
      stream.on('data', () => {});
      stream.on('end', () => resolve(isComplete()));
    });
  };

  /** What a client says of a response that ends so, to a request without content and to one that is not over. */
  async function clientSays(net: Network, end: Ending[1]): Promise<boolean[]> {
    const said: boolean[] = [];
    for (const method of ['GET', 'POST']) {
      const gate = new Gate();
      const origin = await net.origin(async (connection) => {
        const frames = new Frames(connection);
        await frames.readPreface();
        await frames.settings();
        await frames.readSection(1);
        await frames.headers(1, OK);
        await frames.data(1, 'part');
        await gate.opened;
        await end(frames);
      });
      const client = connect(origin.url);
      net.cleanup(() => client.destroy());
      const stream = client.request({ ':path': '/', ':method': method });
      const complete = watched(stream);
      stream.once('data', gate.open);
      said.push(await complete);
    }
    return said;
  }

  /** What a server says of a request that ends so. */
  async function serverSays(net: Network, end: Ending[1]): Promise<boolean | undefined> {
    const gate = new Gate();
    let complete: Promise<boolean> | undefined;
    const frames = await openClient(net, (stream) => {
      complete = watched(stream);
      stream.once('data', gate.open);
    });
    await frames.headers(1, POST);
    await frames.data(1, 'part');
    await gate.opened;
    await end(frames);
    return complete;
  }

  test.for(ends)('by %s is whole [RFC 9113 8.1]', async ([, end], { net }) => {
    expect(await clientSays(net, end)).toEqual([true, true]);
    expect(await serverSays(net, end)).toBe(true);
  });

  test.for(breaks)(
    'by %s is not whole, although its end is told [RFC 9113 8.1; Node]',
    async ([, end], { net }) => {
      expect(await clientSays(net, end)).toEqual([false, false]);
      expect(await serverSays(net, end)).toBe(false);
    },
  );

  test('for a server that watches only after END_STREAM has come: complete is true [RFC 9113 8.1]', async ({
    net,
  }) => {
    let complete: Promise<boolean> | undefined;
    const frames = await openClient(net, (stream) => {
      void until(() => stream.state.remoteClose === 1, 'the end had come').then(() => {
        complete = watched(stream);
      });
    });
    await frames.headers(1, POST);
    await frames.data(1, 'x', Flag.END_STREAM);
    await until(() => complete !== undefined, 'it was watched');
    expect(await complete).toBe(true);
  });
});

test('content that comes while nobody reads is kept in few pieces, in order, up to its end [RFC 9113 10.5; Node]', async ({
  net,
}) => {
  let stream: ServerHttp2Stream | undefined;
  let isComplete = (): boolean => false;
  const frames = await openClient(net, (each) => {
    isComplete = watchContentEnd(each);
    stream = each;
  });
  await frames.headers(1, POST);
  let sent = '';
  for (let i = 0; i < 4000; i += 1) {
    // Large ones in between, and small ones again.
    const bytes = i % 1500 === 1499 ? `<${'x'.repeat(3000)}>` : `${i},`;
    sent += bytes;
    void frames.data(1, bytes);
  }
  await frames.data(1, 'the end', Flag.END_STREAM);
  await until(() => stream?.state.remoteClose === 1, 'all had come');
  const pieces: Buffer[] = [];
  let isOver = false;
  stream?.on('data', (bytes: Buffer) => pieces.push(bytes));
  stream?.on('end', () => (isOver = isComplete()));
  await until(() => isOver, 'all was read');
  expect(Buffer.concat(pieces).toString()).toBe(`${sent}the end`);
  expect(pieces.length).toBeLessThan(100);
});

test('content that is read while it comes is not held back [Caddy]', async ({ net }) => {
  const received: string[] = [];
  const frames = await openClient(net, (stream) => {
    watchContentEnd(stream);
    stream.on('data', (bytes: Buffer) => received.push(bytes.toString()));
  });
  await frames.headers(1, POST);
  for (let i = 0; i < 200; i += 1) {
    await frames.data(1, `${i}`);
    await until(() => received.at(-1) === `${i}`, `${i} had come`);
  }
});
