import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { seenRequest } from '../support/seen-request.js';
import { sized, through } from '../support/through.js';

/** Every byte that a field value may hold, as latin1. */
const OBS_TEXT = Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i)).join('');
const UTF8_NAME = Buffer.from('attachment; filename="наименование 📦.zip"', 'utf8').toString('latin1');

describe('fields of a request', () => {
  test('reach the origin server in order, spelled as they came, repeats kept, none invented [RFC 9110 5.3; Go ReverseProxy]', async ({
    net,
  }) => {
    const head = await seenRequest(
      net,
      'GET /x HTTP/1.1\r\nhOsT: test\r\nx-b: 1\r\nX-A: 2\r\nX-B: 3\r\nCOOKIE: a=1\r\ncookie: b=2\r\n' +
        'Authorization: Basic one\r\nX-Empty:\r\nx-tab: a\tb\r\n\r\n',
      { name: 'us' },
    );
    expect(head.lines).toEqual([
      expect.stringMatching(/^Host: 127\.0\.0\.1:\d+$/),
      'x-b: 1',
      'X-A: 2',
      'X-B: 3',
      'COOKIE: a=1',
      'cookie: b=2',
      'Authorization: Basic one',
      'X-Empty: ',
      'x-tab: a\tb',
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Host: test',
      'X-Forwarded-Proto: http',
      'Via: 1.1 us',
      'CDN-Loop: us',
    ]);
  });

  test('keep every byte above 0x7F [RFC 9110 5.5]', async ({ net }) => {
    const head = await seenRequest(
      net,
      `GET / HTTP/1.1\r\nHost: test\r\nX-Obs: ${OBS_TEXT}\r\nX-Utf8: ${UTF8_NAME}\r\n\r\n`,
    );
    expect(head.raw).toContain(`X-Obs: ${OBS_TEXT}\r\n`);
    expect(head.raw).toContain(`X-Utf8: ${UTF8_NAME}\r\n`);
  });

  test.for(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'of a %s without content announce none [RFC 9110 8.6; Go ReverseProxy]',
    async (method, { net }) => {
      const head = await seenRequest(net, `${method} / HTTP/1.1\r\nHost: test\r\n\r\n`);
      expect(head.has('content-length')).toBe(false);
      expect(head.has('transfer-encoding')).toBe(false);
    },
  );

  test.for(['POST', 'PUT', 'PATCH'])(
    'of a %s without content announce a length of 0 [RFC 9110 8.6]',
    async (method, { net }) => {
      for (const framing of ['Content-Length: 0\r\n', '']) {
        const head = await seenRequest(net, `${method} / HTTP/1.1\r\nHost: test\r\n${framing}\r\n`);
        expect(head.contentLength).toBe(0);
        expect(head.has('transfer-encoding')).toBe(false);
      }
    },
  );

  test.for([
    ['an absent User-Agent', [], []],
    ['an empty User-Agent', ['User-Agent:'], ['']],
    ['a User-Agent', ['uSER-aGENT: curl/8 (\xe9; x)'], ['curl/8 (\xe9; x)']],
    ['an absent Accept-Encoding', [], []],
  ] as const)(
    '%s stays as it is: the proxy adds none of its own [Go ReverseProxy; Caddy]',
    async ([, lines, expected], { net }) => {
      const head = await seenRequest(
        net,
        `GET / HTTP/1.1\r\nHost: test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`,
      );
      expect(head.getAll('user-agent')).toEqual(expected);
      expect(head.has('accept-encoding')).toBe(false);
    },
  );

  test('more than Node keeps are answered 431, never thinned out [RFC 6585 5; Node]', async ({ net }) => {
    const { client, origin } = await through(net, respondWith(sized('')));
    const many = Array.from({ length: 1200 }, (_, i) => `X-${i}: 1`);
    await client.get('/', many);
    expect((await client.readResponse()).head.status).toBe(431);
    expect(origin.total).toBe(0);
  });
});

