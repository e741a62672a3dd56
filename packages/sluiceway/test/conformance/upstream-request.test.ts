import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect } from 'vitest';
import { createProxy } from '../../src/index.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const MiB = 1024 * 1024;

test('an upload of 1 MiB reaches the origin server byte for byte, and the answer the client [Go ReverseProxy]', async ({
  net,
}) => {
  const { client } = await through(
    net,
    respondWith((head, content) => {
      expect(head.startLine).toBe('POST /form HTTP/1.1');
      expect(head.get('content-type')).toBe('application/octet-stream');
      expect(isSeeded('post', 0, content)).toBe(true);
      return sized(`${content.length}`, [], 'HTTP/1.1 201 Created');
    }),
  );
  void client.send(
    `POST /form HTTP/1.1\r\nHost: test\r\nContent-Type: application/octet-stream\r\nContent-Length: ${MiB}\r\n\r\n`,
  );
  void client.send(seededBytes('post', 0, MiB));
  const response = await client.readResponse();
  expect(response.head.status).toBe(201);
  expect(response.content.toString()).toBe(String(MiB));
});

test("the application's own request object is the same after the transfer as before [Go ReverseProxy]", async ({
  net,
}) => {
  const origin = await net.origin(respondWith(sized('')));
  const proxy = createProxy({
    upstream: `${origin.url}/base`,
    onUpstreamRequest: ({ upstreamRequest }) => {
      upstreamRequest.headers.set('X-A', 'ours').delete('Cookie');
      upstreamRequest.method = 'REPORT';
      upstreamRequest.path = '/elsewhere';
    },
  });
  const seen: unknown[] = [];
  const server = createServer((request, response) => {
    const look = () => {
      const { method, url, headers, rawHeaders, headersDistinct } = request;
      seen.push(structuredClone({ method, url, headers, rawHeaders, headersDistinct }));
    };
    look();
    void proxy.handle(request, response).then(look);
  });
  net.cleanup(async () => {
    proxy.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = await net.client((server.address() as AddressInfo).port);
  await client.get('/path?query', [
    'X-A: theirs',
    'Cookie: a=1',
    'X-Hop: 1',
    'Connection: X-Hop',
    'TE: gzip',
  ]);
  await client.readResponse();
  await expect.poll(() => seen.length).toBe(2);
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[0]).toMatchObject({ method: 'GET', url: '/path?query', headers: { 'x-hop': '1' } });
  expect(seen[0]).not.toHaveProperty('headers.x-forwarded-for');
});

test('a hook gets empty fields of a request without any, and may add to them [Go ReverseProxy]', async ({
  net,
}) => {
  let size: number | undefined;
  const { client } = await through(
    net,
    respondWith((head) => sized(head.getAll('x-added').join())),
    {
      onUpstreamRequest: ({ request, upstreamRequest }) => {
        size = request.headers.size;
        upstreamRequest.headers.set('X-Added', 'yes');
      },
    },
  );
  await client.send('GET / HTTP/1.0\r\n\r\n');
  expect((await client.readResponse()).content.toString()).toBe('yes');
  expect(size).toBe(0);
});

test('a request that is sent again, on a fresh connection, is the same: nothing is added twice [Caddy]', async ({
  net,
}) => {
  const heads: string[] = [];
  const { client } = await through(
    net,
    async (connection) => {
      if (connection.index === 0) {
        await connection.readHead();
        await connection.write(sized('first'));
        heads.push((await connection.readHead()).raw);
        connection.reset();
        return;
      }
      heads.push((await connection.readHead()).raw);
      await connection.write(sized('second'));
      await connection.readAll();
    },
    {
      name: 'us',
      onUpstreamRequest: ({ upstreamRequest }) => void upstreamRequest.headers.append('X-Added', 'once'),
    },
  );
  await client.get('/');
  await client.readResponse();
  await client.get('/again?q', ['Via: 1.1 before', 'X-Forwarded-For: 192.0.2.1', 'TE: trailers']);
  expect((await client.readResponse()).content.toString()).toBe('second');
  expect(heads).toHaveLength(2);
  expect(heads[1]).toBe(heads[0]);
  expect(heads[0]?.match(/X-Added: once\r\n/g)).toHaveLength(1);
});

describe('an HTTP/1.1 client', () => {
  test('may send an empty line before its request [RFC 9112 2.2]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith((head) => sized(head.startLine)),
    );
    for (let i = 0; i < 2; i++) {
      await client.send('\r\nGET /x HTTP/1.1\r\nHost: test\r\n\r\n');
      expect((await client.readResponse()).content.toString()).toBe('GET /x HTTP/1.1');
    }
  });

  test('may send its request byte by byte [RFC 9112 2.2]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith((head, content) => sized(`${head.startLine} ${content.toString()}`)),
    );
    for (const byte of 'POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello')
      await client.send(byte);
    expect((await client.readResponse()).content.toString()).toBe('POST /x HTTP/1.1 hello');
  });
});

describe('content that a hook sets', () => {
  test.for([
    ['a string', 'caf\u00e9', 5],
    ['bytes', Buffer.from('12'), 2],
    ['nothing', '', 0],
  ] as const)(
    "takes the place of the client's, with its length: %s [http-proxy]",
    async ([, content, length], { net }) => {
      const { client, running } = await through(
        net,
        respondWith((head, bytes) => sized(`${head.get('content-length')} ${bytes.length}`)),
        {
          onUpstreamRequest({ upstreamRequest }) {
            upstreamRequest.content = content;
          },
        },
      );
      await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\nclient');
      const { content: told } = await client.readResponse();
      expect(told.toString()).toMatch(new RegExp(`^(?:${length}|undefined) ${length}$`));
      // What the client has sent is no part of the next request.
      const next = await net.client(running);
      await next.get('/');
      expect((await next.readResponse()).head.status).toBe(200);
    },
  );
});
