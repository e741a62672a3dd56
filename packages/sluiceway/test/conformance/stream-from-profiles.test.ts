import { describe, expect } from 'vitest';
import { passThrough } from '../../src/index.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { streaming } from '../support/stream-from.js';
import { chunked, sized } from '../support/through.js';

const ANY = { addresses: 'any' } as const;

describe('streamFrom with the thirdParty profile', () => {
  test('passes no trailer that it would not pass as a field of the head [RFC 9110 6.5]', async ({ net }) => {
    const trailers = ['X-Other: 1', 'Repr-Digest: sha-256=:AA==:', 'Strict-Transport-Security: max-age=1'];
    const origin = await net.origin(respondWith(chunked(['x'], [], trailers)));
    const { client } = await streaming(net, origin.url, ANY);
    await client.get('/', ['TE: trailers', 'Connection: TE']);
    const response = await client.readResponse();
    expect(response.complete).toBe(true);
    expect(response.trailers).toEqual(['Repr-Digest: sha-256=:AA==:']);
  });

  test('sends the fields that ask for a file, and nothing of the client: no cookie, no authorization, no address [camo]', async ({
    net,
  }) => {
    let seen: readonly string[] = [];
    const origin = await net.origin(
      respondWith((head) => {
        seen = head.lines;
        return sized('x');
      }),
    );
    const { client } = await streaming(net, `${origin.url}/path%2F?q=%20`, ANY);
    const passes = [
      'Accept: a/b',
      'Accept-Encoding: gzip',
      'Range: bytes=1-',
      'If-Match: "a"',
      'If-None-Match: "b"',
      'If-Modified-Since: c',
      'If-Unmodified-Since: d',
      'If-Range: "e"',
      'User-Agent: f',
    ];
    await client.get('/own/path?own', [
      ...passes,
      'Cookie: secret=1',
      'Authorization: Bearer secret',
      'Referer: http://secret/',
      'Origin: http://secret',
      'X-Forwarded-For: 10.0.0.1',
      'Forwarded: for=secret',
      'X-Real-IP: 10.0.0.1',
      'Via: 1.1 secret',
      'X-Api-Key: secret',
      'Accept-Language: de',
      'DNT: 1',
      'TE: trailers',
      'Connection: TE',
    ]);
    expect((await client.readResponse()).complete).toBe(true);
    expect([...seen].toSorted()).toEqual([...passes, `Host: 127.0.0.1:${origin.port}`].toSorted());
  });

  test('passes what describes the file, and nothing that acts on our origin: no Set-Cookie, no HSTS, no Alt-Svc [camo]', async ({
    net,
  }) => {
    const passes = [
      'Content-Type: text/html',
      'Content-Encoding: br',
      'Content-Language: de',
      'Content-Disposition: attachment; filename="\xe9"',
      'Content-Range: bytes 0-0/1',
      'Accept-Ranges: bytes',
      'ETag: "a"',
      'Last-Modified: b',
      'Date: Thu, 01 Jan 1970 00:00:00 GMT',
      'Age: 1',
      'Expires: c',
      'Cache-Control: public',
      'Vary: Accept',
      'Retry-After: 5',
      'Content-Digest: d',
      'Repr-Digest: e',
    ];
    const origin = await net.origin(
      respondWith(
        sized('x', [
          ...passes,
          'Set-Cookie: a=1',
          'Set-Cookie: b=2',
          'Strict-Transport-Security: max-age=1',
          'Clear-Site-Data: "*"',
          'Access-Control-Allow-Origin: *',
          'Content-Security-Policy: default-src *',
          'X-Content-Type-Options: sniff',
          'Link: </a>; rel=preload',
          'Refresh: 0; url=http://evil/',
          'Server: them',
          'Alt-Svc: h3',
          'WWW-Authenticate: Basic',
          'Location: http://evil/',
          'Proxy-Status: them; error=x',
          'Via: 1.1 them',
        ]),
      ),
    );
    const { client } = await streaming(net, origin.url, ANY);
    await client.get('/');
    const { head } = await client.readResponse();
    expect([...head.lines].toSorted()).toEqual(
      [
        ...passes,
        'Content-Length: 1',
        'X-Content-Type-Options: nosniff',
        'Content-Security-Policy: sandbox',
        'Connection: keep-alive',
        'Keep-Alive: timeout=5',
      ].toSorted(),
    );
  });

  test('answers HEAD by HEAD, and passes 304 and 404 [RFC 9110 9.3.2; camo]', async ({ net }) => {
    const origin = await net.origin(
      respondWith((head) => {
        if (head.method === 'HEAD') return 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n';
        if (head.has('if-none-match')) return 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n';
        return sized('not there', [], 'HTTP/1.1 404 Not Found');
      }),
    );
    const { client } = await streaming(net, origin.url, ANY);
    await client.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
    expect((await client.readResponse({ method: 'HEAD' })).head.contentLength).toBe(9);
    await client.get('/', ['If-None-Match: "a"']);
    expect((await client.readResponse()).head.status).toBe(304);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.status).toBe(404);
    expect(response.content.toString()).toBe('not there');
  });

  test('answers other methods 405 with Allow, and reads nothing of their content [RFC 9110 15.5.6]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith(sized('x')));
    const { client } = await streaming(net, origin.url, ANY);
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nstart');
    const response = await client.readResponse();
    expect(response.head.status).toBe(405);
    expect(response.head.get('allow')).toBe('GET, HEAD');
    expect(response.head.get('connection')).toBe('close');
    expect(await client.closed).toBe('fin');
    expect(origin.total).toBe(0);
  });

  test('drops the content of a GET, and the next request is read right [RFC 9110 9.3.1]', async ({ net }) => {
    const origin = await net.origin(
      respondWith((head, content) => {
        expect(content.length).toBe(0);
        return sized(head.target);
      }),
    );
    const { client } = await streaming(net, `${origin.url}/file`, ANY);
    for (let i = 0; i < 3; i++) {
      await client.send('GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello');
      expect((await client.readResponse()).content.toString()).toBe('/file');
    }
  });
});

describe('streamFrom with the passThrough profile', () => {
  test('relays any method, its content and its end-to-end fields to the exact URL [Go ReverseProxy]', async ({
    net,
  }) => {
    const size = 1_000_000;
    const origin = await net.origin(
      respondWith((head, content) => {
        expect(head.startLine).toBe('PUT /exact%2F?sig=%2B HTTP/1.1');
        expect(head.get('cookie')).toBe('a=1');
        expect(head.get('x-forwarded-for')).toBe('127.0.0.1');
        return sized(content, ['Set-Cookie: b=2']);
      }),
    );
    const { client, records } = await streaming(net, `${origin.url}/exact%2F?sig=%2B`, {
      ...ANY,
      profile: passThrough,
    });
    void client.send(`PUT /x?y HTTP/1.1\r\nHost: test\r\nCookie: a=1\r\nContent-Length: ${size}\r\n\r\n`);
    void client.send(seededBytes('put', 0, size));
    const response = await client.readResponse();
    expect(response.head.get('set-cookie')).toBe('b=2');
    expect(response.contentLength).toBe(size);
    expect(isSeeded('put', 0, response.content)).toBe(true);
    expect(records.length).toBeLessThanOrEqual(1);
  });
});
