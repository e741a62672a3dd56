import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import express, { type RequestHandler } from 'express';
import { describe, expect } from 'vitest';
import { attachUpgrades, toExpress } from '../../src/express.js';
import { createProxy, SluicewayError } from '../../src/index.js';
import { toKoa } from '../../src/koa.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { problemsOf } from '../support/problems.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { listen } from './adapter-under-test.js';

test('options of adapters are checked when a handler is made, all at once', () => {
  const proxy = createProxy({ upstream: 'http://127.0.0.1:9' });
  // What callers in JavaScript may write.
  const wrong = { errors: 'ignore', reuseParsedBody: 1, reuseParsedBdy: true } as object;
  expect(problemsOf(() => toExpress({} as never, wrong))).toEqual([
    'handler must be a proxy, or what stripPrefix or mount returned',
    "reuseParsedBdy is not an option; did you mean 'reuseParsedBody'?",
    "errors must be one of 'throw', 'answer', not \"ignore\"",
    'reuseParsedBody must be true or false, not 1',
  ]);
  expect(problemsOf(() => toKoa(proxy, { path: 'files' }))).toHaveLength(1);
  expect(problemsOf(() => attachUpgrades({} as never, proxy, { path: '/a?b' }))).toEqual([
    'server must be a server of node:http or node:https',
    expect.stringMatching(/^path must be a path/),
  ]);
  proxy.destroy();
});

