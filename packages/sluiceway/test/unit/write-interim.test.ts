import { once } from 'node:events';
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect } from 'vitest';
import { writeInterim } from '../../src/downstream/http1/http1-heads.js';
import { Http2Exchange } from '../../src/downstream/http2/http2-exchange.js';
import { Fields } from '../../src/http/fields.js';
import { test } from '../support/fixture.js';

test('interim responses for a client that does not read do not pile up in memory', async ({ net }) => {
  const server = createServer((socket) => void socket.pause()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  net.cleanup(() => {
    socket.destroy();
    server.close();
  });
  const head = { status: 103, statusText: 'Early Hints', headers: new Fields(['Link', 'x'.repeat(60_000)]) };
  for (let i = 0; i < 1000; i += 1) writeInterim(socket, head);
  expect(socket.writableLength).toBeGreaterThan(0);
  expect(socket.writableLength).toBeLessThan(512 * 1024);
});

test('interim responses for a client of HTTP/2 that does not read do not pile up in memory', async ({
  net,
}) => {
  const server = createHttp2Server().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Takes nothing more once the request has passed.
  const relay = createServer((down) => {
    const up = connect((server.address() as AddressInfo).port, '127.0.0.1');
    down.pipe(up).pipe(down);
    down.on('error', () => {});
    up.on('error', () => {});
    server.once('request', () => void up.unpipe(down).pause());
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const client = connectHttp2(`http://127.0.0.1:${(relay.address() as AddressInfo).port}`);
  client.on('error', () => {});
  net.cleanup(() => {
    client.destroy();
    relay.close();
    server.close();
  });
  client.request().on('error', () => {});
  const [request, response] = (await once(server, 'request')) as [Http2ServerRequest, Http2ServerResponse];
  const exchange = new Http2Exchange(request, response);
  const { session } = request.stream;
  for (let i = 0; i < 4000; i += 1) {
    exchange.sendInterim({ status: 103, statusText: '', headers: new Fields(['Link', 'x'.repeat(10_000)]) });
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(session?.state.outboundQueueSize).toBeGreaterThan(100);
  expect(session?.state.outboundQueueSize).toBeLessThanOrEqual(1000);
  session?.destroy();
});
