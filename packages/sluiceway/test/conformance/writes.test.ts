import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { describe, expect } from 'vitest';
import { createProxy } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { startServer } from '../support/servers.js';
import { chunked, sized, through } from '../support/through.js';
import { until } from '../support/until.js';
import { watchDialled } from '../support/watch-dialled.js';

type Write = Required<Writable>['_write'];
type Writev = NonNullable<Writable['_writev']>;

/** Notes each write that a socket hands to the operating system from now on. */
function watchWrites(socket: Socket, onWrite: (bytes: string) => void): void {
  const { _write: write, _writev: writev }: Writable = socket;
  const toText = (chunk: unknown, encoding: BufferEncoding): string =>
    (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : (chunk as Buffer)).toString('latin1');
  Object.assign(socket, {
    _write: (...[chunk, encoding, callback]: Parameters<Write>) => {
      onWrite(toText(chunk, encoding));
      write.call(socket, chunk, encoding, callback);
    },
    _writev: (...[chunks, callback]: Parameters<Writev>) => {
      onWrite(chunks.map(({ chunk, encoding }) => toText(chunk, encoding)).join(''));
      writev?.call(socket, chunks, callback);
    },
  });
}

/** The writes of a proxy to its clients. */
async function watchedLine(net: Network, response: Buffer | string) {
  const line = await through(net, async (connection) => {
    for (;;) {
      await connection.readHead();
      await connection.write(response);
    }
  });
  const writes: string[] = [];
  line.running.server.on('connection', (socket: Socket) =>
    watchWrites(socket, (bytes) => void writes.push(bytes)),
  );
  return { ...line, client: await net.client(line.running), writes };
}

describe('a small response that arrives at once leaves in one write:', () => {
  test.for<[name: string, method: string, response: Buffer | string, end: string]>([
    ['with a Content-Length', 'GET', sized('hello'), '\r\n\r\nhello'],
    ['in chunks', 'GET', chunked(['hel', 'lo']), 'lo\r\n0\r\n\r\n'],
    [
      'in chunks with trailers',
      'GET',
      chunked(['a'], ['Trailer: A'], ['A: b']),
      '1\r\na\r\n0\r\nA: b\r\n\r\n',
    ],
    ['with bytes above 0x7F', 'GET', sized('\xff\x00\xc3', ['A: \xe9']), '\r\n\r\n\xff\x00\xc3'],
    ['with no content', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', '\r\n\r\n'],
    ['with empty content', 'GET', sized(''), '\r\n\r\n'],
    ['to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', '\r\n\r\n'],
    ['not modified', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', '\r\n\r\n'],
  ])('%s [Sluiceway]', async ([, method, response, end], { net }) => {
    const { client, running, writes } = await watchedLine(net, response);
    await client.send(`${method} / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n`);
    await client.readThrough(end);
    await running.record();
    expect(writes).toHaveLength(1);
    expect(writes[0]?.endsWith(end)).toBe(true);
    expect(writes[0]).not.toContain('\xc3\xa9');
    // The connection goes on.
    await client.send(`${method} / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n`);
    await client.readThrough(end);
  });
});

test('a small request leaves in one write, with its content [Sluiceway]', async ({ net }) => {
  const dialled = watchDialled(net);
  const { client, origin } = await through(net, async (connection) => {
    for (;;) {
      await connection.readRequest();
      await connection.write(sized('ok'));
    }
  });
  await client.get('/');
  await client.readResponse();
  const upstream = dialled.find(({ remotePort }) => remotePort === origin.port);
  expect(upstream).toBeDefined();
  const writes: string[] = [];
  watchWrites(upstream as Socket, (bytes) => void writes.push(bytes));
  await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
  await client.readResponse();
  expect(writes).toHaveLength(1);
  expect(writes[0]).toMatch(/^POST .*\r\n\r\nhello$/s);
});

test('requests that arrive together are all read before any of them is sent on [Sluiceway]', async ({
  net,
}) => {
  const dialled = watchDialled(net);
  let waiting = 0;
  const all = new Gate();
  const { running, origin } = await through(net, async (connection) => {
    for (;;) {
      await connection.readHead();
      waiting += 1;
      if (waiting === 8) all.open();
      // So that each request gets a connection of its own.
      await all.opened;
      await connection.write(sized('ok'));
    }
  });
  const clients = await Promise.all(Array.from({ length: 8 }, () => net.client(running)));
  const events: string[] = [];
  const ask = async (): Promise<void> => {
    for (const client of clients) void client.get('/');
    await Promise.all(clients.map((client) => client.readResponse()));
  };
  await ask();
  running.server.prependListener('request', () => events.push('read'));
  const upstream = dialled.filter(({ remotePort }) => remotePort === origin.port);
  for (const socket of upstream) watchWrites(socket, () => events.push('write'));
  // All of them arrive while the thread is busy.
  await ask();
  const count = { read: events.filter((event) => event === 'read').length, write: events.length };
  expect(count).toEqual({ read: 8, write: 16 });
  // One turn may bring some of them only, but one request after another would alternate.
  expect(events.slice(0, 4)).toEqual(['read', 'read', 'read', 'read']);
});

test('an interim response leaves before a response that arrives with it [RFC 9110 15.2]', async ({ net }) => {
  const interim = 'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n';
  const { client } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write(Buffer.concat([Buffer.from(interim), sized('hello')]));
  });
  await client.get('/');
  const response = await client.readResponse();
  expect(response.interim.map(({ status }) => status)).toEqual([103]);
  expect(response.content.toString()).toBe('hello');
});

