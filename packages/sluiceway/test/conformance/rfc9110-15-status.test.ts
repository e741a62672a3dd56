import { expect } from 'vitest';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

test.for([
  'HTTP/1.1 200 OK',
  'HTTP/1.1 201 Created',
  'HTTP/1.1 203 Non-Authoritative Information',
  'HTTP/1.1 206 Partial Content',
  'HTTP/1.1 226 IM Used',
  'HTTP/1.1 299 Whatever',
  'HTTP/1.1 301 Moved Permanently',
  'HTTP/1.1 302 Found',
  'HTTP/1.1 307 Temporary Redirect',
  'HTTP/1.1 399 Odd',
  'HTTP/1.1 401 Unauthorized',
  'HTTP/1.1 404 Not Found',
  'HTTP/1.1 407 Proxy Authentication Required',
  'HTTP/1.1 412 Precondition Failed',
  'HTTP/1.1 416 Range Not Satisfiable',
  'HTTP/1.1 418 I am a teapot',
  'HTTP/1.1 425 Too Early',
  'HTTP/1.1 429 Too Many Requests',
  'HTTP/1.1 451 \xfcber alles',
  'HTTP/1.1 500 Internal Server Error',
  'HTTP/1.1 503 Service Unavailable',
  'HTTP/1.1 599 x',
  'HTTP/1.1 777 Lucky',
  'HTTP/1.1 999 All the way',
])(
  '%s passes with its phrase, fields and content [RFC 9110 15; Go ReverseProxy]',
  async (startLine, { net }) => {
    const { client, running } = await through(
      net,
      respondWith(
        sized('content of this status', ['X-Kept: 1', 'Location: /else', 'Retry-After: 7'], startLine),
      ),
    );
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.startLine).toBe(startLine);
      expect(response.head.get('x-kept')).toBe('1');
      expect(response.head.get('location')).toBe('/else');
      expect(response.head.get('retry-after')).toBe('7');
      expect(response.content.toString()).toBe('content of this status');
      expect(await running.record(i)).toMatchObject({ outcome: 'completed', error: null });
    }
  },
);

test.for(['HTTP/1.1 200 ', 'HTTP/1.1 200'])(
  'an absent phrase (`%s`) passes as an empty one [RFC 9112 4]',
  async (line, { net }) => {
    const { client } = await through(net, respondWith(sized('x', [], line)));
    await client.get('/');
    expect((await client.readResponse()).head.startLine).toBe('HTTP/1.1 200 ');
  },
);

test('a response of a later minor version is one of HTTP/1.1 [RFC 9110 2.5]', async ({ net }) => {
  const { client } = await through(net, respondWith(sized('x', [], 'HTTP/1.9 200 OK')));
  await client.get('/');
  const response = await client.readResponse();
  expect(response.head.version).toBe('HTTP/1.1');
  expect(response.complete).toBe(true);
});

test('a 206 passes with its range, and the request carries Range and If-Range [RFC 9110 14.2; RFC 9110 13.1.5]', async ({
  net,
}) => {
  const { client } = await through(
    net,
    respondWith((head) => {
      expect(head.get('range')).toBe('bytes=5-9');
      expect(head.get('if-range')).toBe('"v1"');
      return sized('56789', ['Content-Range: bytes 5-9/100', 'ETag: "v1"'], 'HTTP/1.1 206 Partial Content');
    }),
  );
  await client.get('/', ['Range: bytes=5-9', 'If-Range: "v1"']);
  const response = await client.readResponse();
  expect(response.head.get('content-range')).toBe('bytes 5-9/100');
  expect(response.content.toString()).toBe('56789');
});

test('a 200 to a request for a range passes whole [RFC 9110 14.2]', async ({ net }) => {
  const { client } = await through(net, respondWith(sized('0123456789')));
  await client.get('/', ['Range: bytes=5-9']);
  const response = await client.readResponse();
  expect(response.head.status).toBe(200);
  expect(response.content.toString()).toBe('0123456789');
});
