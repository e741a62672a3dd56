import { describe, expect } from 'vitest';
import { type Network, test } from '../support/fixture.js';
import { http2Line } from '../support/http2-line.js';
import type { ProxyOptions } from '../support/servers.js';
import { streaming } from '../support/stream-from.js';
import { chunked, sized, through } from '../support/through.js';
import { throughHttp2 } from '../support/through-http2.js';

const RANGE = 'Content-Range: bytes 0-999/4000';
const PARTIAL = 'HTTP/1.1 206 Partial Content';

const part = (bytes: number, framing: 'chunks' | 'close', lines: readonly string[]): Buffer => {
  const content = Buffer.alloc(bytes, 'a');
  if (framing === 'close')
    return Buffer.concat([Buffer.from(`${PARTIAL}\r\n${lines.join('\r\n')}\r\n\r\n`), content]);
  const whole = chunked([content.subarray(0, 400), content.subarray(400)], lines).toString('latin1');
  return Buffer.from(whole.replace('HTTP/1.1 200 OK', PARTIAL), 'latin1');
};

/** A proxy before an origin server that answers every request so and closes the connection. */
const line = (net: Network, answer: Buffer, options: Omit<ProxyOptions, 'upstream'> = {}) =>
  through(
    net,
    async (connection) => {
      await connection.readHead();
      await connection.write(answer);
      connection.end();
    },
    options,
  );

const VALIDATORS = [
  { what: 'no validator', lines: [], options: {} },
  { what: 'a weak entity tag', lines: ['ETag: W/"v1"'], options: {} },
  { what: 'a strong entity tag and `resume: false`', lines: ['ETag: "v1"'], options: { resume: false } },
  { what: 'ranges that are not served', lines: ['ETag: "v1"', 'Accept-Ranges: none'], options: {} },
  { what: 'the length as proof', lines: [], options: { resume: { proof: 'length', attempts: 1 } } },
] as const;
const FRAMINGS = ['chunks', 'close'] as const;
const ROWS = VALIDATORS.flatMap((row) => FRAMINGS.map((framing) => ({ ...row, framing })));

describe('a part (206)', () => {
  test.for(ROWS)(
    'with $what, delimited by $framing, that is shorter than its Content-Range ends visibly broken [RFC 9110 14.4]',
    async ({ lines, options, framing }, { net }) => {
      const { client, running } = await line(net, part(500, framing, [RANGE, ...lines]), options);
      await client.get('/', ['Range: bytes=0-999']);
      const response = await client.readResponse();
      expect(response.head.status).toBe(206);
      expect(response.complete).toBe(false);
      expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated' });
    },
  );

  test.for(ROWS)(
    'with $what, delimited by $framing, that is longer than its Content-Range ends visibly broken [RFC 9110 14.4]',
    async ({ lines, options, framing }, { net }) => {
      const { client, running } = await line(net, part(1500, framing, [RANGE, ...lines]), options);
      await client.get('/', ['Range: bytes=0-999']);
      expect((await client.readResponse()).complete).toBe(false);
      expect(await running.record()).toMatchObject({ outcome: 'upstream_invalid' });
    },
  );

  test.for(FRAMINGS)(
    'delimited by %s, that is as long as its Content-Range passes [RFC 9110 14.4]',
    async (framing, { net }) => {
      const { client, running } = await line(net, part(1000, framing, [RANGE]));
      await client.get('/', ['Range: bytes=0-999']);
      const response = await client.readResponse();
      expect(response.complete).toBe(true);
      expect(response.contentLength).toBe(1000);
      expect(await running.record()).toMatchObject({ outcome: 'completed' });
    },
  );
});

