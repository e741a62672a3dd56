import { createServer as createHttp2Server } from 'node:http2';
import * as server from '@hono/node-server';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { compress } from 'hono/compress';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { secureHeaders } from 'hono/secure-headers';
import { timeout } from 'hono/timeout';
import * as server1 from 'hono-server1';
import { describe, expect, vi } from 'vitest';
import { streamFrom, toHono } from '../../src/hono.js';
import { createProxy, type ProxyOptions, type TransferRecord } from '../../src/index.js';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RawClient } from '../support/raw-client.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';
import { listen } from './adapter-under-test.js';

const versions: [name: string, createAdaptorServer: typeof server.createAdaptorServer][] = [
  ['node-server 2', server.createAdaptorServer],
  ['node-server 1.19.1', server1.createAdaptorServer],
];

interface Line {
  client: RawClient;
  port: number;
  records: TransferRecord[];
}

/** An application of Hono with middleware around a proxy. */
async function behind(
  net: Network,
  script: OriginScript,
  middleware: readonly MiddlewareHandler[],
  options: {
    createAdaptorServer?: typeof server.createAdaptorServer;
    proxy?: Partial<ProxyOptions<Context>>;
  } = {},
): Promise<Line> {
  const { createAdaptorServer = server.createAdaptorServer } = options;
  const origin = await net.origin(script);
  const records: TransferRecord[] = [];
  const proxy = createProxy<Context>({
    upstream: origin.url,
    ...options.proxy,
    observers: [{ onTransferEnd: (record) => void records.push(record) }],
  });
  net.cleanup(() => proxy.destroy());
  const app = new Hono();
  for (const each of middleware) app.use(each);
  app.all('*', toHono(proxy));
  const running = await listen(createAdaptorServer({ fetch: app.fetch }));
  net.cleanup(() => running.close());
  return { client: await net.client(running.port), port: running.port, records };
}

describe.each(versions)('middleware of Hono on %s', (_, createAdaptorServer) => {
  test('where there is none, node-server sends no second head [Hono]', async ({ net }) => {
    const logged = vi.spyOn(console, 'error').mockReturnValue();
    net.cleanup(() => logged.mockRestore());
    const { client } = await behind(net, respondWith(sized('file')), [], { createAdaptorServer });
    for (let i = 0; i < 2; i += 1) {
      await client.get('/');
      expect((await client.readResponse()).content.toString()).toBe('file');
    }
    expect(logged).not.toHaveBeenCalled();
  });

  test('adds what it has set before to the response, and the connection goes on [Hono]', async ({ net }) => {
    const logged = vi.spyOn(console, 'error').mockReturnValue();
    net.cleanup(() => logged.mockRestore());
    const setsCookies: MiddlewareHandler = async (c, next) => {
      c.header('X-From', 'middleware');
      c.header('Set-Cookie', 'a=1', { append: true });
      c.header('Set-Cookie', 'b=2', { append: true });
      c.header('Vary', 'Origin');
      c.header('Content-Type', 'text/html');
      await next();
    };
    const script = respondWith(
      sized('file', ['Content-Type: image/png', 'X-From: origin', 'Set-Cookie: c=3', 'Vary: Accept']),
    );
    const around = [cors({ origin: 'https://app.test' }), setsCookies];
    const { client } = await behind(net, script, around, { createAdaptorServer });
    for (let i = 0; i < 2; i += 1) {
      await client.get('/', ['Origin: https://app.test']);
      const { head, content, complete } = await client.readResponse();
      expect([head.status, content.toString(), complete]).toEqual([200, 'file', true]);
      expect(head.get('access-control-allow-origin')).toBe('https://app.test');
      expect(head.get('x-from')).toBe('middleware');
      expect(head.get('content-type')).toBe('image/png');
      expect(head.lines.filter((line) => /^vary/i.test(line))).toHaveLength(2);
      const cookies = head.lines.filter((line) => /^set-cookie/i.test(line)).map((line) => line.slice(-3));
      expect(cookies.toSorted()).toEqual(['a=1', 'b=2', 'c=3']);
      expect(head.lines.some((line) => line.includes('hono-already-sent'))).toBe(false);
    }
    // Of a second head, which node-server would have sent.
    expect(logged).not.toHaveBeenCalled();
  });

  test('that changes responses afterwards does no harm, and sees the status that was sent [Hono]', async ({
    net,
  }) => {
    const seen: number[] = [];
    const looks: MiddlewareHandler = async (c, next) => {
      await next();
      seen.push(c.res.status);
      c.res.headers.set('X-Late', '1');
    };
    const content = seededBytes('hono', 0, 200_000);
    const lines = ['Content-Type: text/html', 'ETag: "v1"'];
    const script = respondWith((head) =>
      head.target === '/gone' ? sized('no', [], 'HTTP/1.1 410 Gone') : sized(content, lines),
    );
    const around = [looks, secureHeaders(), etag(), compress()];
    const { client } = await behind(net, script, around, { createAdaptorServer });
    await client.get('/', ['Accept-Encoding: gzip']);
    const { head, content: received } = await client.readResponse();
    expect([received.equals(content), head.get('content-encoding'), head.get('etag')]).toEqual([
      true,
      undefined,
      '"v1"',
    ]);
    await client.get('/gone');
    expect((await client.readResponse()).head.status).toBe(410);
    await until(() => seen.length === 2, 'the middleware had seen both');
    expect(seen).toEqual([200, 410]);
  });

  test('that gives up on a file under way never adds to it, and the client sees that it is cut [Hono; Go ReverseProxy]', async ({
    net,
  }) => {
    const logged = vi.spyOn(console, 'error').mockReturnValue();
    net.cleanup(() => logged.mockRestore());
    const givesUp = new Gate();
    const races: MiddlewareHandler = async (_c, next) => {
      await Promise.race([next(), givesUp.opened.then(() => Promise.reject(new Error('given up')))]);
    };
    const begun = seededBytes('begun', 0, 1000);
    const script: OriginScript = async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 1010\r\n\r\n');
      await connection.write(begun);
      await connection.closed;
    };
    const { client, records } = await behind(net, script, [races], { createAdaptorServer });
    await client.get('/');
    const head = await client.readHead();
    expect((await client.readExactly(1000)).equals(begun)).toBe(true);
    givesUp.open();
    const rest = await client.readUntilClose();
    expect([head.contentLength, rest.bytes.toString()]).toEqual([1010, '']);
    await until(() => records.length === 1, 'the transfer had ended');
  });

  test('that times out before the head answers, and the origin server is left [Hono]', async ({ net }) => {
    const waits: OriginScript = async (connection) => {
      await connection.readHead();
      await connection.closed;
    };
    const { client, records } = await behind(net, waits, [timeout(50)], { createAdaptorServer });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(504);
    await until(() => records.length === 1, 'the transfer had ended');
    expect(records[0]?.status).toBe(null);
  });
});

