import { expect } from 'vitest';
import { held } from './aborts.js';
import { seededBytes } from './content.js';
import type { Network } from './fixture.js';
import { ErrorCode, FrameType, Setting } from './frames.js';
import type { FramesClient } from './frames-client.js';
import { serveHttp2 } from './http2-line.js';
import type { OriginConnection } from './raw-origin.js';
import type { Http2Listening } from './servers.js';
import { sized, toChunk } from './through.js';
import { until } from './until.js';
import { switching } from './web-socket-origin.js';

const PHASES = [
  'before the head',
  'in the content',
  'in the content, unread',
  'with the end unread',
  'in the upload',
  'in a WebSocket',
] as const;

/** Ways to leave, and whether the connection survives them. */
const HOWS: readonly [isFatal: boolean, leave: (frames: FramesClient, stream: number) => unknown][] = [
  [false, (frames, stream) => frames.reset(stream, ErrorCode.CANCEL)],
  [false, (frames, stream) => frames.reset(stream, ErrorCode.NO_ERROR)],
  [false, (frames, stream) => frames.reset(stream, ErrorCode.INTERNAL_ERROR)],
  [true, (frames) => frames.goaway(0, ErrorCode.INTERNAL_ERROR)],
  [true, (frames) => frames.wire.end()],
  [true, (frames) => frames.wire.reset()],
];

async function serve(connection: OriginConnection): Promise<void> {
  for (;;) {
    const head = await connection.readHead();
    if (head.target === '/whole') {
      await connection.write(sized('whole'));
    } else if (head.has('upgrade')) {
      await connection.write(switching(head.get('sec-websocket-key')));
      await connection.readAll();
      return;
    } else if (head.target === '/before') {
      await connection.readAll();
      return;
    } else {
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const chunk = toChunk(seededBytes('aborts', 0, 100_000));
      while (connection.ending === undefined) await connection.write(chunk);
      return;
    }
  }
}

/**
 * Aborts `count` requests, one after the other, in every phase and every way, on connections that are reused as long as
 * possible. Fails unless each is recorded as an abort, and the numbers of sockets and file descriptors return to their
 * values from before.
 */
export async function runHttp2Aborts(net: Network, count: number, over: Http2Listening): Promise<void> {
  const { origin, running } = await serveHttp2(net, serve, { over });
  const before = held();
  let frames: FramesClient | null = null;
  for (let i = 0; i < count; i += 1) {
    const phase = PHASES[i % PHASES.length] as (typeof PHASES)[number];
    const [isFatal, leave] = HOWS[Math.floor(i / PHASES.length) % HOWS.length] as (typeof HOWS)[number];
    frames ??= await net.frames(running, { settings: [[Setting.INITIAL_WINDOW_SIZE, 0]] });
    const stream = await begin(frames, phase, i);
    await until(() => running.proxy.active === 1, 'the request had come');
    if (phase === 'before the head' || phase === 'in the upload')
      await until(() => origin.open > 0, 'it had reached the origin server');
    void leave(frames, stream);
    await running.record(i);
    if (!isFatal) continue;
    frames.close();
    frames = null;
  }
  frames?.close();
  for (const [index, { outcome }] of running.recorded.entries()) {
    const phase = PHASES[index % PHASES.length];
    // A WebSocket completes if one side ends and then the other.
    const expected = phase === 'in a WebSocket' ? ['client_aborted', 'completed'] : ['client_aborted'];
    expect(expected, `${index}: ${phase}`).toContain(outcome);
  }
  await until(() => running.sessions === 0 && running.open === 0, 'no connection of a client was left');
  await until(() => origin.open <= 1, 'no more than an idle connection to the origin server was left');
  await until(
    () => {
      const { sockets, descriptors } = held();
      return sockets <= before.sockets + 2 && descriptors <= before.descriptors + 2;
    },
    `sockets and descriptors were back at ${JSON.stringify(before)}, but for an idle connection`,
  );
  // The proxy still works.
  const last = await net.frames(running);
  expect((await last.readResponse(last.get('/whole'))).content.toString()).toBe('whole');
}

/** Brings a request to the phase in which it is aborted. */
async function begin(frames: FramesClient, phase: (typeof PHASES)[number], i: number): Promise<number> {
  if (phase === 'in a WebSocket') {
    const stream = frames.connect('/');
    await frames.readSection(stream);
    return stream;
  }
  if (phase === 'before the head') return frames.get('/before');
  if (phase === 'in the upload')
    return frames.get('/before', { method: 'POST', content: 'half of it', isOpen: true });
  const stream = frames.get(phase === 'with the end unread' ? '/whole' : '/');
  await frames.readSection(stream);
  if (phase === 'in the content') {
    const wanted = 1 + ((i * 7919) % 60_000);
    void frames.windowUpdate(0, wanted);
    void frames.windowUpdate(stream, wanted);
    for (let taken = 0; taken < wanted; ) taken += (await frames.next(FrameType.DATA, stream)).payload.length;
  }
  return stream;
}
