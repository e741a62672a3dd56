import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { describe, expect } from 'vitest';
import { sluiceway } from '../../src/fastify.js';
import { createProxy, SluicewayError } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { OriginScript } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';
import { echo, mounted, start, VERSIONS } from './fastify-app.js';

describe.each(VERSIONS)('Fastify %s', (_version, make) => {
  test('a failure before the head goes to the error handler, with a status, and tells a client nothing inside; the log tells all [Fastify]', async ({
    net,
  }) => {
    const lines: string[] = [];
    const refused = await startServer();
    await refused.stop();
    const { client, port } = await mounted(
      net,
      make,
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
      make,
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
    const { client } = await mounted(net, make, script, { prefix: '/files' }, (app) => {
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
    const { app, client } = await mounted(net, make, script, { prefix: '/files' });
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
