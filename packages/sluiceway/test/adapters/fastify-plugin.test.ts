import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify';
import fastify50 from 'fastify50';
import { describe, expect } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import {
  type FastifyMountOptions,
  type FastifySluicewayOptions,
  sluiceway,
  streamFrom,
} from '../../src/fastify.js';
import { createProxy, OptionsError, type ProxyOptions, SluicewayError } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RequestHead } from '../support/message-head.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

declare module 'fastify' {
  interface FastifyRequest {
    user?: string;
  }
}

/** The oldest and the newest that are supported. */
const VERSIONS: [version: string, make: typeof fastify][] = [
  ['5.0.0', fastify50],
  ['5.12.8', fastify],
];

async function start(net: Network, app: FastifyInstance): Promise<number> {
  net.cleanup(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}

/** Answers with the target of each request, and notes their heads. */
function echo(heads: RequestHead[] = []): OriginScript {
  return respondWith((head) => {
    heads.push(head);
    return sized(head.target);
  });
}

describe.each(VERSIONS)('Fastify %s', (_version, make) => {
  /** An application with the plugin, and a client of it. */
  async function mounted(
    net: Network,
    script: OriginScript,
    options: FastifyMountOptions & ProxyOptions<FastifyRequest> & { prefix: string },
    around: (app: FastifyInstance) => unknown = () => {},
    server: FastifyServerOptions = {},
  ) {
    const origin = await net.origin(script);
    const app = make(server);
    await around(app);
    await app.register(sluiceway, { upstream: origin.url, ...options });
    const port = await start(net, app);
    return { app, origin, port, client: await net.client(port) };
  }

  test('the prefix is taken off, however the client escapes it, and the rest passes byte for byte [@fastify/http-proxy]', async ({
    net,
  }) => {
    const { client } = await mounted(net, echo(), { prefix: '/files' });
    for (const [target, expected] of [
      ['/files', '/'],
      ['/files/', '/'],
      ['/files?a=1', '/?a=1'],
      ['/files/a%2Fb/../c?x=%20&y', '/a%2Fb/../c?x=%20&y'],
      ['/%66iles/a', '/a'],
    ]) {
      await client.get(target as string);
      expect((await client.readResponse()).content.toString()).toBe(expected);
    }
    await client.get('/filesystem');
    expect((await client.readResponse()).head.status).toBe(404);
  });

  test('rewritePrefix takes the place of the prefix, with its parameters, and is never left by dot segments [@fastify/http-proxy]', async ({
    net,
  }) => {
    const { client } = await mounted(net, echo(), {
      prefix: '/u/:id/files',
      rewritePrefix: '/tenants/:id/public',
    });
    for (const [target, status, expected] of [
      ['/u/7/files/a?b', 200, '/tenants/7/public/a?b'],
      ['/u/a%20b/files', 200, '/tenants/a%20b/public/'],
      ['/u/7/files/../../8/public/x', 400],
      ['/u/%2e%2e/files/x', 400],
    ] as const) {
      await client.get(target);
      const { head, content } = await client.readResponse();
      expect(head.status).toBe(status);
      if (expected !== undefined) expect(content.toString()).toBe(expected);
    }
  });

  test('places on the origin server are named under the prefix [@fastify/http-proxy]', async ({ net }) => {
    const script = respondWith(() => sized('', ['Location: /v2/next']));
    const { client } = await mounted(net, script, { prefix: '/files', rewritePrefix: '/v2' });
    await client.get('/files/a');
    const { head } = await client.readResponse();
    expect(head.get('location')).toBe('/files/next');
  });

  test('content of any type passes unread, and other routes of the application have theirs parsed [@fastify/http-proxy]', async ({
    net,
  }) => {
    const seen: string[] = [];
    const script: OriginScript = async (connection) => {
      for (;;) {
        const { head, content } = await connection.readRequest();
        seen.push(`${head.method} ${head.get('content-type')} ${content.toString()}`);
        await connection.write(sized('x'));
      }
    };
    const { client } = await mounted(net, script, { prefix: '/files' }, (app) => {
      app.post('/own', (request, reply) => reply.send(request.body));
    });
    for (const [method, type] of [
      ['POST', 'application/json'],
      ['PUT', 'text/plain; charset=utf-16'],
      ['PATCH', 'application/x-www-form-urlencoded'],
      ['DELETE', 'application/json'],
    ]) {
      await client.send(
        `${method} /files/a HTTP/1.1\r\nHost: t\r\nContent-Type: ${type}\r\nContent-Length: 7\r\n\r\n{"a": }`,
      );
      expect((await client.readResponse()).head.status).toBe(200);
    }
    expect(seen).toEqual([
      'POST application/json {"a": }',
      'PUT text/plain; charset=utf-16 {"a": }',
      'PATCH application/x-www-form-urlencoded {"a": }',
      'DELETE application/json {"a": }',
    ]);
    await client.send(
      'POST /own HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a": 1}',
    );
    expect((await client.readResponse()).content.toString()).toBe('{"a":1}');
  });

  test('hooks see requests first, and can answer; what they and preHandler found out reaches the hooks of the proxy [Fastify]', async ({
    net,
  }) => {
    const heads: RequestHead[] = [];
    const { client } = await mounted(
      net,
      echo(heads),
      {
        prefix: '/u/:id',
        config: { url: 'unused', method: 'GET' },
        preHandler: async (request, reply) => {
          if (request.headers.authorization === undefined) return reply.code(401).send('who are you?');
          request.user = 'ann';
          return undefined;
        },
        onUpstreamRequest: ({ downstream, upstream }) => {
          const { user, params } = downstream.context;
          upstream.fields.set('X-User', `${user} ${(params as { id: string }).id}`);
        },
      },
      (app) => app.decorateRequest('user'),
    );
    await client.get('/u/7/a');
    expect((await client.readResponse()).head.status).toBe(401);
    expect(heads).toHaveLength(0);
    await client.get('/u/7/a', ['Authorization: x']);
    expect((await client.readResponse()).head.status).toBe(200);
    expect(heads[0]?.get('x-user')).toBe('ann 7');
  });

  test('fields that hooks have set go out, behind those of the response; cookies and Vary of both [Fastify]', async ({
    net,
  }) => {
    const script = respondWith(() =>
      sized('x', ['X-Both: origin', 'Vary: Accept-Encoding', 'Set-Cookie: a=1']),
    );
    const { client } = await mounted(net, script, { prefix: '/files' }, (app) => {
      app.addHook('onRequest', async (_request, reply) => {
        reply.headers({ 'X-Both': 'hook', 'X-Hook': 'hook', Vary: 'Origin', 'Content-Length': '99' });
        reply.header('Set-Cookie', 'b=2');
      });
    });
    await client.get('/files/a');
    const { head, content } = await client.readResponse();
    expect(content.toString()).toBe('x');
    expect([head.get('x-both'), head.get('x-hook')]).toEqual(['origin', 'hook']);
    expect([head.getAll('vary'), head.getAll('set-cookie')]).toEqual([
      ['Accept-Encoding', 'Origin'],
      ['a=1', 'b=2'],
    ]);
  });

  test('a failure before the head goes to the error handler, with a status, and tells a client nothing inside; the log tells all [Fastify]', async ({
    net,
  }) => {
    const lines: string[] = [];
    const refused = await startServer();
    await refused.stop();
    const { client, port } = await mounted(
      net,
      echo(),
      { prefix: '/down', upstream: `http://127.0.0.1:${refused.port}` },
      async (app) => {
        await app.register(async (child) => {
          child.setErrorHandler((error, _request, reply) => {
            const known = error instanceof SluicewayError ? error.code : 'other';
            void reply.code(599).send(known);
          });
          await child.register(sluiceway, {
            prefix: '/own',
            upstream: `http://127.0.0.1:${refused.port}`,
          });
        });
      },
      { logger: { stream: { write: (line) => void lines.push(line) } } },
    );
    await client.get('/down/a');
    const { head, content } = await client.readResponse();
    expect(head.status).toBe(502);
    expect(content.toString()).not.toContain(String(refused.port));
    expect(JSON.parse(content.toString())).toMatchObject({ statusCode: 502, code: 'connection_refused' });
    expect(
      lines.some((line) => line.includes('connection_refused') && line.includes(String(refused.port))),
    ).toBe(true);
    expect(port).toBeGreaterThan(0);
    await client.get('/own/a');
    const own = await client.readResponse();
    expect([own.head.status, own.content.toString()]).toEqual([599, 'connection_refused']);
  });

  test('content that breaks breaks off visibly; no error handler is called, and the log names the outcome [Sluiceway]', async ({
    net,
  }) => {
    const lines: string[] = [];
    let handled = 0;
    const script: OriginScript = async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      connection.end();
    };
    const { client } = await mounted(
      net,
      script,
      { prefix: '/files' },
      (app) => {
        app.setErrorHandler(() => {
          handled += 1;
        });
      },
      { logger: { stream: { write: (line) => void lines.push(line) } } },
    );
    await client.get('/files/a');
    const response = await client.readResponse();
    expect([response.complete, response.content.toString()]).toEqual([false, 'half']);
    await until(() => lines.some((line) => line.includes('upstream_truncated')), 'the outcome was logged');
    expect(handled).toBe(0);
  });

  test('onResponse runs once for each response, when it has ended, with its status [Fastify]', async ({
    net,
  }) => {
    const statuses: number[] = [];
    const gate = new Gate();
    const script: OriginScript = async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\n\r\nPQ');
      await gate.opened;
      await connection.write('RS');
    };
    const { client } = await mounted(net, script, { prefix: '/files' }, (app) => {
      app.addHook('onResponse', async (_request, reply) => void statuses.push(reply.statusCode));
    });
    await client.get('/files/a');
    await client.readThrough('PQ');
    expect(statuses).toEqual([]);
    gate.open();
    await client.readThrough('RS');
    await until(() => statuses.length > 0, 'onResponse ran');
    expect(statuses).toEqual([206]);
  });

  test('trustProxy decides who the client is [Fastify]', async ({ net }) => {
    const forwarded = [
      'X-Forwarded-For: 192.0.2.7',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: files.test',
    ];
    for (const [trustProxy, address, protocol, host] of [
      [true, '192.0.2.7', 'https', 'files.test'],
      [false, '127.0.0.1', 'http', 'test'],
    ] as const) {
      const heads: RequestHead[] = [];
      const { client } = await mounted(net, echo(heads), { prefix: '/files' }, undefined, { trustProxy });
      await client.get('/files/a', forwarded);
      await client.readResponse();
      const [head] = heads;
      expect([head?.get('x-forwarded-proto'), head?.get('x-forwarded-host')]).toEqual([protocol, host]);
      expect(head?.get('x-forwarded-for')).toContain(address);
      expect(head?.get('x-forwarded-for')?.includes('192.0.2.7')).toBe(trustProxy);
    }
  });

  test('closing stops listening at once, lets running downloads end, and then closes their connections [Fastify]', async ({
    net,
  }) => {
    const gate = new Gate();
    const script: OriginScript = async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nPQ');
      await gate.opened;
      await connection.write('RS');
    };
    const { app, client } = await mounted(net, script, { prefix: '/files' });
    await client.get('/files/a');
    await client.readThrough('PQ');
    let closed = false;
    const closing = app.close().then(() => {
      closed = true;
    });
    await until(() => !app.server.listening, 'the server stopped listening');
    expect(closed).toBe(false);
    gate.open();
    expect((await client.readExactly(2)).toString()).toBe('RS');
    await closing;
    await client.closed;
  });

  test('rewritePrefix is refused beside a path of the upstream, and options beside a handler [Sluiceway]', async ({
    net,
  }) => {
    const origin = await net.origin(echo());
    const proxy = createProxy({ upstream: origin.url });
    net.cleanup(() => proxy.destroy());
    const wrong: [options: object, path: string][] = [
      [{ upstream: `${origin.url}/base`, rewritePrefix: '/v2' }, 'rewritePrefix'],
      [{ upstream: origin.url, rewritePrefix: 'v2' }, 'rewritePrefix'],
      [{ handler: proxy, timeouts: {} }, 'timeouts'],
      [{ handler: {} }, 'handler'],
      [{ upstream: origin.url, websocket: 'yes' }, 'websocket'],
      [{ upsteam: origin.url }, 'upsteam'],
    ];
    for (const [options, path] of wrong) {
      const app = make();
      const failure: unknown = await app.register(sluiceway, options as FastifySluicewayOptions).then(
        () => null,
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(OptionsError);
      expect((failure as OptionsError).problems.map((problem) => problem.path)).toContain(path);
      await app.close();
    }
  });

  describe('websocket: true', () => {
    /** The address of a server whose WebSockets send back what they get. */
    async function echoingSockets(net: Network): Promise<string> {
      const origin = await startServer();
      const sockets = new WebSocketServer({ server: origin.server });
      sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
      net.cleanup(async () => {
        for (const socket of sockets.clients) socket.terminate();
        await origin.stop();
      });
      return `http://127.0.0.1:${origin.port}`;
    }

    /** The WebSocket, or the status that came in place of it. */
    function open(
      net: Network,
      url: string,
      headers: Record<string, string> = {},
    ): Promise<WebSocket | number> {
      const socket = new WebSocket(url, { headers });
      net.cleanup(() => socket.terminate());
      socket.on('error', () => {});
      return new Promise((resolve) => {
        socket.once('open', () => resolve(socket));
        socket.once('unexpected-response', (_request, response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
      });
    }

    test('WebSockets pass hooks on their way, and closing closes them with 1001 [@fastify/http-proxy; RFC 6455 7.4.1]', async ({
      net,
    }) => {
      const upstream = await echoingSockets(net);
      const app = make();
      await app.register(sluiceway, {
        prefix: '/sockets',
        upstream,
        websocket: true,
        preHandler: async (request, reply) => {
          if (request.headers.authorization === undefined) return reply.code(401).send();
          return undefined;
        },
      });
      app.get('/own', async () => 'own');
      const port = await start(net, app);
      expect(await open(net, `ws://127.0.0.1:${port}/sockets/a`)).toBe(401);
      const socket = await open(net, `ws://127.0.0.1:${port}/sockets/a`, { authorization: 'x' });
      if (typeof socket === 'number') throw new Error(`There was no WebSocket, but ${socket}`);
      const reply = once(socket, 'message');
      socket.send('hello');
      expect(String((await reply)[0])).toBe('hello');
      const ended = once(socket, 'close');
      await app.close();
      expect((await ended)[0]).toBe(1001);
    });

    test('what asks for an upgrade elsewhere is answered by its route, or left to whoever else listens [@fastify/http-proxy]', async ({
      net,
    }) => {
      const upstream = await echoingSockets(net);
      const app = make();
      await app.register(sluiceway, { prefix: '/sockets', upstream, websocket: true });
      app.get('/own', async () => 'own');
      const port = await start(net, app);
      const ask = ['Connection: Upgrade', 'Upgrade: websocket'];
      for (const [path, status] of [
        ['/own', 200],
        ['/none', 404],
      ] as const) {
        const client = await net.client(port);
        await client.get(path, ask);
        expect((await client.readResponse()).head.status).toBe(status);
        client.close();
      }
      const others = new WebSocketServer({ noServer: true });
      app.server.on('upgrade', (request, socket, head) => {
        if (request.url === '/other') others.handleUpgrade(request, socket, head, (it) => it.close(4000));
      });
      const other = await open(net, `ws://127.0.0.1:${port}/other`);
      if (typeof other === 'number') throw new Error(`There was no WebSocket, but ${other}`);
      expect((await once(other, 'close'))[0]).toBe(4000);
      expect(await open(net, `ws://127.0.0.1:${port}/sockets/a`)).toBeInstanceOf(WebSocket);
    });
  });

  describe('reply.streamFrom', () => {
    const loopback = { addresses: 'any' } as const;

    test('answers with the file at a URL, for GET and HEAD, and passes failures to the error handler [@fastify/reply-from]', async ({
      net,
    }) => {
      const origin = await net.origin(respondWith((head) => sized(head.target, ['Set-Cookie: a=1'])));
      const gone = await startServer();
      await gone.stop();
      const app = make();
      await app.register(streamFrom, loopback);
      app.get('/good', (_request, reply) => {
        reply.streamFrom(`${origin.url}/file`);
      });
      app.get('/gone', async (_request, reply) => reply.streamFrom(`http://127.0.0.1:${gone.port}/secret`));
      app.get('/guarded', async (_request, reply) => reply.streamFrom(`${origin.url}/file`, {}));
      const client = await net.client(await start(net, app));
      await client.get('/good');
      const { head, content } = await client.readResponse();
      expect([head.status, content.toString(), head.has('set-cookie')]).toEqual([200, '/file', false]);
      await client.send('HEAD /good HTTP/1.1\r\nHost: t\r\n\r\n');
      expect((await client.readResponse({ method: 'HEAD' })).head.contentLength).toBe(5);
      await client.get('/gone');
      const failed = await client.readResponse();
      expect(failed.head.status).toBe(502);
      expect(failed.content.toString()).not.toMatch(/secret|127/);
      await client.get('/guarded');
      expect((await client.readResponse()).head.status).toBe(403);
    });

    test('options that are not valid fail the registration [Sluiceway]', async () => {
      const app = make();
      await expect(app.register(streamFrom, { timeout: 1 } as object)).rejects.toBeInstanceOf(OptionsError);
      await app.close();
    });
  });
});

test('requests that tests inject pass as others do, and their transfers end [Fastify]', async ({ net }) => {
  const script: OriginScript = async (connection) => {
    for (;;) {
      const { head, content } = await connection.readRequest();
      if (head.target === '/cut') {
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
        connection.end();
        return;
      }
      if (head.method === 'HEAD') await connection.write('HTTP/1.1 200 OK\r\n\r\n');
      else await connection.write(sized(content));
    }
  };
  const origin = await net.origin(script);
  const outcomes: string[] = [];
  const handler = createProxy({
    upstream: origin.url,
    observers: [{ onTransferEnd: ({ outcome }) => void outcomes.push(outcome) }],
  });
  net.cleanup(() => handler.destroy());
  const app = fastify();
  await app.register(sluiceway, { prefix: '/files', handler });
  const uploaded = await app.inject({ method: 'POST', url: '/files/a', payload: { a: 1 } });
  expect([uploaded.statusCode, uploaded.body]).toEqual([200, '{"a":1}']);
  expect((await app.inject({ method: 'HEAD', url: '/files/a' })).statusCode).toBe(200);
  await expect(app.inject('/files/cut')).rejects.toThrow('destroyed before completion');
  await until(() => handler.active === 0, 'all transfers had ended');
  expect(outcomes).toEqual(['completed', 'completed', 'upstream_truncated']);
  await app.close();
});

test('a timeout of handlers covers the time until the head, and not the download [Fastify]', async ({
  net,
}) => {
  const gate = new Gate();
  const script: OriginScript = async (connection) => {
    const { target } = await connection.readHead();
    if (target === '/silent') return;
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nPQ');
    await gate.opened;
    await connection.write('RS');
  };
  const origin = await net.origin(script);
  const app = fastify({ handlerTimeout: 300 });
  let late = false;
  await app.register(sluiceway, { prefix: '/files', upstream: origin.url });
  const port = await start(net, app);
  const [slow, silent] = [await net.client(port), await net.client(port)];
  await slow.get('/files/slow');
  await slow.readThrough('PQ');
  await silent.get('/files/silent');
  expect((await silent.readResponse()).head.status).toBe(503);
  late = true;
  gate.open();
  expect([late, (await slow.readExactly(2)).toString()]).toEqual([true, 'RS']);
});

test('over HTTP/2 content passes both ways [Fastify]', async ({ net }) => {
  const origin = await net.origin(async (connection) => {
    for (;;) {
      const { content } = await connection.readRequest();
      await connection.write(sized(content));
    }
  });
  const app = fastify({ http2: true });
  await app.register(sluiceway, { prefix: '/files', upstream: origin.url });
  await app.listen({ host: '127.0.0.1', port: 0 });
  net.cleanup(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  const client = await net.http2({ port, ca: undefined });
  // On older Node versions Fastify does not close idle sessions by itself.
  net.cleanup(() => client.close());
  const headers = { ':method': 'POST', 'content-type': 'application/json' };
  const response = await client.request('/files/a', { headers, content: Buffer.from('{"a": }') });
  expect([response.status, response.content.toString()]).toEqual([200, '{"a": }']);
});
