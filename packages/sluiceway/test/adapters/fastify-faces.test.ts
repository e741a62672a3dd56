import { once } from 'node:events';
import { describe, expect } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { sluiceway, streamFrom } from '../../src/fastify.js';
import { OptionsError } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { sized } from '../support/through.js';
import { start, VERSIONS } from './fastify-app.js';

describe.each(VERSIONS)('Fastify %s', (_version, make) => {
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
