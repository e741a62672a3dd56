import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { ErrorCode, Flag, FrameType, Setting } from '../support/frames.js';
import type { FramesClient } from '../support/frames-client.js';
import { Gate } from '../support/gate.js';
import { framesLine, serveHttp2 } from '../support/http2-line.js';
import type { OriginScript } from '../support/raw-origin.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const MiB = 1024 * 1024;
const SIZE = 64 * MiB;

/** Sends 64 MiB, or what is asked for: `/small`. */
const serve: OriginScript = async (connection) => {
  for (;;) {
    const { target } = (await connection.readRequest()).head;
    if (target === '/small') {
      await connection.write(sized('small'));
    } else {
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      await connection.writeSeeded('stall', 0, SIZE);
    }
  }
};

const CLOSED_WINDOW = { settings: [[Setting.INITIAL_WINDOW_SIZE, 0]] } as const;

describe.for(['h2c', 'tls'] as const)('over %s', (over) => {
  test('a stream whose window stays closed holds the origin server back, is ended after clientIdle, and no other with it [RFC 9113 5.2; nginx]', async ({
    net,
  }) => {
    const time = new StoppedTime(net);
    const { frames, running, origin } = await framesLine(net, serve, {
      over,
      timeouts: { clientIdle: 1000 },
      frames: CLOSED_WINDOW,
    });
    const stalled = frames.get('/stalled');
    await frames.readSection(stalled);
    const alive = frames.get('/alive');
    await frames.readSection(alive);
    let received = 0;
    for (let step = 0; running.recorded.length === 0; step += 1) {
      expect(step).toBeLessThan(20);
      await time.pass(200);
      void frames.windowUpdate(alive, 100_000);
      void frames.windowUpdate(0, 100_000);
      for (const end = received + 100_000; received < end; ) {
        const { payload } = await frames.next(FrameType.DATA, alive);
        expect(isSeeded('stall', received, payload)).toBe(true);
        received += payload.length;
      }
    }
    expect(await frames.readReset(stalled)).toBe(ErrorCode.INTERNAL_ERROR);
    expect(running.recorded).toMatchObject([
      { path: '/stalled', outcome: 'client_stalled', error: 'client_stalled', status: 200 },
    ]);
    const written = origin.connections.map(({ tcp }) => tcp.bytesWritten);
    expect(Math.max(...written)).toBeLessThan(SIZE / 2);
    expect(running.proxy.active).toBe(1);
    await until(() => origin.open === 1, 'its upstream connection was closed');
    const small = frames.get('/small');
    void frames.windowUpdate(small, 100);
    expect((await frames.readResponse(small)).content.toString()).toBe('small');
  });

  test('a client that says nothing at all in its upload gets 408, and others go on [RFC 9110 15.5.9]', async ({
    net,
  }) => {
    const time = new StoppedTime(net);
    const { frames, running } = await framesLine(net, serve, { over, timeouts: { clientIdle: 1000 } });
    const silent = frames.get('/silent', { method: 'POST', content: 'a part', isOpen: true });
    await until(() => running.proxy.active === 1, 'the upload had come');
    await time.pass(900);
    expect((await frames.readResponse(frames.get('/small'))).content.toString()).toBe('small');
    await time.pass(900);
    const response = await frames.readResponse(silent);
    expect(response).toMatchObject({ status: 408, isComplete: true });
    expect((await time.passUntil(running.record(1), 100)).outcome).toBe('client_stalled');
    expect((await frames.readResponse(frames.get('/small'))).content.toString()).toBe('small');
  });

  test('128 streams with closed windows leave room: one more is served after one has ended, and each goes on when it may [RFC 9113 10.5; Node]', async ({
    net,
  }) => {
    const { frames, running, origin } = await framesLine(net, serve, { over, frames: CLOSED_WINDOW });
    await frames.next(FrameType.SETTINGS);
    // Every fourth is fast at first, so that large pieces are under way for it when it stalls.
    const firstOf = (i: number): number => (i % 4 === 1 ? 2 * MiB : 0) + 70_000;
    const streams: number[] = [];
    for (let i = 0; i < 128; i += 1) {
      const stream = frames.get(`/${i}`);
      streams.push(stream);
      await frames.readSection(stream);
      const first = firstOf(i);
      void frames.windowUpdate(0, first);
      void frames.windowUpdate(stream, first);
      for (let taken = 0; taken < first; )
        taken += (await frames.next(FrameType.DATA, stream)).payload.length;
    }
    expect(running.proxy.active).toBe(128);

    void frames.reset(streams[5] as number, ErrorCode.CANCEL);
    await until(() => origin.open === 127, 'its upstream connection was closed');
    const small = frames.get('/small');
    void frames.windowUpdate(small, 100);
    void frames.windowUpdate(0, 100);
    expect((await frames.readResponse(small)).content.toString()).toBe('small');
    // None of the others is the worse for it.
    const other = streams[77] as number;
    void frames.windowUpdate(0, MiB);
    void frames.windowUpdate(other, MiB);
    let at = firstOf(77);
    while (at < firstOf(77) + MiB) {
      const { payload } = await frames.next(FrameType.DATA, other);
      expect(isSeeded('stall', at, payload)).toBe(true);
      at += payload.length;
    }
  });
});

