import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { getDefaultHighWaterMark } from 'node:stream';
import { describe, expect } from 'vitest';
import { startDelayRelay } from '../../../../bench/lib/delay-relay.mjs';
import {
  INITIAL_WINDOW,
  LARGEST_WINDOW,
  SMALLEST_WINDOW,
  WindowBudget,
} from '../../src/http2/window-budget.js';
import { initialWindowSettings, tuneServerWindows, WindowTuner } from '../../src/http2/window-tuner.js';
import { type Network, test } from '../support/fixture.js';
import { ErrorCode, Frames, FrameType } from '../support/frames.js';
import type { FieldLine } from '../support/hpack.js';
import { startHttp2Server } from '../support/node-http2.js';
import { StoppedTime } from '../support/stopped-time.js';
import { until } from '../support/until.js';

const MIB = 1024 * 1024;
const POST: FieldLine[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':authority', 'test'],
  [':path', '/'],
];
const piece = Buffer.alloc(64 * 1024);

/** A client and a server, and the way between them, which takes time only while that passes. */
interface Path {
  time: StoppedTime;
  /** Lets time pass until the condition holds. */
  eventually: (condition: () => boolean) => Promise<void>;
  client: ClientHttp2Session;
  /** Streams that the server got, in order. */
  streams: ServerHttp2Stream[];
  /** The server's side. */
  session: ServerHttp2Session;
}

/** An HTTP/2 client and server with `delayMs` between them each way; `serve` gets each stream. */
async function openPath(
  net: Network,
  { delayMs = 0, serve = (_stream: ServerHttp2Stream): void => {} },
): Promise<Path> {
  const time = new StoppedTime(net, { stopsIntervals: true });
  const streams: ServerHttp2Stream[] = [];
  const onStream = (stream: ServerHttp2Stream): void => {
    streams.push(stream);
    serve(stream);
  };
  // The default is used up by a hundred streams with something to send.
  const options = { settings: initialWindowSettings, maxSessionMemory: 1000 };
  const server = await startHttp2Server(net, onStream, options);
  const relay = await startDelayRelay(server.port, delayMs);
  net.cleanup(relay.stop);
  const client = connect(`http://127.0.0.1:${relay.port}`, { settings: initialWindowSettings });
  client.on('error', () => {});
  net.cleanup(() => client.destroy());
  await time.passUntil(once(client, 'remoteSettings'), 1);
  const session = server.sessions[0] as ServerHttp2Session;
  const eventually = (condition: () => boolean): Promise<void> => time.passWhile(() => !condition(), 1);
  return { client, streams, session, time, eventually };
}

/** Writes as fast as the stream takes it, until it is closed. */
function pour(stream: ServerHttp2Stream | ClientHttp2Stream): void {
  const more = (): void => {
    while (!stream.destroyed && stream.write(piece));
  };
  stream.on('drain', more);
  more();
}

function request(client: ClientHttp2Session, method = 'GET'): ClientHttp2Stream {
  const stream = client.request({ ':path': '/', ':method': method });
  stream.on('error', () => {});
  return stream;
}

const respondAndPour = (stream: ServerHttp2Stream): void => {
  stream.respond();
  pour(stream);
};

