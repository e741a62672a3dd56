import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized, through } from '../support/through.js';

/** Without it, no trailer passes over HTTP/1.1. */
const TE = ['TE: trailers', 'Connection: TE'];

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
    await client.get('/', TE);
    const response = await client.readResponse();
    expect(response.head.getAll('trailer')).toEqual(['X-Digest', 'X-Other']);
    expect(response).toMatchObject({ complete: true, trailers: ['X-Digest: 1', 'X-Other: 2'] });
  });

  test('that nobody announced pass too [Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(net, respondWith(chunked(['content'], [], ['X-Late: \xe9t\xe9'])));
    await client.get('/', TE);
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
    await client.get('/', TE);
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
      await client.get('/', TE);
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
      'Alt-Svc: h3=":443"',
      'Clear-Site-Data: "*"',
      'Content-Disposition: attachment',
      'Content-Language: x',
      'Content-Location: /else',
      'Content-Security-Policy: sandbox',
      'Set-Cookie2: stolen=1',
      'Strict-Transport-Security: max-age=0',
      'X-Real-IP: 10.0.0.1',
      'CDN-Loop: x',
    ];
    const kept = ['X-Kept: 1', 'ETag: "late"', 'Content-Digest: sha-256=:AAAA:'];
    const { client } = await through(net, respondWith(chunked(['x'], [], [...kept, ...forbidden])));
    await client.get('/', TE);
    const response = await client.readResponse();
    expect(response).toMatchObject({ complete: true, trailers: kept });
  });

  test('that Connection names are dropped, whether announced or not [RFC 9110 7.6.1]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith(
        chunked(
          ['x'],
          ['Connection: x-hop', 'Trailer: X-Hop, X-Kept', 'Connection: X-Late'],
          ['X-Hop: 1', 'X-Kept: 2', 'X-Late: 3'],
        ),
      ),
    );
    await client.get('/', TE);
    const response = await client.readResponse();
    expect(response.head.getAll('trailer')).toEqual(['X-Kept']);
    expect(response.trailers).toEqual(['X-Kept: 2']);
  });

  test('that may not pass are not announced either [RFC 9110 6.6.2]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith(
        chunked(['x'], ['Trailer: Content-Type, Set-Cookie', 'Trailer: ,'], ['Set-Cookie: a', 'X-Late: 1']),
      ),
    );
    await client.get('/', TE);
    const response = await client.readResponse();
    expect(response.head.has('trailer')).toBe(false);
    expect(response.trailers).toEqual(['X-Late: 1']);
  });

  test('of a third party that describe the file pass, and no others [Sluiceway]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith(
        chunked(
          ['x'],
          ['Trailer: X-Tracking, Repr-Digest'],
          ['X-Tracking: 1', 'Repr-Digest: sha-256=:AAAA:', 'Server-Timing: x'],
        ),
      ),
      { profile: 'thirdParty', addresses: 'any' },
    );
    await client.get('/', TE);
    const response = await client.readResponse();
    expect(response.head.getAll('trailer')).toEqual(['Repr-Digest']);
    expect(response.trailers).toEqual(['Repr-Digest: sha-256=:AAAA:']);
  });

  test('pass repeated, in order and spelled as they came, odd bytes included [RFC 9110 5.3]', async ({
    net,
  }) => {
    const trailers = ['x-a: 1', 'X-B: \xe9\t\xff', 'X-A: 2', 'X-Empty: '];
    const { client } = await through(net, respondWith(chunked(['content'], [], trailers)));
    await client.get('/', TE);
    expect((await client.readResponse()).trailers).toEqual(trailers);
  });

  test.for([
    ['which says nothing', []],
    ['which takes compressed transfer codings only', ['TE: gzip', 'Connection: TE']],
  ] as const)(
    'are dropped, and not announced, for a client %s: it gets the content [RFC 9110 6.5.1; RFC 9110 10.1.4]',
    async ([, lines], { net }) => {
      const { client } = await through(
        net,
        respondWith(chunked(['content'], ['Trailer: X-Digest'], ['X-Digest: 1'])),
      );
      for (let i = 0; i < 2; i++) {
        await client.get('/', lines);
        const response = await client.readResponse();
        expect(response.head.has('trailer')).toBe(false);
        expect(response).toMatchObject({ complete: true, delimitedBy: 'chunked', trailers: [] });
        expect(response.content.toString()).toBe('content');
      }
    },
  );

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
      await client.get('/', TE);
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