describe('upgrades of a server that has other listeners', () => {
  const switches: OriginScript = async (connection) => {
    const { target } = await connection.readHead();
    await connection.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n${target}`,
    );
    connection.end();
  };

  test('are left to those where they are at another path [ws]', async ({ net }) => {
    const origin = await net.origin(switches);
    const proxy = createProxy({ upstream: origin.url });
    const server = createServer();
    attachUpgrades(server, proxy, { path: '/live' });
    server.on('upgrade', ({ url }, socket) => {
      if (url === '/other') socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\ntheirs');
    });
    const { port, close } = await listen(server);
    net.cleanup(async () => {
      proxy.destroy();
      await close();
    });
    for (const [path, expected] of [
      ['/live/a', '/a'],
      ['/other', 'theirs'],
    ] as const) {
      const client = await net.client(port);
      await client.get(path, ['Connection: Upgrade', 'Upgrade: echo']);
      expect((await client.readHead()).status).toBe(101);
      expect((await client.readUntilClose()).bytes.toString()).toBe(expected);
    }
    expect(server.requestTimeout).toBe(0);
  });
});

/** What the origin server gets of a request behind a parser of Express: its length and its content, or the status. */
async function restored(
  net: Network,
  parser: RequestHandler,
  head: string,
  content: string,
): Promise<string> {
  const origin = await net.origin(
    respondWith((seen, bytes) => sized(`${seen.get('content-length') ?? 'none'} ${bytes.toString()}`)),
  );
  const proxy = createProxy({ upstream: origin.url });
  const app = express()
    .set('env', 'test')
    .use(parser, toExpress(proxy, { reuseParsedBody: true }));
  const { port, close } = await listen(createServer(app));
  net.cleanup(async () => {
    proxy.destroy();
    await close();
  });
  const client = await net.client(port);
  await client.send(`${head}\r\nHost: test\r\nContent-Length: ${content.length}\r\n\r\n${content}`);
  const response = await client.readResponse();
  return response.head.status === 200 ? response.content.toString() : String(response.head.status);
}

/** A parser that reads the content, and makes this of it. */
const setsBody =
  (body: unknown): RequestHandler =>
  (request, _, next) => {
    request.resume().once('end', () => next());
    request.body = body;
  };

describe('content that is made anew', () => {
  const form = express.urlencoded({ extended: true });
  const rows: [kind: string, parser: RequestHandler, type: string, sent: string, expected: string][] = [
    ['JSON of any kind', express.json({ type: '*/*' }), 'application/problem+json', '{"a":  1}', '7 {"a":1}'],
    ['JSON that is no object', express.json({ strict: false }), 'application/json', ' 0', '1 0'],
    ['a nested form', form, 'application/x-www-form-urlencoded', 'a[b]=1&a[c]=2', '17 a%5Bb%5D=1&a%5Bc%5D=2'],
    ['bytes', express.raw({ type: '*/*' }), 'application/zip', 'PK', '2 PK'],
  ];
  test.for(rows)('is right for %s [Express]', async ([, parser, type, sent, expected], { net }) => {
    const length = Buffer.byteLength(expected.slice(expected.indexOf(' ') + 1));
    expect(await restored(net, parser, `POST / HTTP/1.1\r\nContent-Type: ${type}`, sent)).toBe(
      `${length}${expected.slice(expected.indexOf(' '))}`,
    );
  });

  const charsets: [
    kind: string,
    parser: RequestHandler,
    type: string,
    sent: string,
    expected: string | null,
  ][] = [
    [
      'a form of a charset',
      form,
      'application/x-www-form-urlencoded; charset="ISO-8859-1"',
      'a=%E9+b',
      'a=%E9+b',
    ],
    [
      'a form with what the charset has not',
      setsBody({ a: '\u20ac' }),
      'application/x-www-form-urlencoded; charset=latin1',
      'a=%80',
      null,
    ],
    [
      'a form whose escapes the parser did not know',
      setsBody({ a: '%E9' }),
      'application/x-www-form-urlencoded; charset=latin1',
      'a=%E9',
      null,
    ],
    [
      'JSON in a charset of single bytes',
      setsBody({ a: '\u20ac' }),
      'application/json; charset=us-ascii',
      '{"a":1}',
      '{"a":"\\u20ac"}',
    ],
    [
      'JSON whose bytes were lost',
      setsBody({ a: '\ufffd' }),
      'application/json; charset=latin1',
      '{"a":1}',
      null,
    ],
    [
      'JSON in a charset that is not known',
      setsBody({ a: 'a' }),
      'application/json; charset=ebcdic-us',
      '{"a":1}',
      null,
    ],
    ['JSON that a parser of text has read', setsBody('{"a":1}'), 'application/json', '{"a":1}', null],
  ];
  test.for(charsets)(
    'has the bytes of its charset, or is refused: %s [RFC 9110 8.3.2]',
    async ([, parser, type, sent, expected], { net }) => {
      expect(await restored(net, parser, `POST / HTTP/1.1\r\nContent-Type: ${type}`, sent)).toBe(
        expected === null ? '500' : `${expected.length} ${expected}`,
      );
    },
  );

  test('is none for text, which may have been another coding, and is refused [Express]', async ({ net }) => {
    expect(await restored(net, express.text(), 'POST / HTTP/1.1\r\nContent-Type: text/plain', 'x')).toBe(
      '500',
    );
  });

  test('is none for a request that had none, whatever a parser has left [Express]', async ({ net }) => {
    const leaves: RequestHandler = (request, _, next) => {
      request.body = {};
      request.resume().once('end', () => next());
    };
    expect(await restored(net, leaves, 'GET / HTTP/1.1\r\nContent-Type: application/json', '')).toBe('none ');
  });
});

test('a failure that an application answers itself over HTTP/2 reaches a client that is still sending, whole [RFC 9113 8.1]', async ({
  net,
}) => {
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    connection.destroy();
  });
  const proxy = createProxy({ upstream: origin.url, errors: 'throw' });
  const thrown = new Gate();
  const sockets = new Set<Socket>();
  const server = createHttp2Server((request, response) => {
    proxy.handle(request, response).catch((error: unknown) => {
      thrown.open();
      response.writeHead(error instanceof SluicewayError ? error.status : 500).end('the application says');
    });
  });
  server.on('connection', (socket: Socket) => void sockets.add(socket));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  net.cleanup(async () => {
    proxy.destroy();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const client = await net.http2({ port, ca: undefined });
  const response = await client.request('/up', {
    headers: { ':method': 'POST' },
    content: Buffer.alloc(10_000_000),
  });
  await thrown.opened;
  expect([response.status, response.content.toString(), response.complete]).toEqual([
    502,
    'the application says',
    true,
  ]);
});
