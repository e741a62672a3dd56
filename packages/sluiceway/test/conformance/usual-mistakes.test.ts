import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { streamFrom } from '../../src/index.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { connectThrough, faces } from '../support/faces.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RequestHead } from '../support/message-head.js';
import { respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

// What the handlers of tutorials get wrong that fetch a file, copy its fields and pipe its content.
describe.each(faces)('%s by default', (face) => {
  test('sets no time for a whole transfer: a download that takes a day is completed [Go Client; Node]', async ({
    net,
  }) => {
    const STEPS = 1500;
    const time = new StoppedTime(net);
    const next = Array.from({ length: STEPS }, () => new Gate());
    const { client, records } = await connectThrough(net, face, async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${2 * STEPS}\r\n\r\n`);
      for (const gate of next) {
        await gate.opened;
        await connection.write('xy');
      }
    });
    await client.get('/');
    const head = await client.readHead();
    for (const gate of next) {
      // Just within the time that each side may be silent: the origin server, then the client.
      await time.pass(59_000);
      gate.open();
      await client.readExactly(2);
    }
    expect(head.contentLength).toBe(2 * STEPS);
    await until(() => records.length === 1, 'the transfer had ended');
    expect(records[0]).toMatchObject({ outcome: 'completed', durationMs: STEPS * 59_000 });
  });

  test('waits a minute for a head, and answers 504 then [Go Transport]', async ({ net }) => {
    const time = new StoppedTime(net);
    const { client, origin, records } = await connectThrough(net, face, async (connection) => {
      await connection.readHead();
      await connection.closed;
    });
    await client.get('/');
    await until(() => (origin.connections[0]?.bytesRead ?? 0) > 0, 'the request had come');
    await time.pass(59_999);
    expect(records).toEqual([]);
    await time.pass(1);
    expect((await client.readResponse()).head.status).toBe(504);
  });

  test('waits a minute for more content, and ends the transfer visibly then [Go Transport]', async ({
    net,
  }) => {
    const time = new StoppedTime(net);
    const { client, records } = await connectThrough(net, face, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
      await connection.closed;
    });
    await client.get('/');
    const head = await client.readHead();
    await until(() => client.bytesRead > head.raw.length, 'content had come');
    await time.pass(59_999);
    expect(records).toEqual([]);
    await time.pass(1);
    expect(await client.readContent(head)).toMatchObject({ complete: false, contentLength: 4 });
  });

  test.for([
    '203 Non-Authoritative Information',
    '206 Partial Content',
    '400 Bad Request',
    '401 Unauthorized',
    '404 Not Found',
    '410 Gone',
    '412 Precondition Failed',
    '416 Range Not Satisfiable',
    '429 Too Many Requests',
    '500 Internal Server Error',
    '503 Service Unavailable',
  ])(
    'passes a %s with its content and Retry-After, no error of its own [Go Client]',
    async (status, { net }) => {
      const { client, records } = await connectThrough(
        net,
        face,
        respondWith(sized('its content', ['Retry-After: 7', 'Content-Type: text/x'], `HTTP/1.1 ${status}`)),
      );
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.startLine).toBe(`HTTP/1.1 ${status}`);
      expect(response.head.get('retry-after')).toBe('7');
      expect(response.head.get('content-type')).toBe('text/x');
      expect(response.content.toString()).toBe('its content');
      await until(() => records.length === 1, 'the transfer had ended');
      expect(records[0]).toMatchObject({ outcome: 'completed', error: null });
    },
  );

  test.for(['Content-Length: 1000000', 'Transfer-Encoding: chunked'])(
    'never ends content (%s) cleanly that broke off, and writes nothing after it [Go ReverseProxy; Node]',
    async (framing, { net }) => {
      const { client, records } = await connectThrough(net, face, async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`);
        if (framing.includes('chunked')) await connection.write('f4240\r\n');
        await connection.writeSeeded('mistakes', 0, 500_000);
        connection.end();
      });
      await client.get('/');
      const response = await client.readResponse();
      expect(response.complete).toBe(false);
      // The reset can discard what this client has not read yet.
      expect(response.contentLength).toBeLessThanOrEqual(500_000);
      expect(isSeeded('mistakes', 0, response.content)).toBe(true);
      expect((await client.readUntilClose()).bytes.length).toBe(0);
      await until(() => records.length === 1, 'the transfer had ended');
      expect(records[0]).toMatchObject({ outcome: 'upstream_truncated' });
    },
  );

  test('lets go of the origin server when the client leaves [Go ReverseProxy; Node]', async ({ net }) => {
    const { client, origin, records } = await connectThrough(net, face, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
      await connection.writeSeeded('mistakes', 0, 1e9);
    });
    await client.get('/');
    await client.readHead();
    await client.readExactly(1000);
    client.close();
    await origin.connections[0]?.closed;
    await until(() => records.length === 1, 'the transfer had ended');
    expect(records[0]).toMatchObject({ outcome: 'client_aborted' });
  });

  test('asks for no content coding that the client did not ask for [Go Transport; undici]', async ({
    net,
  }) => {
    const seen: RequestHead[] = [];
    const { client } = await connectThrough(
      net,
      face,
      respondWith((head) => {
        seen.push(head);
        return sized('');
      }),
    );
    for (const lines of [[], ['Accept-Encoding: br;q=0.5, GZIP']]) {
      await client.get('/', lines);
      await client.readResponse();
    }
    expect(seen.map((head) => head.getAll('accept-encoding'))).toEqual([[], ['br;q=0.5, GZIP']]);
  });

  test('decodes nothing: coded content keeps its bytes, its length, its coding and its ETag [Go Transport; undici]', async ({
    net,
  }) => {
    const coded = gzipSync(seededBytes('mistakes', 0, 100_000));
    const { client } = await connectThrough(
      net,
      face,
      respondWith(
        sized(coded, ['Content-Encoding: gzip', 'ETag: "of-the-coded"', 'Cache-Control: no-transform']),
      ),
    );
    for (const lines of [[], ['Accept-Encoding: gzip'], ['Accept-Encoding: identity']]) {
      await client.get('/', lines);
      const response = await client.readResponse();
      expect(response.head.get('content-encoding')).toBe('gzip');
      expect(response.head.get('etag')).toBe('"of-the-coded"');
      expect(response).toMatchObject({ delimitedBy: 'length', complete: true, contentLength: coded.length });
      expect(isSeeded('mistakes', 0, gunzipSync(response.content))).toBe(true);
    }
  });

  test('has the head with the client before any content comes [Go ReverseProxy]', async ({ net }) => {
    const seen = new Gate();
    const { client } = await connectThrough(net, face, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n');
      await seen.opened;
      await connection.write('late');
    });
    await client.get('/');
    const head = await client.readHead();
    seen.open();
    expect((await client.readContent(head)).content.toString()).toBe('late');
  });
});

test('calls of streamFrom share their connections, however often their options are written out [Go Client]', async ({
  net,
}) => {
  const origin = await net.origin(respondWith(sized('content')));
  const running = await startServer((request, response) => {
    void streamFrom(request, response, `${origin.url}/file`, {
      addresses: 'any',
      timeouts: { responseHead: '9s' },
    });
  });
  net.cleanup(() => running.stop());
  for (let i = 0; i < 10; i += 1) {
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('content');
  }
  expect(origin.total).toBe(1);
});

test('a handler that answers by itself after streamFrom has failed finds its head unsent [Go ReverseProxy]', async ({
  net,
}) => {
  const origin = await net.origin((connection) => connection.destroy());
  const running = await startServer((request, response) => {
    streamFrom(request, response, origin.url, { addresses: 'any', errors: 'throw' }).catch(() => {
      response.writeHead(404).end('not here');
    });
  });
  net.cleanup(() => running.stop());
  const client = await net.client(running);
  await client.get('/');
  const response = await client.readResponse();
  expect(response.head.status).toBe(404);
  expect(response.content.toString()).toBe('not here');
});
