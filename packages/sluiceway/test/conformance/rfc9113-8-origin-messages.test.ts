import { createHash } from 'node:crypto';
import type { ServerHttp2Stream } from 'node:http2';
import { describe, expect } from 'vitest';
import { isSeeded, seededBytes, seededDigest, seededViews } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Flag } from '../support/frames.js';
import type { FieldLine } from '../support/hpack.js';
import { openHttp2 } from '../support/http2-client.js';
import { startHttp2Server } from '../support/node-http2.js';
import { answer, OK, throughFrames, throughHttp2 } from '../support/through-http2.js';

const KiB = 1024;
const SIZES = [
  0,
  1,
  16 * KiB - 1,
  16 * KiB,
  16 * KiB + 1,
  64 * KiB,
  64 * KiB + 1,
  512 * KiB,
  3 * 1024 * KiB + 7,
];

/** Answers `GET /<size>` with seeded content of that size. */
async function serveSize(
  stream: ServerHttp2Stream,
  size: number,
  length: 'announced' | 'open',
): Promise<void> {
  stream.respond(length === 'announced' ? { 'content-length': size } : {});
  for (const view of seededViews('h2', 0, size)) {
    if (stream.destroyed) return;
    if (!stream.write(view)) await new Promise((resolve) => stream.once('drain', resolve));
  }
  stream.end();
}

