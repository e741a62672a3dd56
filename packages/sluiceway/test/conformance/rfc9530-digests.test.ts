import { PassThrough, Transform } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import type { TransferRecord } from '../../src/index.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { MISMATCH, memberOf } from '../support/digests.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { http2Line } from '../support/http2-line.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized, through } from '../support/through.js';
import { throughHttp2 } from '../support/through-http2.js';

const SIZE = 300_000;
const content = seededBytes('digest', 0, SIZE);
const wrong = memberOf('something else');
const text = 'content';
const of = (value: string, field = 'Repr-Digest'): string[] => [`${field}: ${value}`];
const raw = (start: string, lines: string[], bytes = ''): string =>
  [`HTTP/1.1 ${start}`, ...lines, '', bytes].join('\r\n');

const FIELDS = ['Repr-Digest', 'Content-Digest'];
const FRAMINGS: { name: string; make: (bytes: Uint8Array, lines: string[]) => Buffer }[] = [
  { name: 'Content-Length', make: (bytes, lines) => sized(bytes, lines) },
  {
    name: 'chunks',
    make: (bytes, lines) => chunked([bytes.subarray(0, 1000), bytes.subarray(1000)], lines),
  },
];
const ROWS = FIELDS.flatMap((field) => FRAMINGS.map((framing) => ({ field, ...framing })));

