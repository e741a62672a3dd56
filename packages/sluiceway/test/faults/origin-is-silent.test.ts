import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const LIMIT_MS = 120;
const silent: OriginScript = async (connection) => {
  await connection.readAll();
};

describe.concurrent('an origin server that is silent', () => {
  test.for([
    ['a GET', 'GET / HTTP/1.1\r\nHost: test\r\n\r\n'],
    ['a POST without content', 'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n'],
    ['an upload', 'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello'],
    [
      'a chunked upload',
      'POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    ],
    ['an upgrade', 'GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ] as const)(
    'after %s is answered 504 after responseHead [RFC 9110 15.6.5; Caddy]',
    async ([, request], { net }) => {
      const { client, running, origin } = await through(net, silent, {
        timeouts: { responseHead: LIMIT_MS, upstreamIdle: 10_000 },
      });
      const started = performance.now();
      await client.send(request);
      const response = await client.readResponse();
      expect(response.head.status).toBe(504);
      expect(performance.now() - started).toBeGreaterThanOrEqual(LIMIT_MS - 5);
      expect(await running.record()).toMatchObject({
        outcome: 'upstream_timeout',
        error: 'http_response_timeout',
        status: 504,
      });
      await origin.connections[0]?.closed;
    },
  );

  test('but for interim responses is answered 504 as well [RFC 9110 15.6.5]', async ({ net }) => {
    const { client } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 103 Early Hints\r\n\r\n');
        await connection.readAll();
      },
      { timeouts: { responseHead: LIMIT_MS } },
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.interim).toHaveLength(1);
    expect(response.head.status).toBe(504);
  });

  test('within its head is answered 504 [RFC 9110 15.6.5]', async ({ net }) => {
    const { client } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nX-Half: ');
        await connection.readAll();
      },
      { timeouts: { responseHead: LIMIT_MS } },
    );
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(504);
  });

  test.for([
    ['the head', 'Content-Length: 100\r\n\r\n'],
    ['half of sized content', 'Content-Length: 100\r\n\r\nhalf'],
    ['half a chunk', 'Transfer-Encoding: chunked\r\n\r\nff\r\nhalf'],
    ['a chunk', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ['the last chunk, but before its trailers,', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nX-T'],
    ['some content until close', '\r\nhalf'],
  ] as const)(
    'after %s has the transfer ended visibly after upstreamIdle [nginx; RFC 9112 8]',
    async ([, rest], { net }) => {
      const { client, running, origin } = await through(
        net,
        async (connection) => {
          await connection.readHead();
          await connection.write(`HTTP/1.1 200 OK\r\n${rest}`);
          await connection.readAll();
        },
        { timeouts: { upstreamIdle: LIMIT_MS } },
      );
      await client.get('/');
      const response = await client.readResponse();
      expect(response.complete).toBe(false);
      expect(await running.record()).toMatchObject({
        outcome: 'upstream_stalled',
        error: 'connection_read_timeout',
        status: 200,
      });
      await origin.connections[0]?.closed;
    },
  );

  test('is not blamed for a client whose upload takes longer than every limit of its own [nginx]', async ({
    net,
  }) => {
    const { client } = await through(
      net,
      respondWith((_head, content) => sized(content)),
      { timeouts: { responseHead: 4 * LIMIT_MS, upstreamIdle: LIMIT_MS } },
    );
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\n');
    for (const byte of 'upload') {
      await new Promise((resolve) => setTimeout(resolve, LIMIT_MS));
      await client.send(byte);
    }
    expect((await client.readResponse()).content.toString()).toBe('upload');
  });
});

describe.concurrent('an origin server that trickles', () => {
  test('its head byte by byte has until responseHead for all of it [RFC 9110 15.6.5]', async ({ net }) => {
    const { client } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        for (const byte of `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(1000)}`) {
          await connection.write(byte);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      },
      { timeouts: { responseHead: LIMIT_MS } },
    );
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(504);
  });
});
