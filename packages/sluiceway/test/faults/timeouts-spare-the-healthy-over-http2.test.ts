import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { describe, expect } from 'vitest';
import type { LiveTransfer } from '../../src/index.js';
import { queuedBytes } from '../../src/net/write-queue.js';
import { isSeeded, seededViews } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Flag, FrameType, fieldOf, Setting } from '../support/frames.js';
import type { FrameClientOptions, FramesClient } from '../support/frames-client.js';
import { Gate } from '../support/gate.js';
import { http2Line, serveHttp2 } from '../support/http2-line.js';
import type { OriginConnection } from '../support/raw-origin.js';
import type { Http2Listening, RunningProxy } from '../support/servers.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';
import { switching } from '../support/web-socket-origin.js';

const LIMIT_MS = 1000;
/** Just within every limit. */
const STEP_MS = 900;
const STEPS = 24;

const timeouts = {
  responseHead: LIMIT_MS,
  upstreamIdle: LIMIT_MS,
  clientIdle: LIMIT_MS,
  tunnelIdle: LIMIT_MS,
};

interface Slow {
  frames: FramesClient;
  running: RunningProxy;
  time: StoppedTime;
  live: LiveTransfer;
  /** Bytes of the proxy's that the operating system has taken for the client. */
  taken: () => number;
}

/** A client, a proxy and an origin server that speaks only when it is asked to, in a time of the test's own. */
async function slowly(
  net: Network,
  over: Http2Listening,
  script: (connection: OriginConnection) => Promise<void>,
  frames: FrameClientOptions = {},
): Promise<Slow> {
  const time = new StoppedTime(net);
  let live: LiveTransfer | undefined;
  let socket: Socket | undefined;
  const line = await serveHttp2(net, script, {
    over,
    timeouts,
    observers: [{ onTransferStart: (transfer) => void (live = transfer) }],
  });
  const events: EventEmitter = line.running.server;
  events.on(over === 'tls' ? 'secureConnection' : 'connection', (each: Socket) => (socket = each));
  return {
    ...line,
    frames: await net.frames(line.running, frames),
    time,
    get live() {
      return live as LiveTransfer;
    },
    taken: () => (socket === undefined ? 0 : socket.bytesWritten - (queuedBytes(socket) ?? 0)),
  };
}

async function expectCompleted({ running, time }: Pick<Slow, 'running' | 'time'>): Promise<void> {
  expect(time.passed).toBeGreaterThan(20 * LIMIT_MS);
  const record = await running.record();
  expect(record).toMatchObject({ outcome: 'completed', error: null });
  expect(record.durationMs).toBeGreaterThan(20 * LIMIT_MS);
}

