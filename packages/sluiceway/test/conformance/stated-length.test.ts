import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { http2Line } from '../support/http2-line.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, through, toChunk } from '../support/through.js';

/** A part in chunks: only its `Content-Range` says how long it is. */
const part = (range = 'bytes 5-9/20', lines: readonly string[] = [], trailers: readonly string[] = []) =>
  chunked(['56789'], [`Content-Range: ${range}`, ...lines], trailers)
    .toString('latin1')
    .replace('200 OK', '206 Partial Content');

describe('a part (206) in chunks gets the length that its Content-Range states', () => {
  test.for(['bytes 5-9/20', 'bytes 5-9/*'])('(%s) [RFC 9110 8.6; Sluiceway]', async (range, { net }) => {
    const { client } = await through(net, respondWith(part(range)));
    for (const version of ['1.1', '1.0']) {
      await client.send(`GET / HTTP/${version}\r\nHost: test\r\nConnection: keep-alive\r\n\r\n`);
      const response = await client.readResponse();
      expect(response).toMatchObject({ complete: true, delimitedBy: 'length' });
      expect(response.head.get('content-length')).toBe('5');
      expect(response.head.has('transfer-encoding')).toBe(false);
      expect(response.content.toString()).toBe('56789');
    }
  });

  test('over HTTP/2 and with a hook too [RFC 9113 8.1.1]', async ({ net }) => {
    const { client } = await http2Line(net, respondWith(part()), { onUpstreamResponse: () => {} });
    expect((await client.get('/')).fields).toMatchObject({ 'content-length': '5' });
  });

  test('but none where trailers are announced, which need content without one [RFC 9112 7.1.2]', async ({
    net,
  }) => {
    const { client } = await through(net, respondWith(part(undefined, ['Trailer: X-T'], ['X-T: 1'])));
    await client.get('/', ['TE: trailers', 'Connection: TE']);
    const { head, complete, delimitedBy } = await client.readResponse();
    expect([complete, delimitedBy, head.has('trailer')]).toEqual([true, 'chunked', true]);
  });

  test('and is cut inside it where the origin server sends less [RFC 9112 8]', async ({ net }) => {
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(
        'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/20\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
      await connection.write(toChunk('56'));
      await connection.write('0\r\n\r\n');
      await connection.closed;
    });
    await client.get('/');
    expect(await client.readResponse()).toMatchObject({ complete: false, delimitedBy: 'length' });
    expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated' });
  });

  test('but none where a coding makes the range that of other bytes [RFC 9110 15.3.7]', async ({ net }) => {
    const { client } = await through(net, respondWith(part(undefined, ['Content-Encoding: gzip'])));
    await client.get('/');
    expect(await client.readResponse()).toMatchObject({ complete: true, delimitedBy: 'chunked' });
  });
});
