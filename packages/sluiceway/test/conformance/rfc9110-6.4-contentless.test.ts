import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;

describe('a response to HEAD', () => {
  test('has no content and keeps the length that GET would have [RFC 9110 9.3.2; nginx]', async ({ net }) => {
    const { client, origin } = await through(
      net,
      respondWith(head('HTTP/1.1 200 OK', 'Content-Length: 123456789012', 'ETag: "a"')),
    );
    for (let i = 0; i < 3; i++) {
      await client.send('HEAD /file HTTP/1.1\r\nHost: test\r\n\r\n');
      const response = await client.readResponse({ method: 'HEAD' });
      expect(response.head.get('content-length')).toBe('123456789012');
      expect(response.head.get('etag')).toBe('"a"');
      expect(response.ended).toBeUndefined();
    }
    expect(origin.total).toBe(1);
  });

  test('without any length gets none invented [RFC 9110 9.3.2]', async ({ net }) => {
    const { client, origin } = await through(net, respondWith(head('HTTP/1.1 200 OK', 'Server: o')));
    for (let i = 0; i < 2; i++) {
      await client.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
      const response = await client.readResponse({ method: 'HEAD' });
      expect(response.head.has('content-length')).toBe(false);
    }
    expect(origin.total).toBe(1);
  });

  test('that wrongly has content passes without it, and the next response is not read out of it [RFC 9112 6.3; nginx]', async ({
    net,
  }) => {
    const { client, origin } = await through(
      net,
      respondWith((request) => sized(request.method === 'HEAD' ? 'HTTP/1.1 200 Stolen\r\n\r\n' : 'true')),
    );
    await client.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
    const first = await client.readResponse({ method: 'HEAD' });
    expect(first.head.contentLength).toBe(23);
    await client.get('/');
    const second = await client.readResponse();
    expect(second.head.statusText).toBe('OK');
    expect(second.content.toString()).toBe('true');
    expect(origin.total).toBe(2);
  });
});

describe.each([
  ['204 No Content', 'HTTP/1.1 204 No Content'],
  ['304 Not Modified', 'HTTP/1.1 304 Not Modified'],
])('%s', (_name, startLine) => {
  test('ends with its head, and both connections are kept [RFC 9112 6.3]', async ({ net }) => {
    const { client, origin } = await through(net, respondWith(head(startLine, 'ETag: "a"')));
    for (let i = 0; i < 3; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.startLine).toBe(startLine);
      expect(response.head.get('etag')).toBe('"a"');
      expect(response.head.has('transfer-encoding')).toBe(false);
      expect(response.ended).toBeUndefined();
    }
    expect(origin.total).toBe(1);
  });

  test('that wrongly has content passes without it, and its connection is given up [RFC 9112 6.3]', async ({
    net,
  }) => {
    const { client, origin } = await through(net, respondWith(`${head(startLine)}surplus`));
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.startLine).toBe(startLine);
    }
    expect(origin.total).toBe(2);
  });
});

test('204 with a Content-Length passes without that field [RFC 9110 8.6]', async ({ net }) => {
  const { client } = await through(net, respondWith(head('HTTP/1.1 204 No Content', 'Content-Length: 0')));
  await client.send('DELETE / HTTP/1.1\r\nHost: test\r\n\r\n');
  const response = await client.readResponse();
  expect(response.head.has('content-length')).toBe(false);
});

test('304 keeps the Content-Length that 200 would have [RFC 9110 15.4.5]', async ({ net }) => {
  const { client } = await through(
    net,
    respondWith(head('HTTP/1.1 304 Not Modified', 'Content-Length: 1000', 'ETag: "a"')),
  );
  for (let i = 0; i < 2; i++) {
    await client.get('/', ['If-None-Match: "a"']);
    const response = await client.readResponse();
    expect(response.head.contentLength).toBe(1000);
    expect(response.ended).toBeUndefined();
  }
});

test('a 200 with a Content-Length of 0 is complete at once [RFC 9112 6.3]', async ({ net }) => {
  const { client, origin } = await through(net, respondWith(sized('')));
  for (let i = 0; i < 2; i++) {
    await client.get('/');
    expect(await client.readResponse()).toMatchObject({
      complete: true,
      contentLength: 0,
      delimitedBy: 'length',
    });
  }
  expect(origin.total).toBe(1);
});

test.for([
  ['204', 'HTTP/1.1 204 No Content', 'GET'],
  ['304', 'HTTP/1.1 304 Not Modified', 'GET'],
  ['200 to HEAD', 'HTTP/1.1 200 OK', 'HEAD'],
] as const)(
  'a %s with a Transfer-Encoding has no content, and the next request is answered right [RFC 9112 6.1; RFC 9112 6.3]',
  async ([, startLine, method], { net }) => {
    const { client, origin } = await through(net, respondWith(head(startLine, 'Transfer-Encoding: chunked')));
    for (let i = 0; i < 3; i++) {
      await client.send(`${method} / HTTP/1.1\r\nHost: test\r\n\r\n`);
      const response = await client.readResponse({ method });
      expect(response.head.startLine).toBe(startLine);
      if (method === 'GET') expect(response.head.has('transfer-encoding')).toBe(false);
      expect(response.head.has('content-length')).toBe(false);
      expect(response.ended).toBeUndefined();
    }
    expect(origin.total).toBe(1);
  },
);

test.for([
  ['a length of 0', head('HTTP/1.1 205 Reset Content', 'Content-Length: 0')],
  ['chunks', `${head('HTTP/1.1 205 Reset Content', 'Transfer-Encoding: chunked')}0\r\n\r\n`],
] as const)('a 205 whose emptiness is told by %s passes [RFC 9110 15.3.6]', async ([, answer], { net }) => {
  const { client } = await through(net, respondWith(answer));
  for (let i = 0; i < 2; i++) {
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.status).toBe(205);
    expect(response).toMatchObject({ complete: true, contentLength: 0, ended: undefined });
  }
});

test('HEAD reaches the origin server as HEAD: the file is not fetched [RFC 9110 9.3.2; Go ReverseProxy]', async ({
  net,
}) => {
  const methods: string[] = [];
  const { client, origin } = await through(
    net,
    respondWith((request) => {
      methods.push(request.method);
      return head('HTTP/1.1 200 OK', 'Content-Length: 5000000000', 'Content-Type: video/mp4');
    }),
  );
  await client.send('HEAD /film HTTP/1.1\r\nHost: test\r\n\r\n');
  const response = await client.readResponse({ method: 'HEAD' });
  expect(response.head.get('content-length')).toBe('5000000000');
  expect(response.head.get('content-type')).toBe('video/mp4');
  expect(methods).toEqual(['HEAD']);
  expect(origin.connections[0]?.ending).toBeUndefined();
});
