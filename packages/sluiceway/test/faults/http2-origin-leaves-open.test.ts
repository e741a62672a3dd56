import type { Socket } from 'node:net';
import { describe, expect } from 'vitest';
import { closeIdleSockets } from '../../src/net/idle-sockets.js';
import { queuedBytes } from '../../src/net/write-queue.js';
import { startConnectProxy } from '../support/connect-proxy.js';
import { type Network, test } from '../support/fixture.js';
import { ErrorCode, type Frames, Setting } from '../support/frames.js';
import { Gate } from '../support/gate.js';
import type { OriginConnection, RawOrigin } from '../support/raw-origin.js';
import { StoppedTime } from '../support/stopped-time.js';
import { answer, speakFrames } from '../support/through-http2.js';
import { until } from '../support/until.js';
import { watchDialled } from '../support/watch-dialled.js';

const MiB = 1024 * 1024;

/** An origin server that never ends its side of a connection, whatever the other side does. */
async function startOpenOrigin(
  net: Network,
  script: (frames: Frames, connection: OriginConnection) => Promise<void>,
  settings: readonly (readonly [id: number, value: number])[] = [],
): Promise<RawOrigin> {
  const over = new Gate();
  net.cleanup(() => over.open());
  return net.origin(async (connection) => {
    await speakFrames(script, settings)(connection);
    await over.opened;
    connection.destroy();
  });
}

const byPort = (sockets: readonly Socket[], port: number): Socket | undefined =>
  sockets.find(({ remotePort }) => remotePort === port);

describe('an origin server that says GOAWAY and leaves the connection open:', () => {
  const scripts: [string, (frames: Frames, connection: OriginConnection, stream: number) => unknown][] = [
    [
      'after a response',
      async (frames, _, stream) => {
        await answer(frames, stream, 'content');
        await frames.goaway(stream, ErrorCode.NO_ERROR);
        void frames.readFrame().catch(() => {});
      },
    ],
    [
      'before a response',
      async (frames, _, stream) => {
        await frames.goaway(stream, ErrorCode.NO_ERROR);
        await answer(frames, stream, 'content');
        void frames.readFrame().catch(() => {});
      },
    ],
    [
      'and reads nothing more',
      async (frames, connection, stream) => {
        connection.pause();
        await answer(frames, stream, 'content');
        await frames.goaway(stream, ErrorCode.NO_ERROR);
      },
    ],
  ];

  test('its socket gives way at once where descriptors run out [Sluiceway]', async ({ net }) => {
    const dialled = watchDialled(net);
    const origin = await startOpenOrigin(net, async (frames) => {
      const { stream } = await frames.readSection();
      // No connection that may be used again is ever idle.
      await frames.goaway(stream, ErrorCode.NO_ERROR);
      await answer(frames, stream, 'content');
      void frames.readFrame().catch(() => {});
    });
    const running = await net.proxy({ upstream: { url: origin.url, protocol: 'http2' } });
    const client = await net.client(running);
    const time = new StoppedTime(net);
    await client.get('/');
    expect(String((await client.readResponse()).content)).toBe('content');
    // Not enough for the timeout that ends it otherwise.
    await time.pass(100);
    await until(() => closeIdleSockets() > 0, 'a socket was closed');
    await until(() => byPort(dialled, origin.port)?.closed === true, 'it was that one');
  });

  test.for(
    scripts.flatMap(([what, script]) =>
      ['directly', 'through a proxy'].map((how) => [what, how, script] as const),
    ),
  )(
    '%s, %s: its socket is closed, and close() resolves [RFC 9113 6.8; RFC 9113 9.1; Sluiceway]',
    async ([, how, script], { net }) => {
      const dialled = watchDialled(net);
      const origin = await startOpenOrigin(net, async (frames, connection) => {
        const { stream } = await frames.readSection();
        await script(frames, connection, stream);
      });
      const egress = how === 'directly' ? null : await startConnectProxy(net);
      const running = await net.proxy({
        upstream: { url: origin.url, protocol: 'http2', ...(egress && { egressProxy: egress.url }) },
      });
      const client = await net.client(running);
      const time = new StoppedTime(net);
      await client.get('/');
      expect((await client.readResponse()).content.toString()).toBe('content');
      const socket = byPort(dialled, egress?.listener.port ?? origin.port) as Socket;
      expect(socket.remotePort).toBeGreaterThan(0);
      await time.passWhile(() => !socket.closed, 200);
      await running.proxy.close();
    },
  );
});

test('an origin server that reads nothing and ends nothing holds no socket once its uploads are given up and the proxy is closed [Sluiceway]', async ({
  net,
}) => {
  const dialled = watchDialled(net);
  const size = 16 * MiB;
  const origin = await startOpenOrigin(
    net,
    async (frames, connection) => {
      await frames.readSection();
      connection.pause();
      await frames.windowUpdate(0, size);
    },
    [[Setting.INITIAL_WINDOW_SIZE, size]],
  );
  const running = await net.proxy({
    upstream: { url: origin.url, protocol: 'http2' },
    timeouts: { upstreamIdle: 1000 },
  });
  const client = await net.client(running);
  await client.send(`PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: ${size}\r\n\r\n`);
  void client.send(Buffer.alloc(size)).catch(() => {});
  await until(() => origin.total === 1, 'the request had come');
  const socket = byPort(dialled, origin.port) as Socket;
  await until(() => (queuedBytes(socket) ?? 0) > 0, 'content waited in the connection');
  const time = new StoppedTime(net);
  await time.passUntil(running.record(), 500);
  const closed = running.proxy.close();
  await time.pass(1000);
  await closed;
  expect(socket.destroyed).toBe(true);
});
