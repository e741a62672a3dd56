import { describe, expect } from 'vitest';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized } from '../support/through.js';

const PAGE = ['Content-Type: text/html', 'Content-Disposition: inline; filename="../evil\u202ecod.exe"'];
const page = (status: number) => {
  const range = status === 206 ? ['Content-Range: bytes 0-7/8'] : [];
  return sized('<script>', [...PAGE, ...range], `HTTP/1.1 ${status} Any`);
};

describe('a response of an origin server with bad intentions', () => {
  test.for([200, 201, 202, 203, 206, 226, 299])(
    'with the status %i is a download all the same, of the media types that are allowed [Sluiceway; RFC 9110 15.3]',
    async (status, { net }) => {
      const { client, link } = await throughGateway(net, respondWith(page(status)));
      await client.get(link('/', { filename: 'page.html' }));
      const { head } = await client.readResponse();
      expect([head.status, head.get('content-disposition')]).toEqual([
        status,
        'attachment; filename=page.html',
      ]);
      expect(head.get('content-security-policy')).toBe('sandbox');

      const strict = await throughGateway(net, respondWith(page(status)), {
        limits: { contentTypes: ['video/*'] },
      });
      await strict.client.get(strict.link('/'));
      expect((await strict.client.readResponse()).head.status).toBe(403);
    },
  );

  test('with 304 says nothing of how to show the file, which a browser would take over into its cache [RFC 9111 4.3.4]', async ({
    net,
  }) => {
    const { client, link } = await throughGateway(
      net,
      respondWith(`HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n${PAGE.join('\r\n')}\r\n\r\n`),
    );
    await client.get(link('/'), ['If-None-Match: "a"']);
    const { head } = await client.readResponse();
    expect([head.status, head.get('etag')]).toEqual([304, '"a"']);
    expect(head.has('content-type') || head.has('content-disposition')).toBe(false);
  });

  test('with 412 passes without its content, which is an error like any other, unless that is asked for [Sluiceway]', async ({
    net,
  }) => {
    const failed = respondWith(sized('<HostId>bucket</HostId>', [], 'HTTP/1.1 412 Precondition Failed'));
    const { client, link } = await throughGateway(net, failed);
    await client.get(link('/'), ['If-Match: "a"']);
    expect(await client.readResponse()).toMatchObject({
      head: { status: 412 },
      contentLength: 0,
      complete: true,
    });
    const open = await throughGateway(net, failed, { relayErrorContent: true });
    await open.client.get(open.link('/'), ['If-Match: "a"']);
    expect((await open.client.readResponse()).content.toString()).toContain('bucket');
  });

  test('with 405 to a HEAD is an error of its own, and its Allow stays behind [Sluiceway]', async ({
    net,
  }) => {
    const { client, link } = await throughGateway(
      net,
      respondWith('HTTP/1.1 405 No\r\nAllow: GET, PURGE\r\nContent-Length: 5\r\n\r\n'),
    );
    await client.send(`HEAD ${link('/')} HTTP/1.1\r\nHost: test\r\n\r\n`);
    const { head } = await client.readResponse({ method: 'HEAD' });
    expect([head.status, head.get('allow'), head.get('cache-control')]).toEqual([502, undefined, 'no-store']);
  });
});

