import { describe, expect } from 'vitest';
import { OptionsError, SluicewayError, streamFrom } from '../../src/index.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { ended, hexOf, MISMATCH, memberOf } from '../support/digests.js';
import { type Network, test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { rangedOrigin } from '../support/ranged-origin.js';
import { respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { streaming } from '../support/stream-from.js';
import { chunked, sized, through } from '../support/through.js';

const SIZE = 300_000;
const content = seededBytes('expected', 0, SIZE);
const text = 'content';
const PARTIAL = 'HTTP/1.1 206 Partial Content';

type Response = Parameters<typeof respondWith>[0];

/** `streamFrom` of a file that must have a digest, and the heads of the requests that its origin server gets. */
async function expecting(net: Network, digest: string, response: Response, options: object = {}) {
  const seen: RequestHead[] = [];
  const origin = await net.origin(
    respondWith((head, sent) => {
      seen.push(head);
      return typeof response === 'function' ? response(head, sent) : response;
    }),
  );
  return { seen, ...(await streaming(net, origin.url, { addresses: 'any', digest, ...options })) };
}

describe('a file whose digest the application expects', () => {
  test.for([
    { what: 'as sha256sum prints it', digest: hexOf(content) },
    { what: 'as a member of Repr-Digest', digest: memberOf(content) },
    { what: 'by SHA-512', digest: hexOf(content, 'sha512') },
  ])('$what passes whole, with its Repr-Digest [RFC 9530 3; Sluiceway]', async ({ digest }, { net }) => {
    for (const wire of [sized(content), chunked([content])]) {
      const { client, records } = await expecting(net, digest, wire);
      await client.get('/');
      const response = await client.readResponse();
      expect(response.complete && isSeeded('expected', 0, response.content)).toBe(true);
      const algorithm = digest.includes('512') ? 'sha512' : 'sha256';
      expect(response.head.get('repr-digest')).toBe(memberOf(content, algorithm));
      expect(await ended(records)).toMatchObject([{ outcome: 'completed', bytesDown: SIZE }]);
    }
  });

  test.for([
    { framing: 'Content-Length', wire: sized(content) },
    { framing: 'chunks', wire: chunked([content]) },
    { framing: 'an end that only the close tells', wire: Buffer.from(`HTTP/1.1 200 OK\r\n\r\n${text}`) },
  ])('and that is another, with $framing, never looks complete [Sluiceway]', async ({ wire }, { net }) => {
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write(wire);
      connection.end();
    });
    const { client, records } = await streaming(net, origin.url, {
      addresses: 'any',
      digest: hexOf('the file'),
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(false);
    if (response.delimitedBy === 'length') expect(response.contentLength).toBeLessThan(SIZE);
    expect(await ended(records)).toMatchObject([MISMATCH]);
  });

  test('is asked for whole and without a content coding, whatever the client wants, and no ranges are offered [RFC 9110 14.2; Sluiceway]', async ({
    net,
  }) => {
    const { client, seen } = await expecting(net, hexOf(text), sized(text, ['Accept-Ranges: bytes']));
    await client.get('/', ['Range: bytes=2-', 'If-Range: "a"', 'Accept-Encoding: gzip', 'If-Match: "a"']);
    const { head } = await client.readResponse();
    expect([head.status, head.has('accept-ranges')]).toEqual([200, false]);
    const [request] = seen;
    expect([request?.has('range'), request?.has('if-range')]).toEqual([false, false]);
    expect([request?.get('accept-encoding'), request?.get('if-match')]).toEqual(['identity', '"a"']);
  });

  test('and of which a part comes unasked is refused with 502 [RFC 9110 15.3.7; Sluiceway]', async ({
    net,
  }) => {
    const { client } = await expecting(net, hexOf(text), sized('c', ['Content-Range: bytes 0-0/7'], PARTIAL));
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
  });

  test.for(['GET', 'HEAD'])(
    'and that is another by the head of a response to %s is refused with 502, not a byte of it sent [RFC 9530 3; Sluiceway]',
    async (method, { net }) => {
      const lines = [`Repr-Digest: ${memberOf(text, 'sha512')}, ${memberOf(text)}`];
      const wire = method === 'HEAD' ? sized('', lines) : sized(text, lines);
      const { client, records } = await expecting(net, hexOf('the file'), wire);
      await client.send(`${method} / HTTP/1.1\r\nHost: test\r\n\r\n`);
      expect((await client.readResponse({ method })).head.status).toBe(502);
      expect(await ended(records)).toMatchObject([{ ...MISMATCH, status: 502 }]);
    },
  );

  test('is described to HEAD [RFC 9110 9.3.2; RFC 9530 3]', async ({ net }) => {
    const { client } = await expecting(net, hexOf(text), 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n');
    await client.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
    const { head } = await client.readResponse({ method: 'HEAD' });
    expect([head.get('content-length'), head.get('repr-digest')]).toEqual(['7', memberOf(text)]);
  });

  test('and in whose place comes no content is refused with 502, as an empty file is [Sluiceway]', async ({
    net,
  }) => {
    for (const wire of ['HTTP/1.1 204 No Content\r\n\r\n', sized('')]) {
      const { client, records } = await expecting(net, hexOf(text), wire);
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(502);
      expect(await ended(records)).toMatchObject([MISMATCH]);
    }
    const { client } = await expecting(net, hexOf(''), sized(''));
    await client.get('/');
    expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: 0 });
  });

  test.for(['404 Not Found', '304 Not Modified', '500 Internal Server Error'])(
    'is not what comes with %s, which passes as it is [Sluiceway]',
    async (status, { net }) => {
      const wire = sized(status.startsWith('3') ? '' : 'none', [], `HTTP/1.1 ${status}`);
      const { client } = await expecting(net, hexOf(text), wire);
      await client.get('/');
      const { head, complete } = await client.readResponse();
      expect([`${head.status}`, head.has('repr-digest'), complete]).toEqual([
        status.slice(0, 3),
        false,
        true,
      ]);
    },
  );
});

describe('a file that breaks in the middle, and whose digest is known', () => {
  const half = { bytes: SIZE / 2, ending: 'end' } as const;
  const gone = sized('', [], 'HTTP/1.1 404 Not Found');

  test.for([
    { by: 'the application', options: { digest: hexOf(content) }, fields: [] },
    { by: 'the origin server', options: {}, fields: [`Repr-Digest: ${memberOf(content)}`] },
    {
      by: 'the origin server of this content',
      options: {},
      fields: [`Content-Digest: ${memberOf(content)}`],
    },
  ])('to $by goes on without a validator [Sluiceway]', async ({ options, fields }, { net }) => {
    const script = rangedOrigin(content, ({ index }) => (index === 0 ? half : 'whole'), fields);
    const { client, records } = await streaming(net, (await net.origin(script)).url, {
      addresses: 'any',
      ...options,
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete && isSeeded('expected', 0, response.content)).toBe(true);
    expect(await ended(records)).toMatchObject([{ outcome: 'completed', resumes: 1 }]);
  });

  const MIRRORS = [
    { what: 'of the same bytes takes over, whatever its entity tag', tag: '"v2"', bytes: content },
    {
      what: 'whose last byte is another does not pass for it, whatever its entity tag',
      tag: '"v1"',
      bytes: Buffer.concat([content.subarray(0, -1), Buffer.from([content.readUInt8(SIZE - 1) ^ 1])]),
    },
  ];
  test.for(MIRRORS)('a mirror $what [Sluiceway]', async ({ tag, bytes }, { net }) => {
    const first = await net.origin(rangedOrigin(content, ({ index }) => (index === 0 ? half : gone)));
    const second = await net.origin(rangedOrigin(bytes, () => 'whole', [`ETag: ${tag}`]));
    const { client, records } = await streaming(net, first.url, {
      addresses: 'any',
      digest: hexOf(content),
      onUpstreamRequest: ({ upstreamRequest }) => void upstreamRequest.mirrors.push(second.url),
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(bytes === content);
    expect(await ended(records)).toMatchObject([
      { resumes: 1, ...(bytes === content ? { outcome: 'completed' } : MISMATCH) },
    ]);
  });
});

test('a file that is another by the head of the first server comes from the next one, and of the last one is refused [RFC 9530 3; Sluiceway]', async ({
  net,
}) => {
  const stale = await net.origin(respondWith(sized('stale', [`Repr-Digest: ${memberOf('stale')}`])));
  const right = await net.origin(respondWith(sized(text)));
  for (const [mirror, status] of [
    [right, 200],
    [stale, 502],
  ] as const) {
    const { client, records } = await streaming(net, stale.url, {
      addresses: 'any',
      digest: hexOf(text),
      onUpstreamRequest: ({ upstreamRequest }) => void upstreamRequest.mirrors.push(mirror.url),
    });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(status);
    expect(await ended(records)).toMatchObject([{ attempts: 2, status }]);
  }
});

describe('with `digests.ranges: refuse`, of a file whose digest is expected', () => {
  const options = { digests: { ranges: 'refuse' } };

  test('a range gets 416, and the origin server is not asked [RFC 9110 15.5.17; Sluiceway]', async ({
    net,
  }) => {
    const { client, seen } = await expecting(net, hexOf(text), sized(text), options);
    for (const range of ['bytes=5-', 'bytes=0-3', 'bytes=-2', 'bytes=0-1,4-5']) {
      await client.get('/', [`Range: ${range}`, 'If-Range: "a"']);
      const { head, complete } = await client.readResponse();
      expect([head.status, head.get('accept-ranges'), complete]).toEqual([416, 'none', true]);
    }
    expect(seen).toEqual([]);
  });

  test('the whole file is served, also for a player that asks for it as a range, and says that it has no ranges [RFC 9110 14.3]', async ({
    net,
  }) => {
    const { client } = await expecting(net, hexOf(text), sized(text, ['Accept-Ranges: bytes']), options);
    for (const lines of [[], ['Range: bytes=0-']]) {
      await client.get('/', lines);
      const { head, content: served } = await client.readResponse();
      expect([head.status, head.get('accept-ranges')]).toEqual([200, 'none']);
      expect(served.toString()).toBe(text);
    }
  });
});

describe('with `digests.ranges: unverified`, of a file whose digest is expected', () => {
  const options = { digests: { ranges: 'unverified' } };

  test('a part passes as it comes, with the digest of the whole for the client to verify [RFC 9530 3; Sluiceway]', async ({
    net,
  }) => {
    const lines = ['Content-Range: bytes 2-6/7', 'Accept-Ranges: bytes'];
    const { client, seen } = await expecting(net, hexOf(text), sized('other', lines, PARTIAL), options);
    await client.get('/', ['Range: bytes=2-']);
    const { head, complete, content: part } = await client.readResponse();
    expect([head.status, complete, part.toString()]).toEqual([206, true, 'other']);
    expect([head.get('repr-digest'), head.get('accept-ranges')]).toEqual([memberOf(text), 'bytes']);
    expect(seen[0]?.get('range')).toBe('bytes=2-');
  });

  test('a part that is all of it is verified [RFC 9110 15.3.7; Sluiceway]', async ({ net }) => {
    const wire = sized('CONTENT', ['Content-Range: bytes 0-6/7'], PARTIAL);
    const { client, records } = await expecting(net, hexOf(text), wire, options);
    await client.get('/', ['Range: bytes=0-']);
    expect((await client.readResponse()).complete).toBe(false);
    expect(await ended(records)).toMatchObject([MISMATCH]);
  });

  test('a part of another by its head is refused with 502 [RFC 9530 3; Sluiceway]', async ({ net }) => {
    const lines = ['Content-Range: bytes 2-6/7', `Repr-Digest: ${memberOf('another')}`];
    const { client, records } = await expecting(net, hexOf(text), sized('ntent', lines, PARTIAL), options);
    await client.get('/', ['Range: bytes=2-']);
    expect((await client.readResponse()).head.status).toBe(502);
    expect(await ended(records)).toMatchObject([MISMATCH]);
  });
});

describe('the digest that is expected', () => {
  test('may be told by a hook, and taken back by a later step of it [Sluiceway]', async ({ net }) => {
    const { client, running } = await through(net, respondWith(sized(text)), {
      onUpstreamRequest({ request, upstreamRequest }) {
        expect(upstreamRequest.digest).toBeNull();
        upstreamRequest.digest = hexOf(request.path === '/right' ? text : 'another');
        expect(upstreamRequest.digest).toMatchObject({ algorithm: 'sha-256' });
        if (request.path === '/none') upstreamRequest.digest = null;
      },
    });
    for (const [path, complete] of [
      ['/right', true],
      ['/none', true],
      ['/wrong', false],
    ] as const) {
      await client.get(path);
      expect((await client.readResponse()).complete).toBe(complete);
    }
    expect(await running.record(2)).toMatchObject(MISMATCH);
  });

  test('holds beside a content coding that a hook asks for: what counts are the bytes as they are sent [RFC 9530 3]', async ({
    net,
  }) => {
    const { client, records, seen } = await expecting(
      net,
      hexOf('coded'),
      sized('coded', ['Content-Encoding: x']),
      {
        onUpstreamRequest: ({ upstreamRequest }: { upstreamRequest: { headers: Map<string, string> } }) =>
          void upstreamRequest.headers.set('Accept-Encoding', 'x'),
      },
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(true);
    expect(seen[0]?.get('accept-encoding')).toBe('x');
    expect(await ended(records)).toMatchObject([{ outcome: 'completed' }]);
  });

  test('is all that counts where it is met: another that the origin server gives is left to the client [Sluiceway]', async ({
    net,
  }) => {
    const other = memberOf('another', 'sha512');
    const { client } = await expecting(net, hexOf(text), sized(text, [`Repr-Digest: ${other}`]));
    await client.get('/');
    const { head, complete } = await client.readResponse();
    expect([head.get('repr-digest'), complete]).toEqual([other, true]);
  });

  test('must be one: another is an option that is not valid, told with all the others [Sluiceway]', async ({
    net,
  }) => {
    let thrown: unknown;
    const running = await startServer((request, response) => {
      try {
        void streamFrom(request, response, 'http://127.0.0.1/', {
          digest: 'sha256:00',
          digests: { ranges: 'none' as 'whole', verify: 1 as unknown as boolean },
        });
      } catch (error) {
        thrown = error;
        response.end();
      }
    });
    net.cleanup(() => running.stop());
    const client = await net.client(running);
    await client.get('/');
    await client.readResponse();
    expect(thrown).toBeInstanceOf(OptionsError);
    const paths = thrown instanceof OptionsError ? thrown.problems.map(({ path }) => path) : [];
    expect(paths.toSorted()).toEqual(['digest', 'digests.ranges', 'digests.verify']);
  });

  test('may be told to a proxy with the request; what is none is a mistake of the set-up, 500 [Sluiceway]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith(sized(text)));
    const { proxy } = await net.proxy({ upstream: origin.url });
    const running = await startServer(
      (request, response) => void proxy.handle(request, response, { digest: request.url?.slice(1) ?? '' }),
    );
    net.cleanup(() => running.stop());
    const client = await net.client(running);
    await client.get(`/${hexOf(text)}`);
    expect((await client.readResponse()).complete).toBe(true);
    await client.get('/none');
    expect((await client.readResponse()).head.status).toBe(500);
    await client.get(`/${hexOf('another')}`);
    expect((await client.readResponse()).complete).toBe(false);
  });

  test('tells nothing of itself in the answer to a failure [Sluiceway]', () => {
    const error = new SluicewayError('http_response_digest_mismatch', 'internal');
    expect(error).toMatchObject({ status: 502, source: 'upstream', outcome: 'upstream_invalid' });
    expect(error.publicMessage).toBe('The content of the origin server is not what it should be.');
  });
});