describe('the digest that an origin server gives', () => {
  test.for(ROWS)(
    'in $field with $name is passed on, and content that has it passes whole [RFC 9530 2; RFC 9530 3]',
    async ({ field, make }, { net }) => {
      const value = `${memberOf(content, 'sha512')}, ${memberOf(content)}, unknown=:AAAA:`;
      const { client, running } = await through(net, respondWith(make(content, of(value, field))));
      for (let i = 0; i < 2; i++) {
        await client.get('/');
        const response = await client.readResponse();
        expect(response.head.get(field)).toBe(value);
        expect(response.complete && isSeeded('digest', 0, response.content)).toBe(true);
        expect(await running.record(i)).toMatchObject({ outcome: 'completed', bytesDown: SIZE });
      }
    },
  );

  test.for(ROWS)(
    'in $field with $name breaks other content off before its end [RFC 9530 6.2; Sluiceway]',
    async ({ field, make }, { net }) => {
      const { client, running } = await through(net, respondWith(make(content, of(wrong, field))));
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.status).toBe(200);
      expect(response).toMatchObject({ complete: false, trailers: [] });
      if (response.delimitedBy === 'length') expect(response.contentLength).toBeLessThan(SIZE);
      expect(await running.record()).toMatchObject({ ...MISMATCH, status: 200 });
    },
  );

  test.for(FRAMINGS)(
    'resets the stream of other content with $name over HTTP/2, and no other [RFC 9530 6.2; RFC 9113 8.1]',
    async ({ make }, { net }) => {
      const { client, running } = await http2Line(
        net,
        respondWith(({ target }) => make(content, of(target === '/wrong' ? wrong : memberOf(content)))),
      );
      const [bad, good] = await Promise.all([client.get('/wrong'), client.get('/right')]);
      expect(bad.complete).toBe(false);
      expect(bad.resetWith).not.toBe(0);
      expect(good.complete && isSeeded('digest', 0, good.content)).toBe(true);
      const records: TransferRecord[] = [await running.record(0), await running.record(1)];
      expect(records.find(({ path }) => path === '/wrong')).toMatchObject(MISMATCH);
    },
  );

  test('holds for content that comes over HTTP/2 [RFC 9530 6.2; RFC 9113 8.1]', async ({ net }) => {
    const { client, running } = await throughHttp2(net, (stream, { ':path': path }) => {
      const digest = path === '/right' ? memberOf(content) : wrong;
      stream.respond({ ':status': 200, 'repr-digest': digest });
      stream.end(content);
    });
    await client.get('/right');
    expect((await client.readResponse()).complete).toBe(true);
    await client.get('/wrong');
    expect((await client.readResponse()).complete).toBe(false);
    expect(await running.record(1)).toMatchObject(MISMATCH);
  });

  test('resets the connection of an HTTP/1.0 client, for which the close would be the end [RFC 9112 8; Sluiceway]', async ({
    net,
  }) => {
    const { client } = await through(net, respondWith(chunked([text], of(wrong))));
    await client.send('GET / HTTP/1.0\r\n\r\n');
    expect(await client.readResponse()).toMatchObject({ delimitedBy: 'close', complete: false });
  });

  test('shows that content is cut of which only the close tells the end [RFC 9112 8; RFC 9530 6.2]', async ({
    net,
  }) => {
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(raw('200 OK', of(memberOf(text)), text.slice(0, -1)));
      connection.end();
    });
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    expect(await running.record()).toMatchObject(MISMATCH);
  });

  test('is that of the bytes in their content coding [RFC 9530 3; RFC 9110 8.4]', async ({ net }) => {
    const coded = gzipSync(text);
    const { client, running } = await through(
      net,
      respondWith(({ target }) =>
        sized(coded, ['Content-Encoding: gzip', ...of(memberOf(target === '/coded' ? coded : text))]),
      ),
    );
    await client.get('/coded');
    expect((await client.readResponse()).complete).toBe(true);
    await client.get('/decoded');
    expect((await client.readResponse()).complete).toBe(false);
    expect(await running.record(1)).toMatchObject(MISMATCH);
  });

  test('of content that has no bytes is known before the head: other content is answered with 502 [RFC 9530 2; RFC 9209 2.3]', async ({
    net,
  }) => {
    const { client, running } = await through(
      net,
      respondWith(({ target }) => sized('', of(target === '/empty' ? memberOf('') : wrong))),
    );
    await client.get('/empty');
    expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: 0 });
    await client.get('/wrong');
    const { head } = await client.readResponse();
    expect(head.status).toBe(502);
    expect(head.get('proxy-status')).toContain('http_response_digest_mismatch');
    expect(await running.record(1)).toMatchObject({ ...MISMATCH, status: 502 });
    expect(await running.record(0)).toMatchObject({ outcome: 'completed', status: 200 });
  });

  const PASSES: { what: string; method?: string; wire: string | Uint8Array }[] = [
    {
      what: 'in a response to HEAD',
      method: 'HEAD',
      wire: raw('200 OK', ['Content-Length: 7', ...of(wrong)]),
    },
    { what: 'in a 304', wire: raw('304 Not Modified', [...of(wrong), ...of(wrong, 'Content-Digest')]) },
    { what: 'in a 204', wire: raw('204 No Content', [...of(wrong), ...of(wrong, 'Content-Digest')]) },
    {
      what: 'of the whole, beside a part of it (206)',
      wire: sized(text, ['Content-Range: bytes 0-6/9', ...of(wrong)], 'HTTP/1.1 206 Partial Content'),
    },
    {
      what: 'of the whole, beside several parts of it',
      wire: sized(
        text,
        ['Content-Type: multipart/byteranges; boundary=x', ...of(wrong)],
        'HTTP/1.1 206 Partial Content',
      ),
    },
    {
      what: 'of the representation, in an error',
      wire: sized(text, of(wrong), 'HTTP/1.1 404 Not Found'),
    },
    { what: 'of the representation, in a response to PUT', method: 'PUT', wire: sized(text, of(wrong)) },
    { what: 'by other algorithms only', wire: sized(text, of('md5=:AAAA:, sha=:AAAA:')) },
    { what: 'that cannot be parsed', wire: sized(text, of(`${wrong} and more`)) },
    { what: 'in the obsolete fields', wire: sized(text, ['Digest: SHA-256=AAAA', 'Content-MD5: AAAA']) },
  ];
  test.for(PASSES)(
    '$what is passed on without verifying it [RFC 9530 2; RFC 9530 3]',
    async (row, { net }) => {
      const { client, running } = await through(net, respondWith(row.wire));
      const { method = 'GET' } = row;
      const framing = method === 'PUT' ? 'Content-Length: 0\r\n' : '';
      await client.send(`${method} / HTTP/1.1\r\nHost: test\r\n${framing}\r\n`);
      const { head, complete } = await client.readResponse({ method });
      expect(complete).toBe(true);
      expect(head.getAll('repr-digest')).toEqual(
        Buffer.from(row.wire)
          .toString()
          .match(/(?<=Repr-Digest: ).*(?=\r)/g) ?? [],
      );
      expect(await running.record()).toMatchObject({ outcome: 'completed', error: null });
    },
  );

  const PARTS: { what: string; lines: string[]; status?: string }[] = [
    {
      what: 'of the whole, beside a part that is all of it (206)',
      lines: ['Content-Range: bytes 0-6/7', ...of(wrong)],
    },
    {
      what: 'of the content, beside a part (206)',
      lines: ['Content-Range: bytes 0-6/9', ...of(wrong, 'Content-Digest')],
    },
    {
      what: 'of the content, beside several parts',
      lines: ['Content-Type: multipart/byteranges; boundary=x', ...of(wrong, 'Content-Digest')],
    },
    {
      what: 'of the content, in an error',
      lines: of(wrong, 'Content-Digest'),
      status: 'HTTP/1.1 404 Not Found',
    },
  ];
  test.for(PARTS)('$what is verified [RFC 9530 2; RFC 9530 3]', async ({ lines, status }, { net }) => {
    const { client, running } = await through(
      net,
      respondWith(sized(text, lines, status ?? 'HTTP/1.1 206 Partial Content')),
    );
    await client.get('/', ['Range: bytes=0-6']);
    expect((await client.readResponse()).complete).toBe(false);
    expect(await running.record()).toMatchObject(MISMATCH);
  });

  test('that Connection names is verified, and not passed on [RFC 9110 7.6.1; Sluiceway]', async ({
    net,
  }) => {
    const { client, running } = await through(
      net,
      respondWith(sized(text, ['Connection: repr-digest', ...of(wrong)])),
    );
    await client.get('/');
    const { head, complete } = await client.readResponse();
    expect(head.has('repr-digest')).toBe(false);
    expect(complete).toBe(false);
    expect(await running.record()).toMatchObject(MISMATCH);
  });

  test('passes with any content where `digests.verify` is false [Sluiceway]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized(text, of(wrong))), {
      digests: { verify: false },
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(true);
    expect(response.head.get('repr-digest')).toBe(wrong);
  });
});