test('what arrives together with the break of its content is with the client before the break [Sluiceway]', async ({
  net,
}) => {
  const { client, running } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello');
    connection.end();
  });
  await client.get('/');
  const { content, complete } = await client.readResponse();
  expect([content.toString(), complete]).toEqual(['hello', false]);
  expect((await running.record()).outcome).toBe('upstream_truncated');
});

test('a client that leaves while its response waits for the end of the turn ends its own transfer only [Sluiceway]', async ({
  net,
}) => {
  const { running } = await through(net, async (connection) => {
    for (;;) {
      await connection.readHead();
      await connection.write(sized('hello'));
    }
  });
  const [leaves, stays] = await Promise.all([net.client(running), net.client(running)]);
  const sockets: Socket[] = [];
  running.server.on('request', ({ socket }: IncomingMessage) => {
    sockets.push(socket);
    if (sockets.length > 1) return;
    // `assignSocket` has been called: this is the first write of the response, which waits for the end of the turn.
    const write = socket.write.bind(socket);
    socket.write = (...args: unknown[]): boolean => {
      process.nextTick(() => socket.destroy());
      const isTaken: unknown = Reflect.apply(write, socket, args);
      return isTaken === true;
    };
  });
  await leaves.get('/');
  await until(() => sockets.length === 1, 'the request had come');
  await stays.get('/');
  expect((await stays.readResponse()).content.toString()).toBe('hello');
  expect((await running.records(2)).map(({ outcome }) => outcome).toSorted()).toEqual([
    'client_aborted',
    'completed',
  ]);
});

test('listeners of a response are called in the asynchronous context of its request [Node]', async ({
  net,
}) => {
  const origin = await net.origin(async (connection) => {
    for (;;) {
      const { target } = await connection.readHead();
      await connection.write(sized(target));
    }
  });
  const proxy = createProxy({ upstream: origin.url });
  net.cleanup(() => proxy.close());
  const storage = new AsyncLocalStorage<string>();
  const seen: [finish: string | undefined, url: string | undefined][] = [];
  const { server, stop } = await startServer((request, response) => {
    storage.run(request.url ?? '', () => {
      response.on('finish', () => seen.push([storage.getStore(), request.url]));
      void proxy.handle(request, response);
    });
  });
  net.cleanup(stop);
  const { port } = server.address() as AddressInfo;
  const clients = await Promise.all(Array.from({ length: 8 }, () => net.client(port)));
  for (const round of [1, 2, 3]) {
    clients.forEach((client, index) => void client.get(`/${round}/${index}`));
    await Promise.all(clients.map((client) => client.readResponse()));
  }
  await until(() => seen.length === 24, 'all had finished');
  for (const [store, url] of seen) expect(store).toBe(url);
});
