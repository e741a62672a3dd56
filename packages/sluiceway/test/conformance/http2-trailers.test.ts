import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Flag, fieldOf } from '../support/frames.js';
import { framesLine } from '../support/http2-line.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized } from '../support/through.js';

describe('trailers over HTTP/2', () => {
  const responses: [string, Uint8Array, string | undefined][] = [
    ['announced', chunked(['content'], ['Trailer: X-T'], ['X-T: 1']), 'X-T'],
    ['not announced', chunked(['content'], [], ['X-T: 1']), undefined],
    ['after no content', chunked([], [], ['X-T: 1']), undefined],
  ];
  test.for(responses)(
    'of a response reach the client: %s [RFC 9113 8.1; RFC 9110 6.5; Go ReverseProxy]',
    async ([, bytes, announced], { net }) => {
      const { frames } = await framesLine(net, respondWith(bytes));
      const response = await frames.readResponse(frames.get('/'));
      expect(response).toMatchObject({ isComplete: true, trailers: [['x-t', '1']] });
      expect(fieldOf(response.lines, 'trailer')).toBe(announced);
    },
  );

  test('of a response that may not change it do not pass, nor do those that Node refuses to send [RFC 9110 6.5.1; RFC 9113 8.2.2]', async ({
    net,
  }) => {
    const { frames } = await framesLine(
      net,
      respondWith(
        chunked(
          ['content'],
          [],
          [
            'Content-Length: 5',
            'Set-Cookie: a=1',
            'Connection: close',
            'Transfer-Encoding: chunked',
            'Upgrade: x',
            'HTTP2-Settings: x',
            'TE: gzip',
            'Keep-Alive: x',
            'X-T: 1',
            'X-T: 2',
            'ETag: "a"',
            'ETag: "b"',
            '__proto__: p',
            'X-Utf8: voil\xc3\xa0',
          ],
        ),
      ),
    );
    const response = await frames.readResponse(frames.get('/'));
    expect(response.isComplete).toBe(true);
    expect(response.trailers).toEqual([
      ['x-t', '1'],
      ['x-t', '2'],
      ['etag', '"a", "b"'],
      ['__proto__', 'p'],
      ['x-utf8', 'voil\xc3\xa0'],
    ]);
  });

  test('of a request reach the origin server, whether it has content or not [RFC 9113 8.1; RFC 9110 6.5]', async ({
    net,
  }) => {
    const seen: string[][] = [];
    const { frames } = await framesLine(net, async (connection) => {
      for (;;) {
        await connection.readHead();
        const { trailers } = await connection.readChunkedContent();
        seen.push(trailers);
        await connection.write(sized('thanks'));
      }
    });
    for (const content of [undefined, 'content']) {
      const stream = frames.get('/', {
        method: 'POST',
        isOpen: true,
        lines: [['trailer', 'x-t']],
        ...(content !== undefined && { content }),
      });
      const lines = [
        ['x-t', '1'],
        ['content-type', 'x/y'],
        ['authorization', 'x'],
        ['x-utf8', 'voil\xc3\xa0'],
      ] as const;
      void frames.headers(stream, lines, Flag.END_HEADERS | Flag.END_STREAM);
      expect((await frames.readResponse(stream)).status).toBe(200);
    }
    expect(seen).toEqual([
      ['x-t: 1', 'x-utf8: voil\xc3\xa0'],
      ['x-t: 1', 'x-utf8: voil\xc3\xa0'],
    ]);
  });

  test('of a request with a Content-Length are let go: HTTP/1.1 has no place for them [RFC 9110 6.5; RFC 9112 7.1.2]', async ({
    net,
  }) => {
    const { frames } = await framesLine(
      net,
      respondWith((_head, content) => sized(content)),
    );
    const stream = frames.get('/', {
      method: 'POST',
      isOpen: true,
      content: 'content',
      lines: [['content-length', '7']],
    });
    void frames.headers(stream, [['x-t', '1']], Flag.END_HEADERS | Flag.END_STREAM);
    expect((await frames.readResponse(stream)).content.toString()).toBe('content');
  });

  test('arrive behind content that is sent while it comes [Go ReverseProxy]', async ({ net }) => {
    const size = 200_000;
    const { frames } = await framesLine(
      net,
      respondWith(chunked([seededBytes('t', 0, size)], ['Trailer: X-T'], ['X-T: end'])),
    );
    const response = await frames.readResponse(frames.get('/'));
    expect(isSeeded('t', 0, response.content) && response.contentLength === size).toBe(true);
    expect(response.trailers).toEqual([['x-t', 'end']]);
  });
});