describe.for(['h2c', 'tls'] as const)(
  'a healthy transfer over HTTP/2 (%s) of more than 20 times every limit',
  (over) => {
    test('completes: a download of which a byte comes just within the limit [nginx; Caddy]', async ({
      net,
    }) => {
      const sent = Array.from({ length: STEPS + 1 }, () => new Gate());
      const slow = await slowly(net, over, async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        for (const gate of sent) {
          await gate.opened;
          await connection.write(gate === sent.at(-1) ? '0\r\n\r\n' : '1\r\nx\r\n');
        }
      });
      const stream = slow.frames.get('/');
      await slow.frames.readSection(stream);
      for (const [step, gate] of sent.entries()) {
        await slow.time.pass(STEP_MS);
        gate.open();
        await until(() => slow.live.bytesDown === Math.min(step + 1, STEPS), `byte ${step} had come`);
      }
      expect((await slow.frames.readContent(stream)).content.length).toBe(STEPS);
      await expectCompleted(slow);
    });

    test('completes: a download whose client opens its window by a byte at a time [RFC 9113 5.2; nghttp2]', async ({
      net,
    }) => {
      const size = 1_000_000;
      const slow = await slowly(
        net,
        over,
        async (connection) => {
          await connection.readHead();
          await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
          await connection.writeSeeded('window', 0, size);
        },
        { settings: [[Setting.INITIAL_WINDOW_SIZE, 0]] },
      );
      const stream = slow.frames.get('/');
      await slow.frames.readSection(stream);
      for (let step = 0; step < STEPS; step += 1) {
        await slow.time.pass(STEP_MS);
        void slow.frames.windowUpdate(stream, 1);
        const { payload } = await slow.frames.next(FrameType.DATA, stream);
        expect(isSeeded('window', step, payload) && payload.length === 1).toBe(true);
      }
      void slow.frames.windowUpdate(stream, 1_000_000);
      void slow.frames.windowUpdate(0, 1_000_000);
      const { content } = await slow.frames.readContent(stream);
      expect(isSeeded('window', STEPS, content) && content.length === size - STEPS).toBe(true);
      await expectCompleted(slow);
    });

    test('completes: a download that its client reads from the network in tiny steps, with all windows open [nginx; undici]', async ({
      net,
    }) => {
      const size = 64_000_000;
      const slow = await slowly(
        net,
        over,
        async (connection) => {
          await connection.readHead();
          await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
          await connection.writeSeeded('tiny', 0, size);
        },
        { settings: [[Setting.INITIAL_WINDOW_SIZE, 0x7fffffff]] },
      );
      const { frames, time } = slow;
      void frames.windowUpdate(0, 0x7fff0000);
      const stream = frames.get('/');
      await frames.readSection(stream);
      frames.wire.pause();
      let received = 0;
      let step = 0;
      let before = slow.taken();
      const reading = frames.readResponse(stream, (bytes) => {
        expect(isSeeded('tiny', received, bytes)).toBe(true);
        received += bytes.length;
        if (step === STEPS || slow.taken() === before) return;
        step += 1;
        frames.wire.pause();
        void time.pass(STEP_MS).then(() => {
          before = slow.taken();
          frames.wire.resume();
        });
      });
      await time.pass(STEP_MS);
      frames.wire.resume();
      expect(await reading).toMatchObject({ isComplete: true, contentLength: size });
      expect(step).toBe(STEPS);
      await expectCompleted(slow);
    });

    test.for([STEPS, null])(
      'completes: an upload of which a byte comes just within the limit; its Content-Length: %s [nginx; Node]',
      async (length, { net }) => {
        const slow = await slowly(net, over, async (connection) => {
          const { content } = await connection.readRequest();
          await connection.write(sized(content));
        });
        const stream = slow.frames.get('/', {
          method: 'POST',
          isOpen: true,
          lines: length === null ? [] : [['content-length', `${length}`]],
        });
        await until(() => slow.running.proxy.active === 1, 'the request had come');
        for (let step = 1; step <= STEPS; step += 1) {
          await slow.time.pass(STEP_MS);
          void slow.frames.data(stream, 'x', step === STEPS ? Flag.END_STREAM : Flag.NONE);
          await until(() => slow.live.bytesUp === step, `byte ${step} had come`);
        }
        expect((await slow.frames.readResponse(stream)).contentLength).toBe(STEPS);
        await expectCompleted(slow);
      },
    );

    test('completes: an upload that its origin server reads in tiny steps [nginx]', async ({ net }) => {
      const time = new StoppedTime(net);
      let live: LiveTransfer | undefined;
      let sent = 0;
      let received = 0;
      let right = true;
      let step = 0;
      const content = function* (): Generator<Buffer> {
        for (const view of seededViews('up', 0, 2 ** 40)) {
          if (step === STEPS) return;
          sent += view.length;
          yield view;
        }
      };
      const { client, running } = await http2Line(
        net,
        async (connection) => {
          await connection.readHead();
          connection.pause();
          let before = live?.bytesUp;
          const reading = connection.readChunkedContent((bytes) => {
            right &&= isSeeded('up', received, bytes);
            received += bytes.length;
            if (step === STEPS || live?.bytesUp === before) return;
            step += 1;
            connection.pause();
            void time.pass(STEP_MS).then(() => {
              before = live?.bytesUp;
              connection.resume();
            });
          });
          await time.pass(STEP_MS);
          connection.resume();
          await reading;
          await connection.write(sized('thanks'));
        },
        { over, timeouts, observers: [{ onTransferStart: (transfer) => void (live = transfer) }] },
      );
      const response = await client.request('/', {
        headers: { ':method': 'POST' },
        content: Readable.from(content()),
      });
      expect(response.content.toString()).toBe('thanks');
      expect(right && received === sent).toBe(true);
      await expectCompleted({ running, time });
    });

    test('completes: a WebSocket in which a byte moves just within the limit, either way [nginx; Envoy]', async ({
      net,
    }) => {
      const slow = await slowly(net, over, async (connection) => {
        const head = await connection.readHead();
        await connection.write(switching(head.get('sec-websocket-key')));
        for (let step = 0; step < STEPS; step += 1) {
          await connection.readExactly(1);
          await slow.time.pass(STEP_MS);
          await connection.write('y');
        }
        connection.end();
      });
      const { frames } = slow;
      const stream = frames.connect('/');
      expect(fieldOf((await frames.readSection(stream)).lines, ':status')).toBe('200');
      for (let step = 0; step < STEPS; step += 1) {
        void frames.data(stream, 'x');
        await frames.next(FrameType.DATA, stream);
        await slow.time.pass(STEP_MS);
      }
      void frames.data(stream, '', Flag.END_STREAM);
      await frames.readContent(stream);
      await expectCompleted(slow);
    });
  },
);