describe('a limit on the bytes of a file', () => {
  const statusFor = async (net: Network, lines: readonly string[], content = 'x'.repeat(50)) => {
    const { client, link } = await throughGateway(
      net,
      respondWith(sized(content, lines, 'HTTP/1.1 206 Partial Content')),
    );
    await client.get(link('/', { maxBytes: 100 }), ['Range: bytes=0-']);
    return (await client.readResponse()).head.status;
  };

  test.for([
    ['of a file that is small enough', 'bytes 0-49/100', 206],
    ['of a file that is too large', 'bytes 0-49/101', 502],
    ['of nobody knows how much that ends inside', 'bytes 50-99/*', 206],
    ['of nobody knows how much that ends beyond', 'bytes 51-100/*', 502],
    ['that ends beyond what it says to be a part of', 'bytes 151-200/100', 502],
    ['that does not say which it is', 'none', 502],
    ['that says nonsense', 'bytes x', 502],
  ] as const)('holds for a range %s (%s) [RFC 9110 14.4]', async ([_what, range, status], { net }) => {
    expect(await statusFor(net, range === 'none' ? [] : [`Content-Range: ${range}`])).toBe(status);
  });

  test('refuses several ranges at once: they could be of any file [RFC 9110 14.6]', async ({ net }) => {
    expect(await statusFor(net, ['Content-Type: multipart/byteranges; boundary=a'])).toBe(502);
  });

  test.for(['HTTP/1.1', 'HTTP/2'] as const)(
    'breaks off over %s what goes on beyond it without having said so, and counts it as limited [RFC 9112 8; RFC 9113 8.1]',
    async (protocol, { net }) => {
      const http2 = protocol === 'HTTP/2';
      const endless = respondWith(chunked([seededBytes('much', 0, 60_000), seededBytes('more', 0, 60_000)]));
      const { client, running, link, records } = await throughGateway(
        net,
        endless,
        {},
        {},
        http2 ? { http2: 'h2c' } : {},
      );
      const target = link('/', { maxBytes: 100_000 });
      const seen = http2
        ? await (await net.http2(running)).get(target)
        : await client.get(target).then(() => client.readResponse());
      expect(seen.complete).toBe(false);
      expect(seen.contentLength).toBeLessThanOrEqual(100_000);
      if ('resetWith' in seen) expect(seen.resetWith).not.toBe(0);
      await expect.poll(() => records).toMatchObject([{ status: 200, error: 'http_response_body_size' }]);
    },
  );
});

test('the media type of a link stands in no way of several ranges at once, which have one each [RFC 9110 14.6]', async ({
  net,
}) => {
  const type = 'multipart/byteranges; boundary=a';
  const { client, link } = await throughGateway(
    net,
    respondWith(sized('x', [`Content-Type: ${type}`], 'HTTP/1.1 206 Partial Content')),
  );
  await client.get(link('/', { contentType: 'video/mp4' }), ['Range: bytes=0-1,3-4']);
  expect((await client.readResponse()).head.get('content-type')).toBe(type);
});

test('a link for one client is kept by no cache that others use, whatever the origin server allows [RFC 9111 5.2.2.7]', async ({
  net,
}) => {
  const { client, link } = await throughGateway(
    net,
    respondWith(({ target }) => sized('x', [`Cache-Control: ${decodeURIComponent(target.slice(1))}`])),
  );
  const cacheControl = async (said: string, grant: Parameters<typeof link>[1] = {}) => {
    await client.get(link(`/${encodeURIComponent(said)}`, grant));
    return (await client.readResponse()).head.get('cache-control');
  };
  const said = 'public, max-age=60, s-maxage=600';
  expect(await cacheControl(said)).toBe(said);
  expect(await cacheControl(said, { singleUse: true })).toBe('max-age=60, private');
  expect(await cacheControl(said, { clientIp: '127.0.0.0/8' })).toBe('max-age=60, private');
  expect(await cacheControl('no-store', { singleUse: true })).toBe('no-store, private');
});

test('fields of a link go to its origin server only, and no redirect takes them elsewhere [curl; Sluiceway]', async ({
  net,
}) => {
  const seen: [target: string, secret: string | undefined][] = [];
  const elsewhere = await net.origin(
    respondWith((head) => {
      seen.push([head.target, head.get('x-secret')]);
      return `HTTP/1.1 302 Found\r\nLocation: ${home()}\r\nContent-Length: 0\r\n\r\n`;
    }),
  );
  const { client, link, origin } = await throughGateway(
    net,
    respondWith((head) => {
      seen.push([head.target, head.get('x-secret')]);
      if (head.target === '/back') return sized('file');
      const next = head.target === '/' ? '/same' : `${elsewhere.url}/other`;
      return `HTTP/1.1 302 Found\r\nLocation: ${next}\r\nContent-Length: 0\r\n\r\n`;
    }),
  );
  const home = () => `${origin.url}/back`;
  await client.get(link('/', { headers: { 'X-Secret': 'hush' } }));
  expect((await client.readResponse()).content.toString()).toBe('file');
  expect(seen).toEqual([
    ['/', 'hush'],
    ['/same', 'hush'],
    ['/other', undefined],
    ['/back', undefined],
  ]);
});
