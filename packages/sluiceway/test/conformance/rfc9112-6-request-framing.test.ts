import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

/** Behind each faulty request hides another one, which must not be read as a request. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n';

const FAULTY: Record<string, string[]> = {
  'two Host lines': ['GET / HTTP/1.1', 'Host: test', 'Host: test'],
  'no Host': ['GET / HTTP/1.1'],
  'a Host with a user': ['GET / HTTP/1.1', 'Host: a@b'],
  'a Host with a path': ['GET / HTTP/1.1', 'Host: a/b'],
  'a Host with a space': ['GET / HTTP/1.1', 'Host: a b'],
  'an HTTP/1.0 request with two Host lines': ['GET / HTTP/1.0', 'Host: a', 'Host: b'],
  'Content-Length and Transfer-Encoding': [
    'POST / HTTP/1.1',
    'Host: test',
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
  ],
  'Transfer-Encoding and Content-Length': [
    'POST / HTTP/1.1',
    'Host: test',
    'Transfer-Encoding: chunked',
    'Content-Length: 5',
  ],
  'two Content-Length lines': ['POST / HTTP/1.1', 'Host: test', 'Content-Length: 0', 'Content-Length: 5'],
  'two equal Content-Length lines': [
    'POST / HTTP/1.1',
    'Host: test',
    'Content-Length: 0',
    'Content-Length: 0',
  ],
  'a list in Content-Length': ['POST / HTTP/1.1', 'Host: test', 'Content-Length: 0, 0'],
  'a signed Content-Length': ['POST / HTTP/1.1', 'Host: test', 'Content-Length: +0'],
  'a Transfer-Encoding of gzip': ['POST / HTTP/1.1', 'Host: test', 'Transfer-Encoding: gzip'],
  'a Transfer-Encoding of gzip, chunked': [
    'POST / HTTP/1.1',
    'Host: test',
    'Transfer-Encoding: gzip, chunked',
  ],
  'a Transfer-Encoding of chunked, gzip': [
    'POST / HTTP/1.1',
    'Host: test',
    'Transfer-Encoding: chunked, gzip',
  ],
  'a Transfer-Encoding of identity': ['POST / HTTP/1.1', 'Host: test', 'Transfer-Encoding: identity'],
  'two Transfer-Encoding lines': [
    'POST / HTTP/1.1',
    'Host: test',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: chunked',
  ],
  'Transfer-Encoding in HTTP/1.0': ['POST / HTTP/1.0', 'Host: test', 'Transfer-Encoding: chunked'],
  'white space before a colon': ['POST / HTTP/1.1', 'Host: test', 'Content-Length : 5'],
  'a folded field': ['GET / HTTP/1.1', 'Host: test', 'X-A: b', ' c'],
  'a NUL in a value': ['GET / HTTP/1.1', 'Host: test', 'X-A: b\0c'],
  'a bare CR in a value': ['GET / HTTP/1.1', 'Host: test', 'X-A: b\rX-B: c'],
  'a bare LF as a line end': ['GET / HTTP/1.1', 'Host: test\nX-A: b'],
  'a later major version': ['GET / HTTP/2.0', 'Host: test'],
  'version 0.9': ['GET / HTTP/0.9', 'Host: test'],
};

describe('a request with', () => {
  test.for(Object.entries(FAULTY))(
    '%s is refused, its connection closed, nothing sent on [RFC 9112 2.2; RFC 9112 3.2; RFC 9112 5; RFC 9112 6.3]',
    async ([name, lines], { net }) => {
      const { client, origin } = await through(net, respondWith(sized('')));
      const head = `${lines.join('\r\n')}\r\n\r\n`;
      const end = /transfer-encoding/i.test(head) ? '0\r\n\r\n' : '';
      await client.send(head + end + SMUGGLED);
      const response = await client.readResponse();
      expect([400, 505]).toContain(response.head.status);
      const { bytes, ended } = await client.readUntilClose();
      expect(bytes.toString('latin1')).not.toMatch(/HTTP\/1\.1 200/);
      expect(ended).not.toBe('ours');
      // Node's server answers a missing Host by itself, and reads on.
      if (name !== 'no Host') expect(origin.total).toBe(0);
    },
  );
});

test('an unknown expectation is answered 417 [RFC 9110 10.1.1]', async ({ net }) => {
  const { client, origin } = await through(net, respondWith(sized('')));
  await client.get('/', ['Expect: miracles']);
  expect((await client.readResponse()).head.status).toBe(417);
  expect(origin.total).toBe(0);
});