describe('a part (206) whose head contradicts itself', () => {
  test.for([
    ['a shorter Content-Length', sized('a'.repeat(500), [RANGE], PARTIAL)],
    ['a longer Content-Length', sized('a'.repeat(1500), [RANGE], PARTIAL)],
    ['a Content-Length of 0', sized('', [RANGE], PARTIAL)],
    [
      'a Content-Length of what the client asked for, and a Content-Range of less',
      sized('a'.repeat(1000), ['Content-Range: bytes 0-99/4000'], PARTIAL),
    ],
    ['two Content-Ranges', sized('a'.repeat(1000), [RANGE, 'Content-Range: bytes 0-9/4000'], PARTIAL)],
    ['a total beyond 2^53', sized('a'.repeat(999), ['Content-Range: bytes 0-999/9007199254740993'], PARTIAL)],
  ] as const)('by %s is a 502 [RFC 9110 14.4; RFC 9110 8.6]', async ([, answer], { net }) => {
    const { client, running } = await line(net, answer);
    await client.get('/', ['Range: bytes=0-999']);
    expect((await client.readResponse()).head.status).toBe(502);
    expect(await running.record()).toMatchObject({ error: 'http_protocol_error' });
  });

  test('is taken from no mirror while another one has the file [nginx]', async ({ net }) => {
    const good = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write(sized('a'.repeat(1000), [RANGE], PARTIAL));
    });
    const bad = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write(sized('a'.repeat(500), [RANGE], PARTIAL));
    });
    const running = await net.proxy({ upstream: { url: bad.url, mirrors: [good.url] } });
    const client = await net.client(running);
    await client.get('/', ['Range: bytes=0-999']);
    expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: 1000 });
  });
});

test.for([500, 1500])(
  'a part (206) over HTTP/2 that has %i bytes instead of the 1000 of its Content-Range ends visibly broken [RFC 9110 14.4; RFC 9113 8.1.1]',
  async (bytes, { net }) => {
    const { client, running } = await throughHttp2(net, (stream) => {
      stream.respond({ ':status': 206, 'content-range': 'bytes 0-999/4000' });
      stream.end(Buffer.alloc(bytes, 'a'));
    });
    await client.get('/', ['Range: bytes=0-999']);
    expect((await client.readResponse()).complete).toBe(false);
    expect((await running.record()).outcome).toMatch(/^upstream_/);
  },
);

test('a part (206) that is shorter than its Content-Range resets the stream of an HTTP/2 client [RFC 9110 14.4; RFC 9113 8.1]', async ({
  net,
}) => {
  const { client } = await http2Line(net, async (connection) => {
    await connection.readHead();
    await connection.write(part(500, 'chunks', [RANGE]));
  });
  const response = await client.get('/');
  expect(response.complete).toBe(false);
  expect(response.resetWith).not.toBe(0);
});

test('a part (206) that is shorter than its Content-Range is broken off by streamFrom, also where the client asked for another one [RFC 9110 14.4]', async ({
  net,
}) => {
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write(part(500, 'chunks', ['Content-Range: bytes 1000-1999/4000']));
  });
  const { client } = await streaming(net, origin.url, { addresses: 'any' });
  await client.get('/', ['Range: bytes=0-999']);
  expect((await client.readResponse()).complete).toBe(false);
});

test.for([
  ['several parts', ['Content-Type: multipart/byteranges; boundary=x', RANGE], 'GET'],
  ['another unit', ['Content-Range: items 0-1/4'], 'GET'],
  ['an answer to HEAD', [RANGE], 'HEAD'],
] as const)(
  'a 206 with %s is not held to a number of bytes [RFC 9110 14.4; RFC 9110 15.3.7.2]',
  async ([, lines, method], { net }) => {
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(sized(method === 'HEAD' ? '' : 'abc', [...lines], PARTIAL));
    });
    await client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    const response = await client.readResponse({ method });
    expect(response.head.status).toBe(206);
    expect(response.complete).toBe(true);
  },
);

test('the Content-Range of a 416 or a 200 says nothing of its content [RFC 9110 14.4]', async ({ net }) => {
  for (const start of ['HTTP/1.1 416 Range Not Satisfiable', 'HTTP/1.1 200 OK']) {
    const { client } = await line(net, sized('abc', ['Content-Range: bytes */4000', RANGE], start));
    await client.get('/', ['Range: bytes=0-999']);
    expect((await client.readResponse()).complete).toBe(true);
    client.close();
  }
});