describe('trailers of a request', () => {
  interface Seen {
    announced: string[];
    trailers: string[];
  }

  const send = async (
    net: Parameters<typeof through>[0],
    lines: readonly string[],
    trailers: readonly string[],
    options: Parameters<typeof through>[2] = {},
  ): Promise<Seen> => {
    const seen: Seen = { announced: [], trailers: [] };
    const { client } = await through(
      net,
      async (connection) => {
        const head = await connection.readHead();
        expect(head.isChunked).toBe(true);
        seen.announced = head.getAll('trailer');
        seen.trailers = (await connection.readChunkedContent()).trailers;
        await connection.write(sized(''));
        await connection.readAll();
      },
      options,
    );
    await client.send(
      [
        'POST / HTTP/1.1',
        'Host: test',
        'Transfer-Encoding: chunked',
        ...lines,
        '',
        '5',
        'hello',
        '0',
        ...trailers,
      ]
        .map((line) => `${line}\r\n`)
        .join(''),
    );
    await client.send('\r\n');
    expect((await client.readResponse()).head.status).toBe(200);
    return seen;
  };

  test('that are announced pass, the announcement before the content [RFC 9110 6.6.2; Go ReverseProxy]', async ({
    net,
  }) => {
    const lines = ['Trailer: X-Digest', 'trailer: X-Other'];
    const trailers = ['X-Digest: 1', 'x-other: \xe9'];
    expect(await send(net, lines, trailers)).toEqual({ announced: ['X-Digest', 'X-Other'], trailers });
  });

  test('are announced also where a hook has had the request [RFC 9110 6.6.2]', async ({ net }) => {
    const seen = await send(net, ['Trailer: X-Digest'], ['X-Digest: 1'], {
      onUpstreamRequest: ({ upstreamRequest }) =>
        void upstreamRequest.headers.set('Trailer', 'X-Of-The-Hook'),
    });
    expect(seen).toEqual({ announced: ['X-Digest'], trailers: ['X-Digest: 1'] });
  });

  test('that nobody announced pass too [Go ReverseProxy]', async ({ net }) => {
    expect(await send(net, [], ['X-Late: 1'])).toEqual({ announced: [], trailers: ['X-Late: 1'] });
  });

  test('that would change framing, routing, identity or content are dropped, and not announced [RFC 9110 6.5.1]', async ({
    net,
  }) => {
    const forbidden = [
      'Host: elsewhere',
      'Authorization: Basic x',
      'Cookie: a=1',
      'Content-Type: text/html',
      'Content-Disposition: inline',
      'X-Forwarded-For: 10.0.0.1',
      'X-Real-IP: 10.0.0.1',
      'Forwarded: for=10.0.0.1',
      'Via: 1.1 x',
      'CDN-Loop: x',
      'Early-Data: 1',
      'TE: gzip',
      'Expect: 100-continue',
      'Range: bytes=0-',
      'If-Match: *',
    ];
    const names = forbidden.map((line) => line.split(':', 1)[0]);
    const seen = await send(net, [`Trailer: ${names.join(', ')}, X-Kept`], [...forbidden, 'X-Kept: 1']);
    expect(seen).toEqual({ announced: ['X-Kept'], trailers: ['X-Kept: 1'] });
  });

  test('that Connection names are dropped, and not announced [RFC 9110 7.6.1]', async ({ net }) => {
    const lines = ['Connection: X-Hop', 'Trailer: X-Hop, X-Kept'];
    const seen = await send(net, lines, ['x-hop: 1', 'X-Kept: 2']);
    expect(seen).toEqual({ announced: ['X-Kept'], trailers: ['X-Kept: 2'] });
  });

  test('cannot follow content with a length, and their announcement goes away [RFC 9112 7.1.2]', async ({
    net,
  }) => {
    const { client } = await through(
      net,
      respondWith((head, content) => sized(`${head.has('trailer')} ${content.toString()}`)),
    );
    for (const request of ['PUT / HTTP/1.1\r\nContent-Length: 5\r\n', 'GET / HTTP/1.1\r\n']) {
      const hasContent = request.startsWith('PUT');
      await client.send(`${request}Host: test\r\nTrailer: X-Digest\r\n\r\n${hasContent ? 'hello' : ''}`);
      expect((await client.readResponse()).content.toString()).toBe(`false ${hasContent ? 'hello' : ''}`);
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
