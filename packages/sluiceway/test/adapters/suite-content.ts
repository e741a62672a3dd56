import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized, toChunk } from '../support/through.js';
import { until } from '../support/until.js';
import { type AppLine, ended } from './app-line.js';

const SIZE = 300_000;

/** Downloads, uploads, and what breaks off. */
export function testContent(app: AppLine): void {
  describe('a download', () => {
    test('arrives byte for byte with its fields, coded content as it is [RFC 9110 8.4]', async ({ net }) => {
      const content = gzipSync(seededBytes('adapters', 0, SIZE));
      const lines = ['Content-Encoding: gzip', 'ETag: "v1"', 'Accept-Ranges: bytes'];
      const { client } = await app.through(
        net,
        respondWith(() => sized(content, lines)),
      );
      await client.get('/a%2Fb?c=%20');
      const { head, content: received, complete } = await client.readResponse();
      expect([head.status, complete, received.equals(content)]).toEqual([200, true, true]);
      expect(head.contentLength).toBe(content.length);
      for (const line of lines) {
        const [name = '', value] = line.split(': ');
        expect(head.get(name)).toBe(value);
      }
    });

    test('of a path and query asks the origin server for them byte for byte [RFC 9112 3.2.1]', async ({
      net,
    }) => {
      const targets: string[] = [];
      const { client } = await app.through(
        net,
        respondWith((head) => {
          targets.push(head.target);
          return sized('x');
        }),
      );
      for (const target of ['/a%2Fb/%c3%a9?c=%20&c', '/', '/?', "/it's;v=1/(x)?u=http://a/b"]) {
        await client.get(target);
        expect((await client.readResponse()).head.status).toBe(200);
        expect(targets.at(-1)).toBe(target);
      }
    });

    test('of a range is a 206 with its range [RFC 9110 14.2]', async ({ net }) => {
      const { client } = await app.through(
        net,
        respondWith((head) => {
          expect(head.get('range')).toBe('bytes=2-4');
          return sized('cde', ['Content-Range: bytes 2-4/26'], 'HTTP/1.1 206 Partial Content');
        }),
      );
      await client.get('/', ['Range: bytes=2-4']);
      const { head, content } = await client.readResponse();
      expect([head.status, head.get('content-range'), content.toString()]).toEqual([
        206,
        'bytes 2-4/26',
        'cde',
      ]);
    });

    test('asked for by HEAD has the length and no content, and the connection goes on [RFC 9110 9.3.2]', async ({
      net,
    }) => {
      const { client } = await app.through(net, async (connection) => {
        expect((await connection.readHead()).method).toBe('HEAD');
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n');
        await connection.readHead();
        await connection.write(sized('next'));
      });
      await client.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
      const { head } = await client.readResponse({ method: 'HEAD' });
      expect([head.status, head.contentLength]).toEqual([200, 5_000_000_000]);
      await client.get('/');
      expect((await client.readResponse()).content.toString()).toBe('next');
    });

    test('of unknown length arrives whole [RFC 9112 7.1]', async ({ net }) => {
      const content = seededBytes('adapters', 0, SIZE);
      const { client } = await app.through(
        net,
        respondWith(() => chunked([content.subarray(0, 10), content.subarray(10)])),
      );
      await client.get('/');
      const response = await client.readResponse();
      expect(response.complete).toBe(true);
      expect(response.contentLength).toBe(SIZE);
      expect(isSeeded('adapters', 0, response.content)).toBe(true);
    });

    test('of events arrives event by event [WHATWG HTML 9.2]', async ({ net }) => {
      const first = new Gate();
      const { client } = await app.through(net, async (connection) => {
        await connection.readHead();
        await connection.write(chunkedHead('text/event-stream'));
        await connection.write(toChunk('data: 1\n\n'));
        await first.opened;
        await connection.write(toChunk('data: 2\n\n'));
        await connection.write('0\r\n\r\n');
      });
      await client.get('/');
      const head = await client.readHead();
      const parts: string[] = [];
      const reading = client.readContent(head, {
        onContent: (bytes) => {
          parts.push(bytes.toString());
          first.open();
        },
      });
      expect((await reading).complete).toBe(true);
      expect(parts).toEqual(['data: 1\n\n', 'data: 2\n\n']);
    });
  });

  describe('an upload', () => {
    const content = seededBytes('adapters', 0, SIZE);
    const framings: [name: string, field: string, bytes: Buffer][] = [
      ['known', `Content-Length: ${SIZE}`, content],
      ['unknown', 'Transfer-Encoding: chunked', Buffer.concat([toChunk(content), Buffer.from('0\r\n\r\n')])],
    ];
    test.for(framings)(
      'of %s length arrives byte for byte, framed as it came [RFC 9112 6]',
      async ([, field, bytes], { net }) => {
        const seen: [readonly string[], boolean][] = [];
        const line = await app.through(
          net,
          respondWith((head, received) => {
            seen.push([head.lines, isSeeded('adapters', 0, received) && received.length === SIZE]);
            return sized('thanks', [], 'HTTP/1.1 201 Created');
          }),
        );
        const { client } = line;
        await client.send(
          `PUT /up HTTP/1.1\r\nHost: test\r\nContent-Type: application/zip\r\n${field}\r\n\r\n`,
        );
        void client.send(bytes);
        expect((await client.readResponse()).head.status).toBe(201);
        expect(seen).toHaveLength(1);
        expect(seen[0]).toEqual([expect.arrayContaining([field]), true]);
        expect((await ended(line)).bytesUp).toBe(SIZE);
      },
    );
  });

  describe('a client that leaves', () => {
    const phases: [phase: string, head: string, response: string | Buffer][] = [
      ['before the response', 'GET / HTTP/1.1\r\nHost: test\r\n\r\n', ''],
      ['in its upload', 'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf', ''],
      ['in the content', 'GET / HTTP/1.1\r\nHost: test\r\n\r\n', sized('x'.repeat(100)).subarray(0, -1)],
    ];
    test.for(phases)(
      '%s has its origin server left, and no error handler told [Go ReverseProxy; Koa; Express]',
      async ([, request, response], { net }) => {
        const line = await app.through(net, async (connection) => {
          await connection.readHead();
          await connection.write(response);
        });
        const { client, origin, errors } = line;
        await client.send(request);
        if (response === '') await until(() => origin.total === 1, 'the origin server was asked');
        else await client.readHead();
        client.reset();
        expect((await ended(line)).outcome).toBe('client_aborted');
        await origin.connections[0]?.closed;
        expect(errors).toEqual([]);
      },
    );
  });

  describe('a response that breaks off', () => {
    const broken: [framing: string, bytes: string | Buffer][] = [
      ['sized', sized('x'.repeat(100)).subarray(0, -1)],
      ['chunked', `${chunkedHead('text/plain')}64\r\nhalf`],
    ];
    test.for(broken)(
      '%s is broken off for the client as well, and no error handler told [RFC 9112 8]',
      async ([, bytes], { net }) => {
        const line = await app.through(net, async (connection) => {
          await connection.readHead();
          await connection.write(bytes);
          connection.end();
        });
        await line.client.get('/');
        expect((await line.client.readResponse()).complete).toBe(false);
        expect((await ended(line)).outcome).toBe('upstream_truncated');
        expect(line.errors).toEqual([]);
      },
    );
  });
}

/** Where the framework has Node's own response. */
export function testFieldLines(app: AppLine): void {
  test('a download has its field lines as they came, repeated ones too [RFC 9110 5.3]', async ({ net }) => {
    const lines = ['ETag: "v1"', 'X-Twice: 1', 'X-Twice: 2'];
    const { client } = await app.through(
      net,
      respondWith(() => sized('x', lines)),
    );
    await client.get('/');
    const { head } = await client.readResponse();
    for (const line of lines) expect(head.lines).toContain(line);
  });
}

/** Where the framework lets trailers pass. */
export function testTrailers(app: AppLine): void {
  test('a download has its trailers [RFC 9110 6.5]', async ({ net }) => {
    const { client } = await app.through(
      net,
      respondWith(() => chunked(['x'], ['Trailer: X-Checksum'], ['X-Checksum: abc'])),
    );
    await client.get('/', ['TE: trailers', 'Connection: TE']);
    expect((await client.readResponse()).trailers).toEqual(['X-Checksum: abc']);
  });
}

const chunkedHead = (type: string): string =>
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: ${type}\r\n\r\n`;
