import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized, through } from '../support/through.js';

describe('trailers of a response', () => {
  test('that are announced pass, the announcement before the content [RFC 9110 6.6.2; Go ReverseProxy]', async ({
    net,
  }) => {
    const { client } = await through(
      net,
      respondWith(
        chunked(['content'], ['Trailer: X-Digest', 'Trailer: X-Other'], ['X-Digest: 1', 'X-Other: 2']),
      ),
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.getAll('trailer')).toEqual(['X-Digest', 'X-Other']);
    expect(response).toMatchObject({ complete: true, trailers: ['X-Digest: 1', 'X-Other: 2'] });
  });

  test('that nobody announced pass too [Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(net, respondWith(chunked(['content'], [], ['X-Late: \xe9t\xe9'])));
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.has('trailer')).toBe(false);
    expect(response.trailers).toEqual(['X-Late: \xe9t\xe9']);
  });

  test('come after content that has streamed before them [Go ReverseProxy]', async ({ net }) => {
    const mayGoOn = new Gate();
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nfirst\r\n',
      );
      await mayGoOn.opened;
      await connection.write('4\r\nlast\r\n0\r\nX-Sum: 9 bytes\r\n\r\n');
      await connection.readAll();
    });
    await client.get('/');
    const head = await client.readHead();
    expect(head.get('trailer')).toBe('X-Sum');
    expect((await client.readExactly(10)).toString()).toBe('5\r\nfirst\r\n');
    mayGoOn.open();
    const rest = await client.readContent(head);
    expect(rest).toMatchObject({ complete: true, trailers: ['X-Sum: 9 bytes'] });
    expect(rest.content.toString()).toBe('last');
  });

  test('after no content at all pass [Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(net, respondWith(chunked([], [], ['X-Only: this'])));
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response).toMatchObject({ complete: true, contentLength: 0, trailers: ['X-Only: this'] });
      expect(response.head.isChunked).toBe(true);
    }
  });

  test('that would change framing, routing, identity or content are dropped [RFC 9110 6.5.1]', async ({
    net,
  }) => {
    const forbidden = [
      'Content-Length: 5',
      'Transfer-Encoding: chunked',
      'Content-Type: text/html',
      'Content-Encoding: gzip',
      'Content-Range: bytes 0-1/2',
      'Set-Cookie: stolen=1',
      'Authorization: Basic x',
      'WWW-Authenticate: Basic',
      'Host: elsewhere',
      'Location: http://elsewhere/',
      'Cache-Control: public',
      'Connection: X-Kept',
      'Trailer: X',
      'Upgrade: x',
      'Via: 1.1 x',
      'X-Forwarded-For: 10.0.0.1',
      'If-Match: *',
    ];
    const { client } = await through(net, respondWith(chunked(['x'], [], ['X-Kept: 1', ...forbidden])));
    await client.get('/');
    const response = await client.readResponse();
    expect(response).toMatchObject({ complete: true, trailers: ['X-Kept: 1'] });
  });

  test('pass repeated, in order and spelled as they came, odd bytes included [RFC 9110 5.3]', async ({
    net,
  }) => {
    const trailers = ['x-a: 1', 'X-B: \xe9\t\xff', 'X-A: 2', 'X-Empty: '];
    const { client } = await through(net, respondWith(chunked(['content'], [], trailers)));
    await client.get('/');
    expect((await client.readResponse()).trailers).toEqual(trailers);
  });

  test('are dropped for an HTTP/1.0 client, which gets the content [RFC 9110 6.5.1]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith(chunked(['content'], ['Trailer: X-Digest'], ['X-Digest: 1'])),
    );
    await client.send('GET / HTTP/1.0\r\n\r\n');
    const response = await client.readResponse();
    expect(response.head.has('trailer')).toBe(false);
    expect(response).toMatchObject({ complete: true, delimitedBy: 'close', trailers: [] });
    expect(response.content.toString()).toBe('content');
  });

  test('cannot follow a sized response, whose announcement goes away [RFC 9112 7.1.2]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized('content', ['Trailer: X-Digest'])));
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.has('trailer')).toBe(false);
      expect(response).toMatchObject({ complete: true, delimitedBy: 'length' });
    }
  });

  test('announced in a response to HEAD do no harm [RFC 9110 9.3.2]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Digest\r\n\r\n'),
    );
    for (let i = 0; i < 2; i++) {
      await client.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
      const response = await client.readResponse({ method: 'HEAD' });
      expect(response).toMatchObject({ complete: true, contentLength: 0 });
      expect(response.head.status).toBe(200);
    }
  });
});

describe('the wish for trailers', () => {
  const teOf = async (net: Parameters<typeof through>[0], lines: string[]): Promise<string[]> => {
    let seen: string[] = [];
    const { client } = await through(
      net,
      respondWith((head) => {
        seen = [...head.getAll('te').map((te) => `TE: ${te}`), ...head.getAll('connection')];
        return sized('');
      }),
    );
    await client.get('/', lines);
    await client.readResponse();
    return seen;
  };

  test('passes as exactly `TE: trailers`, among whatever codings it stood [RFC 9110 10.1.4; Go ReverseProxy]', async ({
    net,
  }) => {
    expect(await teOf(net, ['TE: gzip;q=0.5, Trailers', 'Connection: te'])).toEqual(['TE: trailers', 'TE']);
    expect(await teOf(net, ['TE: deflate', 'TE: trailers', 'Connection: TE'])).toEqual([
      'TE: trailers',
      'TE',
    ]);
  });

  test('is not invented [RFC 9110 10.1.4; Go ReverseProxy]', async ({ net }) => {
    expect(await teOf(net, [])).toEqual([]);
    expect(await teOf(net, ['TE: gzip', 'Connection: TE'])).toEqual([]);
  });
});
