import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { startGateway, throughGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const SECRET = '<Error><BucketName>secret-bucket</BucketName></Error>';

/** An origin server that answers with the status in its path, and content that tells too much. */
const statuses = respondWith((head) => {
  const status = Number(head.target.slice(1));
  const lines = [
    'Content-Type: application/xml',
    'Retry-After: 7',
    'Content-Range: bytes */10',
    'X-Host-Id: secret',
  ];
  if (status === 304) return `HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n`;
  return sized(SECRET, lines, `HTTP/1.1 ${status} Status`);
});

describe('a status of the origin server', () => {
  test.for([
    [200, 200],
    [203, 203],
    [304, 304],
    [412, 412],
    [416, 416],
    [404, 404],
    [410, 410],
    [429, 429],
    [503, 503],
    [300, 502],
    [400, 502],
    [401, 502],
    [403, 502],
    [405, 502],
    [451, 502],
    [500, 502],
    [501, 502],
    [504, 502],
    [599, 502],
  ] as const)(
    '%i reaches the client as %i, and nothing of an error but its status',
    async ([status, expected], { net }) => {
      const { client, link } = await throughGateway(net, statuses);
      await client.get(link(`/${status}`));
      const { head, content } = await client.readResponse();
      expect(head.status).toBe(expected);
      if (status >= 400 && status !== 412)
        expect(`${head.lines.join('\n')}${content.toString()}`).not.toContain('secret');
      if ([404, 410, 429, 502, 503].includes(expected))
        expect(head.get('content-type')).toBe('application/problem+json');
      expect(head.get('retry-after')).toBe(
        status === 429 || status === 503 || status === 200 ? '7' : head.get('retry-after'),
      );
      if (expected === 416) {
        expect(head.get('content-range')).toBe('bytes */10');
        expect(content.length).toBe(0);
      }
    },
  );

  test('of an error passes with its content where that is asked for, sandboxed', async ({ net }) => {
    const { client, link } = await throughGateway(net, statuses, { relayErrorContent: true });
    await client.get(link('/403'));
    const { head, content } = await client.readResponse();
    expect(head.status).toBe(403);
    expect(content.toString()).toBe(SECRET);
    expect(head.get('content-security-policy')).toBe('sandbox');
    expect(head.has('x-host-id')).toBe(false);
  });
});

describe('the file name', () => {
  test('of the origin server stays, made safe, and inline is only what the link says', async ({ net }) => {
    const { client, link } = await throughGateway(
      net,
      respondWith(sized('x', ['Content-Disposition: inline; filename="../\xe2\x82\xac.txt"'])),
    );
    await client.get(link('/'));
    expect((await client.readResponse()).head.get('content-disposition')).toBe(
      `attachment; filename="?.txt"; filename*=UTF-8''%E2%82%AC.txt`,
    );
    await client.get(link('/', { disposition: 'inline', contentType: 'video/mp4' }));
    const { head } = await client.readResponse();
    expect(head.get('content-disposition')).toMatch(/^inline; /);
    expect(head.get('content-type')).toBe('video/mp4');
    expect(head.get('content-security-policy')).toBe('sandbox');
  });
});

describe('limits', () => {
  test('let only the media types through that are listed, by all that Content-Type says [RFC 9110 8.3; Sluiceway]', async ({
    net,
  }) => {
    const { client, link } = await throughGateway(
      net,
      respondWith(({ target }) => {
        const lines = JSON.parse(decodeURIComponent(target.slice(1))) as string[];
        return sized(
          'x',
          lines.map((line) => `Content-Type: ${line}`),
        );
      }),
      { limits: { contentTypes: ['video/*', 'application/pdf'] } },
    );
    for (const [lines, status] of [
      [['video/mp4'], 200],
      [['Application/PDF; charset=x'], 200],
      [['video/mp4; codecs="avc1.42E01E, mp4a.40.2"'], 200],
      [['VIDEO/MP4', 'video/mp4;a=b'], 200],
      [['videos/mp4'], 403],
      [['text/html'], 403],
      [[''], 403],
      [[], 403],
      [['video/mp4', 'text/html'], 403],
      [['text/html', 'video/mp4'], 403],
      [['video/mp4, text/html'], 403],
      [['video/mp4;a="b", text/html'], 403],
      [['video/mp4;a="b, text/html'], 403],
      [['video/mp4', ''], 403],
      [['video/mp4,'], 403],
      [['video/'], 403],
      [['video/mp4 text/html'], 403],
      [['video/mp4/html'], 403],
      [['multipart/byteranges; boundary=a'], 403],
      [[`video/mp4;a=${'b'.repeat(2000)}`], 403],
    ] as const) {
      await client.get(link(`/${encodeURIComponent(JSON.stringify(lines))}`));
      expect([lines, (await client.readResponse()).head.status]).toEqual([lines, status]);
    }
  });

  test('hold back downloads beyond those of one client, and of all, until one has ended', async ({ net }) => {
    const { client, link, running, gateway } = await throughGateway(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n');
      },
      { limits: { transfers: 3, transfersPerClient: 2 }, trustedProxies: ['127.0.0.1'] },
    );
    const start = async (address: string) => {
      const each = await net.client(running);
      await each.get(link('/'), [`X-Forwarded-For: ${address}`]);
      return { each, head: await each.readHead() };
    };
    const first = await start('10.0.0.1');
    expect(first.head.status).toBe(200);
    expect((await start('10.0.0.1')).head.status).toBe(200);
    const refused = await start('10.0.0.1');
    expect(refused.head.status).toBe(429);
    expect(refused.head.has('retry-after')).toBe(true);
    expect((await start('10.0.0.2')).head.status).toBe(200);
    expect((await start('10.0.0.3')).head.status).toBe(503);
    first.each.reset();
    await until(() => gateway.active === 2, 'one download was over');
    expect((await start('10.0.0.3')).head.status).toBe(200);
    client.close();
  });

  test('on the rate of a link hold for all its downloads together', async ({ net }) => {
    const { link, running } = await throughGateway(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n');
      await connection.writeSeeded('rate', 0, 200_000);
      await connection.readAll();
    });
    const url = link('/', { rate: 400_000 });
    const started = performance.now();
    const clients = await Promise.all([net.client(running), net.client(running), net.client(running)]);
    await Promise.all(
      clients.map(async (each) => {
        await each.get(url);
        expect(await each.readResponse()).toMatchObject({ contentLength: 200_000, complete: true });
      }),
    );
    // 600,000 bytes at 400,000 a second, less what may go at once.
    expect(performance.now() - started).toBeGreaterThan(1200);
  });
});

