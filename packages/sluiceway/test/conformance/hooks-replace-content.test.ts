import { Readable } from 'node:stream';
import { describe, expect } from 'vitest';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized, through } from '../support/through.js';

const DESCRIBED = [
  'ETag: "old"',
  'Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT',
  'Content-Encoding: gzip',
  'Content-Range: bytes 0-2/3',
  'Accept-Ranges: bytes',
  'Content-MD5: x',
  'Content-Digest: sha-256=:x:',
  'Repr-Digest: sha-256=:x:',
  'Digest: x',
];

/** What replaces the content, what the client gets, and how that is delimited. */
const REPLACEMENTS: [string, () => string | Buffer | Readable, string, 'length' | 'chunked'][] = [
  ['a string', () => 'n\u20acw', 'n\u20acw', 'length'],
  ['bytes', () => Buffer.from('new'), 'new', 'length'],
  ['nothing', () => '', '', 'length'],
  ['a stream', () => Readable.from(['n', 'e', 'w']), 'new', 'chunked'],
];

describe('onUpstreamResponse', () => {
  test.for(REPLACEMENTS)(
    'may replace the content with %s, and what described the old goes away [Go ReverseProxy; RFC 9110 8]',
    async ([, content, expected, delimitedBy], { net }) => {
      for (const answer of [
        sized('old', DESCRIBED),
        chunked(['old'], [...DESCRIBED, 'Trailer: X-T'], ['X-T: 1']),
      ]) {
        const { client, origin } = await through(net, respondWith(answer), {
          onUpstreamResponse: ({ response }) => void (response.content = content()),
        });
        for (let i = 0; i < 2; i++) {
          await client.get('/');
          const response = await client.readResponse();
          expect(response.head.status).toBe(200);
          expect(response.content.toString()).toBe(expected);
          expect(response).toMatchObject({ complete: true, delimitedBy });
          for (const line of DESCRIBED)
            expect(response.head.has(line.split(':', 1)[0] as string), line).toBe(false);
        }
        // The old content was not read, so its connection is of no use.
        expect(origin.total).toBeGreaterThan(0);
      }
    },
  );

  test('may replace content that never ends, and its connection is closed [Caddy]', async ({ net }) => {
    const { client, origin } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${2 ** 40}\r\n\r\n`);
        await connection.write(seededBytes('endless', 0, 1_000_000));
        await connection.readAll();
      },
      { onUpstreamResponse: ({ response }) => void (response.content = 'short') },
    );
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('short');
    await origin.connections[0]?.closed;
  });
});