describe('in Hono', () => {
  test('a head that cannot be sent is answered for by the error handler, and the connection goes on [Hono]', async ({
    net,
  }) => {
    const { client } = await behind(net, respondWith(sized('x')), [], {
      proxy: {
        onUpstreamResponse({ response }) {
          response.status = 100;
        },
      },
    });
    for (let i = 0; i < 2; i += 1) {
      await client.get('/');
      const { head, complete } = await client.readResponse();
      expect([head.status >= 500, complete]).toEqual([true, true]);
    }
  });

  test('hooks have the context, with variables of the application [Hono]', async ({ net }) => {
    const seen: unknown[] = [];
    const setsUser: MiddlewareHandler = async (c, next) => {
      c.set('user', 'ann');
      await next();
    };
    const { client } = await behind(net, respondWith(sized('x')), [setsUser], {
      proxy: {
        onRequest: ({ request: { context } }) => void seen.push(context.get('user'), context.req.path),
      },
    });
    await client.get('/a?b');
    await client.readResponse();
    expect(seen).toEqual(['ann', '/a']);
  });

  test('without a request of Node’s an error names what is for other hosts [Hono]', async () => {
    const proxy = createProxy({ upstream: 'http://127.0.0.1:9' });
    const errors: Error[] = [];
    const app = new Hono();
    app.get('/proxy', toHono(proxy));
    app.get('/file', (c) => streamFrom(c, 'http://127.0.0.1:9/'));
    app.onError((error, c) => {
      errors.push(error);
      return c.text('', 500);
    });
    for (const path of ['/proxy', '/file']) expect((await app.request(path)).status).toBe(500);
    for (const { message } of errors) expect(message).toContain('sluiceway/fetch');
    expect(errors).toHaveLength(2);
    proxy.destroy();
  });

  test('a server of HTTP/2 is served too [RFC 9113 8.1]', async ({ net }) => {
    const origin = await net.origin(respondWith((head) => sized(head.target)));
    const proxy = createProxy({ upstream: origin.url });
    net.cleanup(() => proxy.destroy());
    const app = new Hono().all('*', toHono(proxy));
    const running = await listen(
      server.createAdaptorServer({ fetch: app.fetch, createServer: createHttp2Server }),
    );
    net.cleanup(() => running.close());
    const client = await net.http2({ ...running, ca: undefined });
    const { status, content } = await client.get('/a?b');
    expect([status, content.toString()]).toEqual([200, '/a?b']);
  });
});
