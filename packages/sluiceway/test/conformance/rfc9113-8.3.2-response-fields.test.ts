import { describe, expect } from 'vitest';
import { type Network, test } from '../support/fixture.js';
import { fieldOf } from '../support/frames.js';
import type { FramesResponse } from '../support/frames-client.js';
import type { FieldLine } from '../support/hpack.js';
import { framesLine, type Http2LineOptions } from '../support/http2-line.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized } from '../support/through.js';

const OBS_TEXT = Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i)).join('');
/** `à` ends with the byte that Latin-1 takes for a space. */
const UTF8_NAME = Buffer.from('attachment; filename=voilà', 'utf8').toString('latin1');

/** What a client gets where the origin server writes this. */
async function received(
  net: Network,
  bytes: string | Uint8Array,
  options: Http2LineOptions & { method?: string } = {},
): Promise<FramesResponse> {
  const { method = 'GET', ...rest } = options;
  const { frames } = await framesLine(net, respondWith(bytes), { name: 'us', ...rest });
  return frames.readResponse(frames.get('/', { method }));
}

const namesOf = (lines: readonly FieldLine[]): string[] => lines.map(([name]) => name);

describe('fields of an HTTP/2 response', () => {
  test('are those of the origin server in lower case, repeats kept, with Via [RFC 9113 8.2; RFC 9110 7.6.3]', async ({
    net,
  }) => {
    const { lines } = await received(
      net,
      sized('content', [
        'X-B: 1',
        'DATE: Thu, 01 Jan 1970 00:00:00 GMT',
        'Set-Cookie: a=1; Path=/, but not two',
        'set-cookie: b=2',
        'X-B: 2',
        'SET-COOKIE: c=3',
        'Vary: a',
        'Vary: b',
        'X-Empty:',
        'constructor: c',
        '__proto__: p',
      ]),
    );
    expect(lines).toEqual([
      ['content-length', '7'],
      ['x-b', '1'],
      ['x-b', '2'],
      ['date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
      ['set-cookie', 'a=1; Path=/, but not two'],
      ['set-cookie', 'b=2'],
      ['set-cookie', 'c=3'],
      ['vary', 'a'],
      ['vary', 'b'],
      ['x-empty', ''],
      ['constructor', 'c'],
      ['__proto__', 'p'],
      ['via', '1.1 us'],
    ]);
  });

  test('keep every byte above 0x7F, at the end of a value too [RFC 9110 5.5]', async ({ net }) => {
    const { lines } = await received(
      net,
      sized('', [`X-Obs: ${OBS_TEXT}`, `Content-Disposition: ${UTF8_NAME}`]),
    );
    expect(fieldOf(lines, 'x-obs')).toBe(OBS_TEXT);
    expect(fieldOf(lines, 'content-disposition')).toBe(UTF8_NAME);
  });

  test.for([
    ['ETag: "a"', 'ETag: "b"', 'etag', '"a", "b"'],
    ['Content-Encoding: gzip', 'Content-Encoding: br', 'content-encoding', 'gzip, br'],
    ['Content-Type: text/html', 'Content-Type: text/plain', 'content-type', 'text/html, text/plain'],
    ['Age: 1', 'Age: 2', 'age', '1, 2'],
  ] as const)(
    'that Node sends only once become one with both values: %s [RFC 9110 5.3; Node]',
    async ([one, two, name, both], { net }) => {
      const { lines, isComplete } = await received(net, sized('content', [one, two]));
      expect(fieldOf(lines, name)).toBe(both);
      expect(isComplete).toBe(true);
    },
  );

  test('say nothing of a connection: neither what is hop-by-hop, nor what Connection names, nor Alt-Svc [RFC 9113 8.2.2; RFC 9110 7.6.1; RFC 7838 3]', async ({
    net,
  }) => {
    const { lines, isComplete } = await received(
      net,
      chunked(
        ['content'],
        [
          'Connection: X-Hop, keep-alive',
          'X-Hop: 1',
          'Keep-Alive: timeout=5',
          'Proxy-Connection: keep-alive',
          'Upgrade: h2c, websocket',
          'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
          'TE: gzip',
          'Alt-Svc: h3=":443"',
          'X-End: 1',
        ],
      ),
    );
    expect(namesOf(lines)).toEqual(['x-end', 'via', 'date']);
    expect(isComplete).toBe(true);
  });

  test('that a hook sets weirdly do not break the response [RFC 9113 8.2.2; Node]', async ({ net }) => {
    const { lines, status, isComplete } = await received(net, sized('content'), {
      onUpstreamResponse: ({ response }) => {
        response.headers.set('Connection', 'close').set('Transfer-Encoding', 'chunked');
        response.headers.set('TE', 'gzip').set('HTTP2-Settings', 'x').set('Upgrade', 'x');
        response.headers.set('X-Spaces', ' \t a b \t ').append('ETag', '"a"').append('ETag', '"b"');
      },
    });
    expect(status).toBe(200);
    expect(isComplete).toBe(true);
    expect(lines).toEqual([
      ['content-length', '7'],
      ['via', '1.1 us'],
      ['x-spaces', 'a b'],
      ['etag', '"a", "b"'],
      expect.arrayContaining(['date']),
    ]);
  });

  test('as many and as long as the origin server may send pass [RFC 9113 4.3]', async ({ net }) => {
    const many = Array.from({ length: 90 }, (_, i) => `X-${i}: ${'y'.repeat(500)}`);
    const { lines } = await received(net, sized('content', many));
    expect(lines.filter(([name, value]) => /^x-\d+$/.test(name) && value.length === 500).length).toBe(90);
  });
});

describe('the status of an HTTP/2 response', () => {
  test.for([200, 201, 203, 206, 226, 300, 307, 399, 400, 404, 416, 418, 451, 499, 500, 503, 599])(
    '%i passes with its content [RFC 9110 15]',
    async (status, { net }) => {
      const response = await received(net, sized('content', [], `HTTP/1.1 ${status} Whatever`));
      expect(response).toMatchObject({ status, isComplete: true });
      expect(response.content.toString()).toBe('content');
    },
  );

  test.for([600, 999])(
    '%i, which Node does not send over HTTP/2, becomes a 502 with nothing of the response [RFC 9110 15; Node]',
    async (status, { net }) => {
      const lines = ['Set-Cookie: a=1', 'Content-Encoding: gzip', 'ETag: "a"'];
      for (const method of ['GET', 'HEAD']) {
        const response = await received(net, sized('content', lines, `HTTP/1.1 ${status} Whatever`), {
          method,
        });
        expect(response).toMatchObject({ status: 502, isComplete: true });
        expect(namesOf(response.lines)).not.toContain('set-cookie');
        expect(namesOf(response.lines)).not.toContain('content-encoding');
        expect(namesOf(response.lines)).not.toContain('etag');
      }
    },
  );

  const contentless: [string, string, string | undefined][] = [
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', undefined],
    ['204 with a Content-Length', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', undefined],
    ['304', 'HTTP/1.1 304 Not Modified\r\n\r\n', undefined],
    ['304 with a Content-Length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n', '500'],
    ['205', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n', '0'],
    ['205 with content', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 4\r\n\r\nlost', '0'],
    ['205 in chunks', 'HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', undefined],
  ];
  test.for(contentless)(
    '%s ends with its head [RFC 9113 8.1; RFC 9110 6.4.1]',
    async ([name, bytes, length], { net }) => {
      const response = await received(net, bytes);
      expect(response).toMatchObject({
        status: Number(name.slice(0, 3)),
        isComplete: true,
        dataFrames: 0,
        trailers: null,
      });
      expect(fieldOf(response.lines, 'content-length')).toBe(length);
    },
  );

  test.for(['Content-Length: 500', 'Transfer-Encoding: chunked'])(
    'of a HEAD stands with its fields, and no content: %s [RFC 9110 9.3.2; RFC 9113 8.1.1]',
    async (framing, { net }) => {
      for (const status of [200, 404]) {
        const response = await received(net, `HTTP/1.1 ${status} Whatever\r\n${framing}\r\n\r\n`, {
          method: 'HEAD',
        });
        expect(response).toMatchObject({ status, isComplete: true, dataFrames: 0 });
        const length = framing.startsWith('Content-Length') ? '500' : undefined;
        expect(fieldOf(response.lines, 'content-length')).toBe(length);
      }
    },
  );
});