test('a client that takes nothing from its connection any more is given up, with all that runs on it [nginx]', async ({
  net,
}) => {
  const { frames, running, origin } = await framesLine(net, serve, {
    timeouts: { clientIdle: 300 },
    frames: { settings: [[Setting.INITIAL_WINDOW_SIZE, 0x7fffffff]] },
  });
  void frames.windowUpdate(0, 0x7fff0000);
  for (let i = 0; i < 5; i += 1) frames.get(`/${i}`);
  await frames.readSection();
  frames.wire.pause();
  expect(new Set((await running.records(5)).map(({ outcome }) => outcome))).toEqual(
    new Set(['client_stalled']),
  );
  await until(() => origin.open === 0, 'no upstream connection was left');
});

test('a client that leaves while its connection takes nothing is noticed, whatever waits to be sent [Node]', async ({
  net,
}) => {
  for (const over of ['h2c', 'tls'] as const) {
    const { frames, running, origin } = await framesLine(net, serve, {
      over,
      frames: { settings: [[Setting.INITIAL_WINDOW_SIZE, 0x7fffffff]] },
    });
    void frames.windowUpdate(0, 0x7fff0000);
    const streams = Array.from({ length: 5 }, (_, i) => frames.get(`/${i}`));
    await frames.readSection(streams[0]);
    frames.wire.pause();
    await until(() => origin.total === 5, 'all had come');
    await new Promise((resolve) => setTimeout(resolve, 200));
    frames.wire.reset();
    await running.records(5);
    await until(() => running.open === 0 && origin.open === 0, 'no connection was left');
  }
});

test('uploads for whose windows there is no memory are refused, reach no origin server, and are no transfers [RFC 9113 8.7]', async ({
  net,
}) => {
  let requests = 0;
  const { running } = await serveHttp2(net, async (connection) => {
    await connection.readHead();
    requests += 1;
    await connection.readAll();
  });
  let refused = 0;
  const clients: FramesClient[] = [];
  const upload = (each: number): void => {
    for (const frames of clients)
      for (let i = 0; i < each; i += 1) frames.get('/', { method: 'POST', content: 'a part', isOpen: true });
  };
  for (let i = 0; i < 10; i += 1) clients.push(await net.frames(running, { acknowledges: false }));
  upload(50);
  await until(() => requests === 500, 'these had come');
  // They do not confirm that windows are smaller now, and open stream after stream under the large ones.
  for (const frames of clients) {
    await frames.next(FrameType.SETTINGS);
    await frames.next(FrameType.SETTINGS);
    void (async () => {
      for (;;) {
        const { payload } = await frames.next(FrameType.RST_STREAM);
        if (payload.readUInt32BE(0) === ErrorCode.REFUSED_STREAM) refused += 1;
      }
    })().catch(() => {});
  }
  upload(50);
  await until(() => requests + refused === 1000, 'each had come or been refused');
  expect(refused).toBeGreaterThan(400);
  expect(running.proxy.active).toBe(requests);
  expect(running.recorded).toEqual([]);
});

test('an upload in frames of one byte, of which its origin server takes nothing, holds little memory, and arrives whole [RFC 9113 10.5; Node]', async ({
  net,
}) => {
  const size = 400_000;
  const more = new Gate();
  const { frames, running } = await framesLine(net, async (connection) => {
    connection.pause();
    await more.opened;
    connection.resume();
    const { content } = await connection.readRequest();
    await connection.write(sized(String(isSeeded('tiny', 0, content) && content.length)));
  });
  // Larger windows hold from the acknowledgement on.
  await frames.next(FrameType.SETTINGS);
  void frames.ping();
  await frames.next(FrameType.PING);
  const stream = frames.get('/', { method: 'POST', isOpen: true });
  await until(() => running.proxy.active === 1, 'the upload had begun');
  const sent = seededBytes('tiny', 0, size);
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < size; at += 10_000) {
    const block = Buffer.alloc(10 * 10_000);
    for (let i = 0; i < 10_000; i += 1) {
      block[10 * i + 2] = 1;
      block.writeUInt32BE(stream, 10 * i + 5);
      block[10 * i + 9] = sent[at + i] as number;
    }
    await frames.wire.write(block);
  }
  void frames.ping();
  await frames.next(FrameType.PING);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(60 * MiB);
  void frames.data(stream, '', Flag.END_STREAM);
  more.open();
  expect((await frames.readResponse(stream)).content.toString()).toBe(`${size}`);
});
