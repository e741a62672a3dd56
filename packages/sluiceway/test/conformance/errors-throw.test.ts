import { describe, expect } from 'vitest';
import { createProxy, SluicewayError } from '../../src/index.js';
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
});