/** Over HTTP/1.1, trailers pass to clients that take them. */
const TE = ['TE: trailers', 'Connection: TE'];

describe('a digest in an announced trailer', () => {
  test.for(FIELDS)(
    '%s lets content pass that has it, and breaks other content off without its last chunk [RFC 9530 6.4; RFC 9110 6.5]',
    async (field, { net }) => {
      const { client, running } = await through(
        net,
        respondWith(({ target }) =>
          chunked(
            [text],
            [`Trailer: X-Other, ${field.toLowerCase()}`],
            of(target === '/right' ? memberOf(text, 'sha512') : wrong, field),
          ),
        ),
      );
      await client.get('/right', TE);
      expect(await client.readResponse()).toMatchObject({
        complete: true,
        trailers: of(memberOf(text, 'sha512'), field),
      });
      await client.get('/wrong', TE);
      expect(await client.readResponse()).toMatchObject({ complete: false, trailers: [] });
      expect(await running.record(1)).toMatchObject(MISMATCH);
    },
  );
});

test('content whose digest comes last is passed on at once to its last byte, and only its end waits [RFC 9530 6.4; Sluiceway]', async ({
  net,
}) => {
  const mayEnd = new Gate();
  const { client } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write(
      raw('200 OK', ['Transfer-Encoding: chunked', 'Trailer: Repr-Digest'], '9\r\ndata: 1\n\n\r\n'),
    );
    await mayEnd.opened;
    await connection.write(`0\r\nRepr-Digest: ${memberOf('data: 1\n\n')}\r\n\r\n`);
    await connection.readAll();
  });
  await client.get('/events');
  const head = await client.readHead();
  expect((await client.readExactly(14)).toString()).toBe('9\r\ndata: 1\n\n\r\n');
  mayEnd.open();
  expect(await client.readContent(head)).toMatchObject({ complete: true });
});

