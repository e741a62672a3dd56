import { type EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect } from 'vitest';
import { createProxy } from '../../src/index.js';
import { loopbackCertificate } from '../support/certificates.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { OriginScript } from '../support/raw-origin.js';
import { StoppedTime } from '../support/stopped-time.js';
import { chunked, sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const GET = 'GET / HTTP/1.1\r\nHost: test\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello';
const PUT = 'PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';

/** Answers when it may: the end of the client's side has reached the proxy by then. */
const answering =
  (may: Gate, answer: Buffer): OriginScript =>
  async (connection) => {
    for (;;) {
      const head = await connection.readHead();
      if (head.has('content-length')) await connection.readExactly(5);
      else if (head.has('transfer-encoding')) await connection.readThrough('0\r\n\r\n');
      await may.opened;
      await connection.write(answer);
    }
  };

/** Calls back when the proxy has seen the end of a client's side. */
function onEnd({ server }: { server: EventEmitter }, listener: () => void): void {
  server.once('request', ({ socket }: IncomingMessage) => void socket.once('end', listener));
}

describe.each(['http', 'https'] as const)('over %s, a client that ends its side after', (scheme) => {
  test.for([
    ['a GET', GET, sized('x'.repeat(300_000)), 1],
    ['a POST', POST, sized('ok'), 1],
    ['an upload in chunks', PUT, sized('ok'), 1],
    ['a GET, for a response in chunks,', GET, chunked(['hello ', 'world']), 1],
    [
      'a GET of HTTP/1.0, for a response in chunks,',
      'GET / HTTP/1.0\r\n\r\n',
      chunked(['hello ', 'world']),
      1,
    ],
    ['five pipelined requests', GET + POST + GET + PUT + GET, sized('ok'), 5],
    ['thirty pipelined requests', GET.repeat(30), sized('ok'), 30],
  ] as const)(
    '%s gets its responses whole, and the last says close [RFC 9112 9.6; HAProxy]',
    async ([, request, answer, count], { net }) => {
      const may = new Gate();
      const certificate = await loopbackCertificate();
      const origin = await net.origin(answering(may, answer));
      const running = await net.proxy(
        { upstream: origin.url },
        scheme === 'https' ? { tls: certificate } : {},
      );
      const client = await net.client(running, scheme === 'https' ? { tls: { ca: certificate.ca } } : {});
      const ended = new Promise((resolve) => onEnd(running, () => resolve(undefined)));
      await client.send(request);
      await until(() => running.proxy.active === count, 'every request was read');
      client.end();
      // Where so many requests wait that no more is read, the end is seen after them.
      if (count < 9) await ended;
      may.open();
      for (let i = 0; i < count; i += 1) {
        const response = await client.readResponse();
        expect(response).toMatchObject({ complete: true });
        if (i === count - 1 && count < 9) expect(response.head.get('connection')).toBe('close');
      }
      expect(await client.closed).toBe('fin');
      for (const { outcome } of await running.records(count)) expect(outcome).toBe('completed');
    },
  );
});

test('through a server of the application, a client that ends its side after its request gets its response, and other requests of the server are left as they are [RFC 9112 9.6]', async ({
  net,
}) => {
  const may = new Gate();
  const origin = await net.origin(answering(may, sized('ok')));
  const proxy = createProxy({ upstream: origin.url });
  const server = createServer((request, response) => {
    if (request.url === '/own') request.socket.once('end', () => setImmediate(() => response.end('own')));
    else {
      request.socket.once('end', () => may.open());
      void proxy.handle(request, response);
    }
  });
  net.cleanup(async () => {
    proxy.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const client = await net.client(port);
  await client.send(GET);
  await until(() => proxy.active === 1, 'the request was read');
  client.end();
  expect(await client.readResponse()).toMatchObject({ complete: true });
  const other = await net.client(port);
  await other.send('GET /own HTTP/1.1\r\nHost: test\r\n\r\n');
  other.end();
  // Node's server has ended its side by itself.
  expect((await other.readUntilClose()).bytes.length).toBe(0);
});

test('a client that has ended its side, and is found to be there while the origin server takes its time, gets its response as it is [RFC 9112 9.6; Sluiceway]', async ({
  net,
}) => {
  const time = new StoppedTime(net);
  const may = new Gate();
  const more = new Gate();
  const { client, running } = await through(net, async (connection) => {
    await connection.readHead();
    await may.opened;
    await connection.write('HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n');
    await more.opened;
    await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await connection.closed;
  });
  let ended = false;
  onEnd(running, () => {
    ended = true;
  });
  await client.send(GET);
  client.end();
  await time.passWhile(() => !ended, 0);
  await time.pass(1000);
  await time.pass(250);
  expect((await client.readExactly(2)).toString()).toBe('HT');
  may.open();
  expect(await client.readThrough('\r\n\r\n')).toMatch(/^TP\/1\.1 103 Early Hints\r\n/);
  await time.pass(2000);
  expect((await client.readExactly(1)).toString()).toBe('H');
  more.open();
  expect(await client.readThrough('\r\n\r\n')).toMatch(/^TTP\/1\.1 200 OK\r\n/);
  expect(await client.readThrough('hello\r\n')).toBe('5\r\nhello\r\n');
  // Zeros before the size of the next chunk.
  await time.pass(250);
  await time.pass(4000);
  expect((await client.readExactly(2)).toString()).toBe('00');
  client.close();
  expect((await time.passUntil(running.record(), 250)).outcome).toBe('client_aborted');
});