describe('the receive windows of an HTTP/2 session', () => {
  test('a download that the window limits makes it grow, up to 32 MiB at most [RFC 9113 6.9.2; grpc-go]', async ({
    net,
  }) => {
    const { client, eventually } = await openPath(net, { delayMs: 25, serve: respondAndPour });
    const budget = new WindowBudget();
    const tuner = new WindowTuner(client, budget);
    expect(tuner.window).toBe(INITIAL_WINDOW);
    const stream = request(client);
    tuner.opened(stream);
    stream.resume();
    await eventually(() => tuner.window >= 8 * MIB);
    expect(tuner.window).toBeLessThanOrEqual(LARGEST_WINDOW);
    expect(client.localSettings.initialWindowSize).toBe(tuner.window);
    expect(budget.granted).toBe(tuner.window - SMALLEST_WINDOW);
    stream.close();
    await once(stream, 'close');
    expect(budget.granted).toBe(0);
  });

  test('an upload that the window limits makes it grow [RFC 9113 6.9.2; grpc-go]', async ({ net }) => {
    const serve = (stream: ServerHttp2Stream): void => void stream.resume();
    const { client, session, eventually } = await openPath(net, { delayMs: 25, serve });
    const tuner = tuneServerWindows(session, new WindowBudget());
    pour(request(client, 'POST'));
    await eventually(() => tuner.window >= 8 * MIB);
  });

  test('content that comes slower than the window allows leaves it as it is [grpc-go]', async ({ net }) => {
    const { client, streams, time, eventually } = await openPath(net, {
      serve: (stream) => stream.respond(),
    });
    const tuner = new WindowTuner(client, new WindowBudget());
    const stream = request(client);
    tuner.opened(stream);
    let received = 0;
    stream.on('data', (bytes: Buffer) => {
      received += bytes.length;
    });
    await time.passUntil(once(stream, 'response'), 1);
    const pieces = (4 * INITIAL_WINDOW) / piece.length;
    for (let sent = 1; sent <= pieces; sent += 1) {
      streams[0]?.write(piece);
      // One piece a tick is far below a window a round trip, and all of them are several windows.
      await eventually(() => received === sent * piece.length);
      await time.pass(10);
    }
    expect(tuner.window).toBe(INITIAL_WINDOW);
  });

  test('a stream that is not read any more brings a large window down again [grpc-go]', async ({ net }) => {
    const { client, eventually } = await openPath(net, { delayMs: 10, serve: respondAndPour });
    const budget = new WindowBudget();
    const tuner = new WindowTuner(client, budget);
    const stream = request(client);
    tuner.opened(stream);
    stream.resume();
    await eventually(() => tuner.window >= 8 * MIB);
    stream.pause();
    await eventually(() => {
      tuner.review(false);
      return tuner.window === INITIAL_WINDOW;
    });
    // What has come before still counts.
    const beyond = stream.readableLength - stream.readableHighWaterMark - SMALLEST_WINDOW;
    expect(budget.granted).toBeGreaterThanOrEqual(beyond);
    client.destroy();
    await eventually(() => budget.granted === 0);
  });

  test('further streams bring a large window down: all of them together need what one needs alone [Sluiceway]', async ({
    net,
  }) => {
    const { client, eventually } = await openPath(net, { delayMs: 10, serve: respondAndPour });
    const tuner = new WindowTuner(client, new WindowBudget());
    const open = (): void => {
      const stream = request(client);
      tuner.opened(stream);
      stream.resume();
    };
    open();
    await eventually(() => tuner.window === LARGEST_WINDOW);
    open();
    // Two of the largest are the most that there may be.
    expect(tuner.hasRoom).toBe(false);
    await eventually(() => tuner.window === Math.ceil(LARGEST_WINDOW / 4));
    expect(tuner.hasRoom).toBe(true);
    for (let count = 3; count <= 20; count += 1) open();
    await eventually(() => tuner.window === INITIAL_WINDOW);
  });

  test('the window does not grow beyond the budget [Sluiceway]', async ({ net }) => {
    const { client, eventually } = await openPath(net, { delayMs: 10, serve: respondAndPour });
    const tuner = new WindowTuner(client, new WindowBudget({ bytes: 4 * MIB }));
    const stream = request(client);
    tuner.opened(stream);
    let received = 0;
    stream.on('data', (bytes: Buffer) => {
      received += bytes.length;
    });
    await eventually(() => received > 64 * MIB);
    // What eight times as much is, or all of the budget.
    expect(tuner.window).toBeGreaterThan(INITIAL_WINDOW);
    expect(tuner.window).toBeLessThanOrEqual(4 * MIB + SMALLEST_WINDOW);
  });

  test('three hundred streams that nobody reads hold no more than the budget and the smallest windows [Sluiceway]', async ({
    net,
  }) => {
    const { client, eventually } = await openPath(net, { serve: respondAndPour });
    const bytes = 8 * MIB;
    const budget = new WindowBudget({ bytes });
    const tuner = new WindowTuner(client, budget);
    const streams: ClientHttp2Stream[] = [];
    const held = (): number => streams.reduce((sum, stream) => sum + stream.readableLength, 0);
    for (let count = 1; count <= 300; count += 1) {
      const stream = request(client);
      tuner.opened(stream);
      streams.push(stream.on('readable', () => {}));
      // Each has filled its window before the next one comes.
      await eventually(() => stream.readableLength >= SMALLEST_WINDOW);
    }
    await eventually(() => tuner.window === SMALLEST_WINDOW);
    // Node counts what its own buffer holds, and the frame that fills it, as read.
    const frame = 16 * 1024;
    const read = getDefaultHighWaterMark(false) + frame;
    expect(held()).toBeLessThan(1.5 * bytes + 300 * (SMALLEST_WINDOW + read));
    expect(budget.granted).toBeLessThan(2 * bytes + 300 * frame);
  });

  test('a session that ends while it is measured leaves nothing behind [Sluiceway]', async ({ net }) => {
    const { client, eventually } = await openPath(net, { delayMs: 10, serve: respondAndPour });
    const budget = new WindowBudget();
    const tuner = new WindowTuner(client, budget);
    const stream = request(client);
    tuner.opened(stream);
    stream.resume();
    await eventually(() => budget.granted > INITIAL_WINDOW);
    client.destroy();
    await eventually(() => budget.granted === 0);
    expect(() => tuner.opened(stream)).not.toThrow();
    expect(budget.granted).toBe(0);
  });

  test('a client that opens streams and confirms no smaller window has further ones refused [RFC 9113 8.7]', async ({
    net,
  }) => {
    const server = await startHttp2Server(net, (stream) => void stream.pause(), {
      settings: initialWindowSettings,
    });
    const frames = new Frames(await net.client(server), { acknowledges: false });
    await frames.writePreface();
    await frames.settings();
    await until(() => server.sessions.length === 1, 'the session had begun');
    const budget = new WindowBudget({ bytes: MIB });
    tuneServerWindows(server.sessions[0] as ServerHttp2Session, budget);
    for (let id = 1; id < 40; id += 2) await frames.headers(id, POST);
    expect((await frames.next(FrameType.RST_STREAM)).payload.readUInt32BE(0)).toBe(ErrorCode.REFUSED_STREAM);
    await until(() => budget.granted < 3 * MIB, 'no more than twice the budget, and one stream, was granted');
    // Once it does, there is room again.
    await frames.acknowledgeSettings();
    await frames.acknowledgeSettings();
    await until(() => !budget.isOverdrawn, 'the budget was not overdrawn');
    expect(server.sessions[0]?.destroyed).toBe(false);
  });
});