describe('a response over HTTP/2', () => {
  test.for(['announced', 'open'] as const)(
    'of any size, its length %s, reaches an HTTP/1.1 client whole, over one connection [RFC 9113 8.1; nginx]',
    async (length, { net }) => {
      const { client, origin, running } = await throughHttp2(net, (stream, headers) => {
        void serveSize(stream, Number(headers[':path']?.slice(1)), length);
      });
      for (const [index, size] of SIZES.entries()) {
        await client.get(`/${size}`);
        const response = await client.readResponse();
        expect(response, `${size} bytes`).toMatchObject({
          complete: true,
          contentLength: size,
          delimitedBy: length === 'announced' ? 'length' : 'chunked',
        });
        expect(isSeeded('h2', 0, response.content), `${size} bytes`).toBe(true);
        expect(await running.record(index)).toMatchObject({ outcome: 'completed', bytesDown: size });
      }
      expect(origin.sessions).toHaveLength(1);
    },
  );

  test('of 100 MB arrives with the right digest [RFC 9113 8.1]', async ({ net }) => {
    const { client } = await throughHttp2(net, (stream) => void serveSize(stream, 100_000_000, 'announced'));
    await client.get('/');
    const hash = createHash('sha256');
    const response = await client.readResponse({ onContent: (bytes) => void hash.update(bytes) });
    expect(response.complete).toBe(true);
    expect(hash.digest('hex')).toBe(seededDigest('h2', 100_000_000));
  });

  test('in DATA frames of one byte, empty and padded ones among them, arrives whole [RFC 9113 6.1]', async ({
    net,
  }) => {
    const { client } = await throughFrames(net, async (frames) => {
      const { stream } = await frames.readSection();
      await frames.headers(stream, OK);
      for (const letter of 'one byte at a time') {
        await frames.data(stream, '');
        await frames.data(stream, `\x03${letter}\0\0\0`, Flag.PADDED);
      }
      await frames.data(stream, '', Flag.END_STREAM);
    });
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('one byte at a time');
  });

  test('gets the registered reason phrase, and one that no registry has gets some [RFC 9113 8.3.2]', async ({
    net,
  }) => {
    const { client } = await throughHttp2(net, (stream, headers) => {
      stream.respond({ ':status': Number(headers[':path']?.slice(1)) }, { endStream: true });
    });
    const lines: string[] = [];
    for (const status of [200, 206, 404, 599]) {
      await client.get(`/${status}`);
      lines.push((await client.readResponse()).head.startLine);
    }
    expect(lines).toEqual([
      'HTTP/1.1 200 OK',
      'HTTP/1.1 206 Partial Content',
      'HTTP/1.1 404 Not Found',
      'HTTP/1.1 599 Unknown',
    ]);
  });

  test('keeps the order of its fields and their repeats, and every byte from 0x80 on [RFC 9110 5.3; nginx]', async ({
    net,
  }) => {
    const lines: FieldLine[] = [
      ['x-b', '1'],
      ['set-cookie', 'a=1'],
      ['x-a', '2'],
      ['set-cookie', 'b=2'],
      ['content-disposition', 'attachment; filename="\xe9\xc3\xa0"'],
      ['x-empty', ''],
      ['x-b', '3'],
    ];
    const { client } = await throughFrames(net, async (frames) => {
      const { stream } = await frames.readSection();
      await answer(frames, stream, '', [...OK, ...lines]);
    });
    await client.get('/');
    const { head } = await client.readResponse();
    expect(head.lines.slice(0, lines.length)).toEqual(lines.map(([name, value]) => `${name}: ${value}`));
  });

  test.for([
    ['HEAD', 200],
    ['GET', 304],
    ['GET', 204],
  ] as const)('to %s with status %i has no content [RFC 9110 6.4.1]', async ([method, status], { net }) => {
    const { client } = await throughHttp2(net, (stream) => {
      stream.respond(
        { ':status': status, ...(status !== 204 && { 'content-length': 1000 }) },
        { endStream: true },
      );
    });
    for (let i = 0; i < 2; i += 1) {
      await client.send(`${method} / HTTP/1.1\r\nHost: test\r\n\r\n`);
      const response = await client.readResponse({ method });
      expect(response.head.status).toBe(status);
      expect(response.head.contentLength).toBe(status === 204 ? undefined : 1000);
    }
  });

  test('passes interim responses on in order with their fields, and at once [RFC 9110 15.2; Go ReverseProxy]', async ({
    net,
  }) => {
    let finish = (): void => {};
    const { client } = await throughHttp2(net, (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' });
      stream.additionalHeaders({ ':status': 102, 'x-step': '2' });
      finish = () => {
        stream.respond();
        stream.end('done');
      };
    });
    await client.get('/');
    const first = await client.readHead();
    expect([first.startLine, first.get('link')]).toEqual([
      'HTTP/1.1 103 Early Hints',
      '</a.css>; rel=preload',
    ]);
    const second = await client.readHead();
    expect([second.startLine, second.get('x-step')]).toEqual(['HTTP/1.1 102 Processing', '2']);
    finish();
    expect((await client.readResponse()).content.toString()).toBe('done');
  });

  test('passes trailers on that a client has asked for [RFC 9110 6.5; Go ReverseProxy]', async ({ net }) => {
    const { client } = await throughHttp2(net, (stream, headers) => {
      stream.respond({ trailer: 'x-digest' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-digest': String(headers['te']) }));
      stream.end('content');
    });
    await client.get('/', ['TE: trailers', 'Connection: TE']);
    const response = await client.readResponse();
    expect(response.content.toString()).toBe('content');
    expect(response.trailers).toEqual(['x-digest: trailers']);
  });

  test('whose first bytes come long before the rest streams [Caddy]', async ({ net }) => {
    const streams: ServerHttp2Stream[] = [];
    const { client } = await throughHttp2(net, (stream) => {
      streams.push(stream);
      stream.respond();
      stream.write('first');
    });
    await client.get('/');
    await client.readHead();
    expect(await client.readThrough('first\r\n')).toBe('5\r\nfirst\r\n');
    streams[0]?.end('second');
    expect(await client.readThrough('second\r\n')).toBe('6\r\nsecond\r\n');
  });
});

describe('a request over HTTP/2', () => {
  test('has its control data in pseudo-header fields, its names in lower case, and repeats in order [RFC 9113 8.3.1; nginx]', async ({
    net,
  }) => {
    const { client, running } = await throughHttp2(net, (stream, _headers, _flags, raw) => {
      stream.respond(
        { 'x-raw': JSON.stringify(raw.map((text) => encodeURIComponent(text))) },
        { endStream: true },
      );
    });
    void running;
    await client.get('/a%2Fb?c=%20&d', [
      'X-Upper: A',
      'X-Twice: 1',
      'Cookie: a=1; b=2',
      'X-Twice: 2',
      'X-Bytes: \xe9\xc3\xa0',
      'Accept: */*',
    ]);
    const { head } = await client.readResponse();
    const raw = (JSON.parse(head.get('x-raw') ?? '[]') as string[]).map((text) => decodeURIComponent(text));
    const lines = raw.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${raw[i + 1]}`] : []));
    const [authority] = lines.filter((line) => line.startsWith(':authority'));
    expect(authority).toMatch(/^:authority: 127\.0\.0\.1:\d+$/);
    expect(lines.slice(0, 4)).toEqual([':method: GET', ':scheme: http', authority, ':path: /a%2Fb?c=%20&d']);
    expect(lines.slice(4, 10)).toEqual([
      'x-upper: A',
      'x-twice: 1',
      'x-twice: 2',
      'cookie: a=1; b=2',
      'x-bytes: \xe9\xc3\xa0',
      'accept: */*',
    ]);
    expect(lines.some((line) => line.startsWith('host:'))).toBe(false);
  });

  test('carries no connection-specific field, and TE only as trailers [RFC 9113 8.2.2]', async ({ net }) => {
    const { client } = await throughHttp2(net, (stream, _headers, _flags, raw) => {
      stream.respond(
        { 'x-names': raw.filter((_, i) => i % 2 === 0).join(' '), 'x-te': raw[raw.indexOf('te') + 1] },
        { endStream: true },
      );
    });
    await client.get('/', [
      'Connection: keep-alive, X-Hop, TE',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'X-Hop: 1',
      'TE: gzip;q=0.5, trailers',
    ]);
    const { head } = await client.readResponse();
    const names = head.get('x-names')?.split(' ') ?? [];
    for (const name of [
      'connection',
      'keep-alive',
      'proxy-connection',
      'x-hop',
      'transfer-encoding',
      'upgrade',
    ])
      expect(names).not.toContain(name);
    expect(head.get('x-te')).toBe('trailers');
  });

  test.for([
    ['authorization', 'Authorization: Basic dTpw', 'Authorization: Basic dTpx'],
    ['if-none-match', 'If-None-Match: "a"', 'If-None-Match: "b"'],
  ] as const)(
    'joins lines of %s, which Node sends once only [RFC 9110 5.3]',
    async ([name, ...lines], { net }) => {
      const { client } = await throughHttp2(net, (stream, headers) => {
        stream.respond({ 'x-got': String(headers[name]) }, { endStream: true });
      });
      await client.get('/', lines);
      const values = lines.map((line) => line.slice(line.indexOf(':') + 2));
      expect((await client.readResponse()).head.get('x-got')).toBe(values.join(', '));
    },
  );

  test('of any size, its length known or not, arrives whole at the origin server, with its trailers [RFC 9113 8.1]', async ({
    net,
  }) => {
    const seen: { length: string | undefined; size: number; whole: boolean; trailers: object }[] = [];
    const { client } = await throughHttp2(net, (stream, headers) => {
      const parts: Buffer[] = [];
      let trailers = {};
      stream.on('trailers', ({ 'x-end': end }) => {
        trailers = { end };
      });
      stream.on('data', (bytes: Buffer) => parts.push(bytes));
      stream.on('end', () => {
        const content = Buffer.concat(parts);
        const whole = isSeeded('up', 0, content);
        seen.push({ length: headers['content-length'], size: content.length, whole, trailers });
        stream.respond({}, { endStream: true });
      });
    });
    for (const size of SIZES) {
      void client.send(`PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: ${size}\r\n\r\n`);
      void client.send(seededBytes('up', 0, size));
      await client.readResponse();
      expect(seen.pop()).toEqual({ length: String(size), size, whole: true, trailers: {} });
      void client.send(
        'PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n',
      );
      for (const view of size === 0 ? [] : seededViews('up', 0, size)) {
        void client.send(`${view.length.toString(16)}\r\n`);
        void client.send(view);
        void client.send('\r\n');
      }
      void client.send('0\r\nX-End: yes\r\n\r\n');
      await client.readResponse();
      expect(seen.pop()).toEqual({ length: undefined, size, whole: true, trailers: { end: 'yes' } });
    }
  });

  test('with a head that is larger than may be sent is refused, and its connection goes on [RFC 9110 5.4; Node]', async ({
    net,
  }) => {
    const { client, origin, running } = await throughHttp2(
      net,
      (stream, headers) =>
        stream.respond({ 'x-got': String(headers['x-large'] ?? '').length }, { endStream: true }),
      {
        onUpstreamRequest: ({ upstreamRequest }) => {
          const size = Number(upstreamRequest.headers.get('x-size') ?? 0);
          if (size > 0) upstreamRequest.headers.set('X-Large', 'y'.repeat(size));
        },
      },
    );
    const got: (string | number | undefined)[] = [];
    for (const size of [10, 150_000, 400_000, 20]) {
      await client.get('/', [`X-Size: ${size}`]);
      const { head } = await client.readResponse();
      got.push(head.status, head.get('x-got'));
    }
    expect(got).toEqual([200, '10', 431, undefined, 431, undefined, 200, '20']);
    expect(origin.sessions).toHaveLength(1);
    expect(running.proxy.active).toBe(0);
  });

  test('without content ends with its head, and POST says that there is none [RFC 9110 8.6]', async ({
    net,
  }) => {
    const { client } = await throughHttp2(net, (stream, headers) => {
      stream.respond(
        { 'x-got': `${stream.endAfterHeaders} ${headers['content-length']}` },
        { endStream: true },
      );
    });
    const got: (string | undefined)[] = [];
    for (const method of ['GET', 'DELETE', 'POST']) {
      await client.send(`${method} / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n`);
      got.push((await client.readResponse()).head.get('x-got'));
    }
    expect(got).toEqual(['true undefined', 'true undefined', 'true 0']);
  });

  test('whose client waits for 100 holds its content back until the origin server says 100 [RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const { client } = await throughFrames(net, async (frames) => {
      const { stream, lines } = await frames.readSection();
      expect(lines).toContainEqual(['expect', '100-continue']);
      await frames.headers(stream, [[':status', '100']]);
      const { content } = await frames.readContent(stream);
      await answer(frames, stream, content);
    });
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
    expect((await client.readHead()).status).toBe(100);
    await client.send('hello');
    const response = await client.readResponse();
    expect([response.head.status, response.content.toString()]).toEqual([200, 'hello']);
  });

  test('whose client waits for 100 and is refused sends no content at all [RFC 9110 10.1.1]', async ({
    net,
  }) => {
    let content: unknown;
    const { client } = await throughFrames(net, async (frames) => {
      const { stream } = await frames.readSection();
      await answer(frames, stream, 'no', [[':status', '417']]);
      content = await frames.readContent(stream).catch((error: unknown) => error);
    });
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
    expect((await client.readResponse()).head.status).toBe(417);
    await client.closed;
    expect(content).toMatchObject({ name: 'StreamReset', code: 0 });
  });
});

test('a client and an origin server that both speak HTTP/2 exchange content, trailers and interim responses as with HTTP/1.1 [RFC 9113 8.1; Caddy]', async ({
  net,
}) => {
  const origin = await startHttp2Server(net, (stream) => {
    const parts: Buffer[] = [];
    stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
    stream.on('data', (bytes: Buffer) => parts.push(bytes));
    stream.on('end', () => {
      stream.respond({ 'set-cookie': ['a=1', 'b=2'] }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-size': String(Buffer.concat(parts).length) }));
      stream.end(Buffer.concat(parts));
    });
  });
  const running = await net.proxy({ upstream: { url: origin.url, protocol: 'http2' } }, { http2: 'h2c' });
  const client = await openHttp2(running.port);
  net.cleanup(() => client.close());
  const content = seededBytes('both', 0, 3_000_000);
  const response = await client.request('/', { headers: { ':method': 'PUT' }, content });
  expect(response).toMatchObject({ status: 200, complete: true, contentLength: content.length });
  expect(response.content.equals(content)).toBe(true);
  expect(response.interim).toMatchObject([{ ':status': 103, link: '</a.css>' }]);
  expect(response.fields['set-cookie']).toEqual(['a=1', 'b=2']);
  expect(response.trailers).toMatchObject({ 'x-size': String(content.length) });
});