describe('where an application takes part, the digest of the origin server', () => {
  test.for([
    { what: 'removes', change: null },
    { what: 'changes', change: memberOf(text) },
  ])('is verified although a hook $what it for the client [Sluiceway]', async ({ change }, { net }) => {
    const { client, running } = await through(net, respondWith(sized(text, of(wrong))), {
      onUpstreamResponse({ upstreamResponse, response }) {
        expect(upstreamResponse.headers.get('repr-digest')).toBe(wrong);
        if (change === null) response.headers.delete('Repr-Digest');
        else response.headers.set('Repr-Digest', change);
      },
    });
    await client.get('/');
    const { head, complete } = await client.readResponse();
    expect(head.get('repr-digest')).toBe(change ?? undefined);
    expect(complete).toBe(false);
    expect(await running.record()).toMatchObject(MISMATCH);
  });

  test('is that of the content before a transform changes it [RFC 9530 3; Sluiceway]', async ({ net }) => {
    const upper = (): Transform =>
      new Transform({ transform: (chunk, _, done) => done(null, String(chunk).toUpperCase()) });
    const { client, running } = await through(
      net,
      respondWith(({ target }) => sized(text, of(target === '/right' ? memberOf(text) : wrong))),
      { transform: { response: { changesContent: true, create: upper } } },
    );
    await client.get('/right');
    const { content: changed, complete, head } = await client.readResponse();
    expect([changed.toString(), complete, head.has('repr-digest')]).toEqual(['CONTENT', true, false]);
    await client.get('/wrong');
    expect((await client.readResponse()).complete).toBe(false);
    expect(await running.record(1)).toMatchObject(MISMATCH);
  });

  test('holds before streams that only look at the content [Sluiceway]', async ({ net }) => {
    const { client, running } = await through(net, respondWith(sized(content, of(wrong))), {
      transform: { response: { changesContent: false, create: () => new PassThrough() } },
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(false);
    expect(response.contentLength).toBeLessThan(SIZE);
    expect(await running.record()).toMatchObject(MISMATCH);
  });

  test('is of no concern where a hook replaces the content [Sluiceway]', async ({ net }) => {
    const { client, running } = await through(net, respondWith(sized(text, of(wrong))), {
      onUpstreamResponse: ({ response }) => void (response.content = 'of the hook'),
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.content.toString()).toBe('of the hook');
    expect(await running.record()).toMatchObject({ outcome: 'completed' });
  });
});

describe('with `digests.trailer`, a digest of content that came without one', () => {
  const options = { digests: { trailer: true } };
  const trailers = of(memberOf(content));

  test('follows chunked content, announced, behind trailers of the origin server [RFC 9530 6.4; RFC 9110 6.6.2]', async ({
    net,
  }) => {
    const { client } = await through(
      net,
      respondWith(chunked([content.subarray(0, 9), content.subarray(9)], ['Trailer: X-T'], ['X-T: 1'])),
      options,
    );
    await client.get('/', TE);
    const response = await client.readResponse();
    expect(response.head.getAll('trailer')).toEqual(['X-T', 'Repr-Digest']);
    expect(response).toMatchObject({ complete: true, trailers: ['X-T: 1', ...trailers] });
  });

  test('never takes the place of a Content-Length, but follows it over HTTP/2 [RFC 9112 7.1.2; RFC 9113 8.1]', async ({
    net,
  }) => {
    const { client, running } = await http2Line(net, respondWith(sized(content)), options);
    const response = await client.get('/');
    expect(response).toMatchObject({ complete: true, trailers: { 'repr-digest': memberOf(content) } });
    expect(response.fields).toMatchObject({ 'content-length': `${SIZE}`, trailer: 'Repr-Digest' });
    expect(await running.record()).toMatchObject({ outcome: 'completed' });

    const { client: old } = await through(net, respondWith(sized(content)), options);
    await old.get('/');
    const { head, complete, delimitedBy } = await old.readResponse();
    expect([complete, delimitedBy, head.has('trailer')]).toEqual([true, 'length', false]);
  });

  test('is that of the content as a transform has made it [RFC 9530 3]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized(text)), {
      ...options,
      transform: {
        response: {
          changesContent: true,
          create: () => new Transform({ transform: (_, __, done) => done(null, 'changed') }),
        },
      },
    });
    await client.get('/', TE);
    expect(await client.readResponse()).toMatchObject({ complete: true, trailers: of(memberOf('changed')) });
  });

  const WITHOUT: { what: string; method?: string; lines?: string[]; start?: string; sent?: string[] }[] = [
    { what: 'content with a digest in the head', lines: of(memberOf(text)) },
    {
      what: 'content with an announced one',
      lines: ['Trailer: repr-digest'],
      sent: of(memberOf(text)),
    },
    { what: 'a part', start: '206 Partial Content', lines: ['Content-Range: bytes 0-6/9'] },
    { what: 'an error', start: '404 Not Found' },
    { what: 'a response to POST', method: 'POST' },
  ];
  test.for(WITHOUT)('is not added to $what [RFC 9530 3; Sluiceway]', async (row, { net }) => {
    const { method = 'GET', lines = [], start = '200 OK', sent = [] } = row;
    const wire = chunked([text], lines, sent).toString('latin1').replace('200 OK', start);
    const { client } = await through(net, respondWith(wire), options);
    await client.send(
      `${method} / HTTP/1.1\r\nHost: test\r\nTE: trailers\r\nConnection: TE\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(await client.readResponse()).toMatchObject({ complete: true, trailers: sent });
  });

  test('is not there for HEAD, an HTTP/1.0 client, and an HTTP/1.1 client that does not ask for trailers [RFC 9110 6.5.1; RFC 9112 7.1.2]', async ({
    net,
  }) => {
    const { client: plain } = await through(net, respondWith(chunked([text])), options);
    await plain.get('/');
    const response = await plain.readResponse();
    expect([response.complete, response.head.has('trailer'), response.trailers]).toEqual([true, false, []]);

    const { client } = await through(net, respondWith(chunked([text])), options);
    await client.send('GET / HTTP/1.0\r\n\r\n');
    const old = await client.readResponse();
    expect([old.content.toString(), old.head.has('trailer')]).toEqual([text, false]);

    const { client: asking } = await through(net, respondWith(raw('200 OK', ['Content-Length: 7'])), options);
    await asking.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
    expect((await asking.readResponse({ method: 'HEAD' })).head.has('trailer')).toBe(false);
  });
});