describe('fields of a response', () => {
  test('reach the client in order, spelled as they came, repeats kept [RFC 9110 5.3; Go ReverseProxy]', async ({
    net,
  }) => {
    const lines = [
      'sErVeR: them',
      'Date: Thu, 01 Jan 1970 00:00:00 GMT',
      'X-B: 1',
      'Set-Cookie: a=1; Path=/, but not two',
      'x-b: 2',
      'Set-Cookie: b=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
      'set-cookie: c=3',
      'X-Empty: ',
      'Trailers: an ordinary field',
      'ETag: "first"',
      'ETag: "second"',
      'Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT',
      'Age: 5',
      'Expires: 0',
      'Expires: Thu, 01 Jan 1970 00:00:00 GMT',
      'Vary: *',
      'Content-Encoding: gzip',
      'Content-Range: bytes 0-14/15',
      'Accept-Ranges: bytes',
      'Content-Digest: sha-256=:AAAA:',
    ];
    const { client } = await through(net, respondWith(sized('not gzip at all', lines)), { name: 'us' });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.lines).toEqual([
      'Content-Length: 15',
      ...lines,
      'Via: 1.1 us',
      'Connection: keep-alive',
      'Keep-Alive: timeout=75',
    ]);
    expect(response.content.toString()).toBe('not gzip at all');
  });

  test.for(['Content-Length: 7', 'Transfer-Encoding: chunked', 'X-Until: close'])(
    'keep every byte above 0x7F before content with %s [RFC 9110 5.5]',
    async (framing, { net }) => {
      const { client } = await through(net, async (connection) => {
        await connection.readHead();
        await connection.write(
          `HTTP/1.1 200 OK\r\nContent-Disposition: ${UTF8_NAME}\r\nX-Obs: ${OBS_TEXT}\r\n${framing}\r\n\r\n`,
        );
        await connection.write(framing.includes('chunked') ? '7\r\ncontent\r\n0\r\n\r\n' : 'content');
        if (framing.includes('close')) connection.end();
      });
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.get('content-disposition')).toBe(UTF8_NAME);
      expect(response.head.raw).toContain(`X-Obs: ${OBS_TEXT}\r\n`);
      expect(response.content.toString()).toBe('content');
    },
  );

  test.for([UTF8_NAME, 'attachment; filename="\xe9"'])(
    'keep every byte of Content-Disposition (%j) also after Content-Length [RFC 9110 5.5]',
    async (name, { net }) => {
      const { client } = await through(net, respondWith(sized('content', [`Content-Disposition: ${name}`])));
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.get('content-disposition')).toBe(name);
      expect(response).toMatchObject({ complete: true, delimitedBy: 'length' });
    },
  );

  test('keep every byte above 0x7F where there is no content [RFC 9110 5.5]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith((head) =>
        head.method === 'HEAD'
          ? `HTTP/1.1 200 OK\r\nX-Obs: ${OBS_TEXT}\r\n\r\n`
          : `HTTP/1.1 204 No Content\r\nX-Obs: ${OBS_TEXT}\r\n\r\n`,
      ),
    );
    for (const method of ['HEAD', 'DELETE', 'HEAD']) {
      await client.send(`${method} / HTTP/1.1\r\nHost: test\r\n\r\n`);
      const response = await client.readResponse({ method });
      expect(response.head.raw).toContain(`X-Obs: ${OBS_TEXT}\r\n`);
    }
  });

  test('that are folded are joined by a space, white space before a colon is removed [RFC 9112 5.1; RFC 9112 5.2]', async ({
    net,
  }) => {
    const { client } = await through(
      net,
      respondWith(
        'HTTP/1.1 200 OK\r\nX-Fold: a\r\n\t b\r\n  c\r\nX-Space \t: d\r\nContent-Length: 0\r\n\r\n',
      ),
    );
    await client.get('/');
    const { head } = await client.readResponse();
    expect(head.lines).toContain('X-Fold: a b c');
    expect(head.lines).toContain('X-Space: d');
  });
});

describe('a field', () => {
  const NAME = "!#$%&'*+-.^_`|~09azAZ";

  test('of any token for a name passes, both ways [RFC 9110 5.6.2]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith((head) => sized('', [`${NAME}: ${head.get(NAME)} and down`])),
    );
    await client.get('/', [`${NAME}: up`]);
    expect((await client.readResponse()).head.get(NAME)).toBe('up and down');
  });

  test('loses the white space around its value and keeps that inside, both ways [RFC 9110 5.5]', async ({
    net,
  }) => {
    let seen: readonly string[] = [];
    const { client } = await through(
      net,
      respondWith((head) => {
        seen = head.lines;
        return sized('', ['X-Pad:\t  a \t b  \t', 'X-None:v', 'X-Blank: \t ']);
      }),
    );
    await client.get('/', ['X-Pad:\t  a \t b  \t', 'X-None:v', 'X-Blank: \t ']);
    const { head } = await client.readResponse();
    const expected = ['X-Pad: a \t b', 'X-None: v', 'X-Blank: '];
    expect(seen.filter((line) => line.startsWith('X-') && !line.startsWith('X-F'))).toEqual(expected);
    expect(head.lines.filter((line) => line.startsWith('X-'))).toEqual(expected);
  });

  test('of 10,000 bytes passes, both ways [RFC 9110 5.4]', async ({ net }) => {
    const value = 'v'.repeat(10_000);
    const { client } = await through(
      net,
      respondWith((head) => sized('', [`X-Long: ${head.get('x-long')}`])),
    );
    await client.get('/', [`X-Long: ${value}`]);
    expect((await client.readResponse()).head.get('x-long')).toBe(value);
  });

  test('more than the head of a request may hold is answered 431, and nothing is sent on [RFC 6585 5; Node]', async ({
    net,
  }) => {
    const { client, origin } = await through(net, respondWith(sized('')));
    await client.get('/', [`X-Long: ${'v'.repeat(20_000)}`]);
    expect((await client.readResponse()).head.status).toBe(431);
    expect(origin.total).toBe(0);
  });
});

describe('a response', () => {
  test('without Server gets none, and one with Server keeps it [Caddy]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith((head) => sized('', head.target === '/named' ? ['Server: origin/1'] : [])),
    );
    await client.get('/');
    expect((await client.readResponse()).head.has('server')).toBe(false);
    await client.get('/named');
    expect((await client.readResponse()).head.getAll('server')).toEqual(['origin/1']);
  });

  test('without Date gets the time at which it came, and one with Date keeps it [RFC 9110 6.6.1]', async ({
    net,
  }) => {
    const old = 'Sun, 06 Nov 1994 08:49:37 GMT';
    const { client } = await through(
      net,
      respondWith((head) => sized('', head.target === '/old' ? [`Date: ${old}`] : [])),
    );
    await client.get('/');
    const { head } = await client.readResponse();
    expect(Math.abs(Date.parse(head.get('date') ?? '') - Date.now())).toBeLessThan(60_000);
    await client.get('/old');
    expect((await client.readResponse()).head.getAll('date')).toEqual([old]);
  });

  test('without a Content-Type gets none: nothing is guessed [RFC 9110 8.3]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized('<html>')));
    await client.get('/page.html');
    expect((await client.readResponse()).head.has('content-type')).toBe(false);
  });
});
