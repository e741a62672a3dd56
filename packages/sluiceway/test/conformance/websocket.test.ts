import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { until } from '../support/until.js';

const SIZE = 16 * 1024 * 1024;

/** A WebSocket server that sends every message back. */
async function echoServer(net: Network): Promise<{ url: string; sockets: WebSocketServer }> {
  const server = createServer();
  const sockets = new WebSocketServer({
    server,
    maxPayload: 2 * SIZE,
    handleProtocols: (protocols) => [...protocols].at(-1) ?? false,
  });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  net.cleanup(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

const nextMessage = (socket: WebSocket): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    socket.once('message', (data: Buffer) => resolve(data));
    socket.once('error', reject);
  });

const event = (socket: WebSocket, name: 'open' | 'close'): Promise<unknown[]> =>
  new Promise((resolve, reject) => {
    socket.once(name, (...args: unknown[]) => resolve(args));
    socket.once('error', reject);
  });

test('a WebSocket carries a message of 16 MiB there and back [RFC 6455 5]', async ({ net }) => {
  const { url } = await echoServer(net);
  const running = await net.proxy({ upstream: url });
  const socket = new WebSocket(`ws://127.0.0.1:${running.port}/chat?x=1`, { maxPayload: 2 * SIZE });
  await event(socket, 'open');
  const echoed = nextMessage(socket);
  socket.send(seededBytes('ws', 0, SIZE));
  const message = await echoed;
  expect(message.length).toBe(SIZE);
  expect(isSeeded('ws', 0, message)).toBe(true);

  const closed = event(socket, 'close');
  socket.close(1000, 'done');
  expect((await closed)[0]).toBe(1000);
  expect(await running.record()).toMatchObject({ outcome: 'completed', status: 101, error: null });
});

test('a WebSocket of several subprotocols gets the one that the server chose [RFC 6455 4]', async ({
  net,
}) => {
  const { url } = await echoServer(net);
  const running = await net.proxy({ upstream: url });
  const socket = new WebSocket(`ws://127.0.0.1:${running.port}/`, ['first', 'second']);
  await event(socket, 'open');
  expect(socket.protocol).toBe('second');
  const closed = event(socket, 'close');
  socket.close();
  await closed;
});

test('a WebSocket whose client is gone is closed at the server, and the other way round [RFC 6455 7.1; Caddy]', async ({
  net,
}) => {
  const { url, sockets } = await echoServer(net);
  const running = await net.proxy({ upstream: url });
  const first = new WebSocket(`ws://127.0.0.1:${running.port}/`);
  await event(first, 'open');
  first.terminate();
  await until(() => sockets.clients.size === 0, 'the server saw its client leave');

  const second = new WebSocket(`ws://127.0.0.1:${running.port}/`);
  await event(second, 'open');
  const closed = event(second, 'close');
  for (const socket of sockets.clients) socket.terminate();
  expect((await closed)[0]).toBe(1006);
});

test('a WebSocket goes on under a drain for the time of tunnelDrain, and destroy ends it [Caddy]', async ({
  net,
}) => {
  const { url } = await echoServer(net);
  const running = await net.proxy({ upstream: url, timeouts: { tunnelDrain: '1h' } });
  const socket = new WebSocket(`ws://127.0.0.1:${running.port}/`);
  await event(socket, 'open');
  const drained = running.proxy.close();
  const echoed = nextMessage(socket);
  socket.send('still here');
  expect((await echoed).toString()).toBe('still here');
  const closed = event(socket, 'close');
  running.proxy.destroy();
  expect((await closed)[0]).toBe(1006);
  await drained;
});