describe('decide', () => {
  test('may send the client elsewhere, refuse it, or have the file relayed, before anything is asked', async ({
    net,
  }) => {
    const { client, link, origin } = await throughGateway(net, respondWith(sized('x')), {
      decide: ({ grant }) => {
        if (grant.url.endsWith('/direct'))
          return { redirect: 'https://bucket.example.com/direct?signature=s' };
        if (grant.url.endsWith('/gone'))
          return { refuse: { status: 404, reason: 'deleted in the database' } };
        return 'relay';
      },
    });
    await client.get(link('/direct'));
    const redirect = await client.readResponse();
    expect([redirect.head.status, redirect.head.get('location')]).toEqual([
      302,
      'https://bucket.example.com/direct?signature=s',
    ]);
    expect(redirect.head.get('cache-control')).toBe('no-store');
    await client.get(link('/gone'));
    const gone = await client.readResponse();
    expect(gone.head.status).toBe(404);
    expect(gone.content.toString()).not.toContain('database');
    expect(origin.total).toBe(0);
    await client.get(link('/relayed'));
    expect((await client.readResponse()).head.status).toBe(200);
  });

  test('that fails refuses', async ({ net }) => {
    const { client, link, origin } = await throughGateway(net, respondWith(sized('x')), {
      decide: () => Promise.reject(new Error('the database is down')),
    });
    await client.get(link('/'));
    expect((await client.readResponse()).head.status).toBe(502);
    expect(origin.total).toBe(0);
  });
});

