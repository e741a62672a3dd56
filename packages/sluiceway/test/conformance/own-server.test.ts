import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { expect } from 'vitest';
import { ResponseSink } from '../../src/downstream/response-sink.js';
import { createProxy } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';

test('an upload through a server that limits the time of a request is warned of, once [Node]', async ({
  net,
}) => {
  const origin = await net.origin(respondWith('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  const proxy = createProxy({ upstream: origin.url });
  const server = createServer((request, response) => void proxy.handle(request, response));
  net.cleanup(async () => {
    proxy.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  expect(server.requestTimeout).toBe(300_000);

  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  net.cleanup(() => process.off('warning', onWarning));
  const client = await net.client((server.address() as AddressInfo).port);
  for (let i = 0; i < 2; i += 1) {
    await client.send('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello');
    expect((await client.readResponse()).head.status).toBe(200);
  }
  expect(warnings.map(({ name, message }) => [name, message.includes('requestTimeout')])).toEqual([
    ['SluicewayRequestTimeoutWarning', true],
  ]);
});

test('a response whose `on` listens elsewhere is waited for with one listener, and each chunk is returned once [Express]', () => {
  const elsewhere = new PassThrough();
  const response = Object.assign(new Duplex({ read() {}, write() {} }), { write: () => false });
  response.on = ((event: string, listener: () => void) => {
    elsewhere.on(event, listener);
    return response;
  }) as typeof response.on;
  const sink = new ResponseSink(
    response,
    { callsBack: false, isGone: false, sendTrailers: () => {}, flushHead: () => {} },
    () => null,
    () => {},
    () => {},
  );
  const returned = [0, 0, 0];
  for (let i = 0; i < returned.length; i += 1) {
    sink.chunk(Buffer.from('x'), () => {
      returned[i] = (returned[i] ?? 0) + 1;
    });
    elsewhere.emit('drain');
  }
  elsewhere.emit('drain');
  expect(returned).toEqual([1, 1, 1]);
  expect(elsewhere.listenerCount('drain')).toBe(1);
});

test('chunks that are lent while an earlier one waits for `drain` are returned with it, each once [Node]', () => {
  const response = Object.assign(new Duplex({ read() {}, write() {} }), { write: () => false });
  const sink = new ResponseSink(
    response,
    { callsBack: false, isGone: false, sendTrailers: () => {}, flushHead: () => {} },
    () => null,
    () => {},
    () => {},
  );
  const returned: number[] = [];
  for (const i of [0, 1, 2]) sink.chunk(Buffer.from('x'), () => returned.push(i));
  response.emit('drain');
  response.emit('drain');
  expect(returned).toEqual([0, 1, 2]);
});
