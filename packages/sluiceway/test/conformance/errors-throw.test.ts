import { describe, expect } from 'vitest';
import { createProxy, type HandleContext, SluicewayError } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { startServer } from '../support/servers.js';

describe("errors: 'throw'", () => {
  test('rejects with nothing written while the head is unsent, and breaks off afterwards [Caddy]', async ({
    net,
  }) => {
    const origin = await net.origin(async (connection) => {
      const { target } = await connection.readHead();
      if (target === '/late') await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      connection.end();
    });
    const proxy = createProxy({ upstream: origin.url, errors: 'throw' });
    const settled: unknown[] = [];
    const running = await startServer((request, response) => {
      proxy.handle(request, response).then(
        (outcome) => settled.push(outcome),
        (error: unknown) => {
          settled.push(error instanceof SluicewayError ? error.code : error);
          expect(response.headersSent).toBe(false);
          response.statusCode = 599;
          response.end('the framework says');
        },
      );
    });
    net.cleanup(async () => {
      proxy.destroy();
      await running.stop();
    });
    const client = await net.client(running);
    await client.get('/early');
    const response = await client.readResponse();
    expect(response.head.status).toBe(599);
    expect(response.content.toString()).toBe('the framework says');
    await client.get('/late');
    expect((await client.readResponse()).complete).toBe(false);
    await client.closed;
    expect(settled).toEqual(['connection_terminated', 'upstream_truncated']);
  });

  test('tells the caller which fields belong to the answer, and none that describes its content [Go ReverseProxy]', async ({
    net,
  }) => {
    const origin = await net.origin(() => {});
    const proxy = createProxy({
      upstream: origin.url,
      errors: 'throw',
      requestId: true,
      headers: {
        response: { set: { 'Content-Language': 'de', 'X-Served-By': 'edge' }, remove: ['Proxy-Status'] },
      },
    });
    await proxy.close();
    const running = await startServer((request, response) => {
      const onThrow: HandleContext['onThrow'] = ({ status, headers }) => {
        expect(response.headersSent).toBe(false);
        response.writeHead(status, [...headers.raw]);
      };
      proxy.handle(request, response, { onThrow }).catch(() => response.end('stopped'));
    });
    net.cleanup(() => running.stop());
    const client = await net.client(running);
    await client.get('/');
    const { head, content } = await client.readResponse();
    expect([head.status, content.toString()]).toEqual([503, 'stopped']);
    expect(head.get('retry-after')).toMatch(/^\d+$/);
    expect(head.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
    expect(head.get('x-served-by')).toBe('edge');
    for (const name of ['content-type', 'content-language', 'proxy-status'])
      expect(head.get(name)).toBeUndefined();
  });
});