describe('CORS', () => {
  test('lets scripts of the given origins read what a download needs, errors included, and no others', async ({
    net,
  }) => {
    const { client, link } = await throughGateway(net, respondWith(sized('x')), {
      cors: { origins: ['https://app.example.com'] },
    });
    await client.get(link('/'), ['Origin: https://app.example.com']);
    const allowed = await client.readResponse();
    expect(allowed.head.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(allowed.head.get('access-control-expose-headers')).toContain('Content-Range');
    expect(allowed.head.get('vary')).toContain('Origin');
    await client.get(link('/'), ['Origin: https://evil.example.com']);
    expect((await client.readResponse()).head.has('access-control-allow-origin')).toBe(false);
    await client.get('/download?link=x', ['Origin: https://app.example.com']);
    const refused = await client.readResponse();
    expect(refused.head.status).toBe(403);
    expect(refused.head.get('access-control-allow-origin')).toBe('https://app.example.com');
    await client.send(
      `OPTIONS ${link('/')} HTTP/1.1\r\nHost: test\r\nOrigin: https://app.example.com\r\n` +
        'Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: range\r\n\r\n',
    );
    const preflight = await client.readResponse();
    expect(preflight.head.status).toBe(204);
    expect(preflight.head.get('access-control-allow-headers')).toContain('Range');
  });
});

describe('a gateway', () => {
  test('answers 404 beside its path, 405 to what is no download, and an upgrade as a plain request', async ({
    net,
  }) => {
    const { client, origin, running, link } = await throughGateway(net, respondWith(sized('x')));
    for (const target of ['/', '/downloads', '/download/a/b?x', '*'.replace('*', '/x')]) {
      await client.get(target);
      expect((await client.readResponse()).head.status).toBe(404);
    }
    await client.send(`POST ${link('/')} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n`);
    expect((await client.readResponse()).head.status).toBe(405);
    expect(origin.total).toBe(0);
    const upgrading = await net.client(running);
    await upgrading.get(link('/'), ['Connection: Upgrade', 'Upgrade: websocket']);
    expect((await upgrading.readResponse()).head.status).toBe(200);
  });

  test('does not start open: it needs keys, or unsigned with allowed hosts or an access policy', async () => {
    const { createDownloadGateway } = await import('../../src/gateway.js');
    expect(() => createDownloadGateway({})).toThrow(/keys is required, unless unsigned is true/);
    expect(() => createDownloadGateway({ unsigned: true })).toThrow(/unsigned requires guard\.allowHosts/);
    const gateway = createDownloadGateway({ unsigned: true, guard: { allowHosts: ['*'] } });
    expect(() => gateway.sign({ url: 'http://a/', expires: '1h' })).toThrow(TypeError);
    gateway.destroy();
  });

  test('without a signature fetches from allowed hosts, and only what it is asked for plainly', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith((head) => sized(head.target)));
    const { gateway, running } = await startGateway(net, {
      unsigned: true,
      guard: { allowHosts: ['127.0.0.1'], allowAddresses: ['127.0.0.0/8'], allowPorts: 'any' },
    });
    const client = await net.client(running);
    const url = `${origin.url}/a%2Fb?c=d+e`;
    await client.get(`/download?url=${encodeURIComponent(url)}&filename=x.bin`);
    const { head, content } = await client.readResponse();
    expect(content.toString()).toBe('/a%2Fb?c=d+e');
    expect(head.get('content-disposition')).toBe('attachment; filename=x.bin');
    for (const [query, status] of [
      [`url=${encodeURIComponent(url)}&url=${encodeURIComponent(url)}`, 400],
      [`url=${encodeURIComponent(url)}&x=1`, 400],
      ['url=', 400],
      ['url=file%3A%2F%2F%2Fetc%2Fpasswd', 400],
      ['url=%ff', 400],
      [`url=${encodeURIComponent(`http://localhost:${origin.port}/`)}`, 403],
    ] as const) {
      await client.get(`/download?${query}`);
      expect([query, (await client.readResponse()).head.status]).toEqual([query, status]);
    }
    // A link still works beside it.
    await client.get(gateway.sign({ url, expires: '1h' }));
    expect((await client.readResponse()).head.status).toBe(200);
    expect(origin.total).toBe(1);
  });
});
