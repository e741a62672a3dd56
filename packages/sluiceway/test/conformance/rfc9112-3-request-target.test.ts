import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

type Network = Parameters<typeof through>[0];

/** The heads that an origin server under `path` gets for these raw requests. */
async function targets(net: Network, path: string, requests: readonly string[]): Promise<RequestHead[]> {
  const seen: RequestHead[] = [];
  const origin = await net.origin(
    respondWith((head) => {
      seen.push(head);
      return sized('');
    }),
  );
  const running = await net.proxy({ upstream: origin.url + path });
  const client = await net.client(running);
  for (const request of requests) {
    await client.send(`${request}\r\nHost: test\r\n\r\n`);
    const response = await client.readResponse();
    expect(response.head.status, request).toBe(200);
  }
  return seen;
}

const get = (target: string): string => `GET ${target} HTTP/1.1`;

describe('a request-target', () => {
  test.for([
    '/',
    '/a%2Fb/c%2fd',
    '/%41%7e%7E~',
    '/a//b///c',
    '//evil.example/x',
    '/./a/../b',
    '/a;v=1/b,c',
    '/%00%0d%0a',
    '/%zz%',
    '/space+plus%20',
    '/?',
    '/?a=1&a=2;b=3&c=%zz&&=&?/:@',
    '/?q=a+b%20c%2B',
    '/x?http://u:p@h/?y',
    "/a!$&'()*+,;=:@-._~",
    '/a"b<c>{d}|e^f`g',
  ])(
    '%s reaches the origin server byte for byte [RFC 9112 3.2.1; Go ReverseProxy]',
    async (target, { net }) => {
      const [head] = await targets(net, '', [get(target)]);
      expect(head?.target).toBe(target);
    },
  );

  test('of 8,000 bytes reaches the origin server byte for byte [RFC 9112 3]', async ({ net }) => {
    const target = `/${'x'.repeat(7999)}`;
    const [head] = await targets(net, '', [get(target)]);
    expect(head?.target).toBe(target);
  });

  test.for([
    ['', '/', '/'],
    ['/', '/', '/'],
    ['/', '/b', '/b'],
    ['/a', '/', '/a/'],
    ['/a', '/b', '/a/b'],
    ['/a/', '/', '/a/'],
    ['/a/', '/b', '/a/b'],
    ['/a', '//b', '/a//b'],
    ['/a//', '/b', '/a//b'],
    ['/a%2Fb', '/c', '/a%2Fb/c'],
    ['/a%2Fb/', '/c%2Fd', '/a%2Fb/c%2Fd'],
    // An encoded slash ends no segment.
    ['/a%2Fb%2F', '/c', '/a%2Fb%2F/c'],
    ['/a%20b', '/%63%2f', '/a%20b/%63%2f'],
  ] as const)(
    'under the upstream path "%s", %s becomes %s [Go ReverseProxy]',
    async ([base, target, joined], { net }) => {
      expect((await targets(net, base, [get(target)]))[0]?.target).toBe(joined);
    },
  );

  test.for([
    ['', '/c', '/c'],
    ['', '/c?us=er', '/c?us=er'],
    ['?sta=tic', '/c', '/c?sta=tic'],
    ['?sta=tic', '/c?', '/c?sta=tic'],
    ['?sta=tic', '/c?us=er', '/c?sta=tic&us=er'],
    ['?sta=t%69c', '/c?us=%65r;+&&=', '/c?sta=t%69c&us=%65r;+&&='],
    ['?', '/c', '/c'],
  ] as const)(
    'under the upstream query "%s", %s becomes %s [Go ReverseProxy]',
    async ([base, target, joined], { net }) => {
      expect((await targets(net, `/${base}`, [get(target)]))[0]?.target).toBe(joined);
    },
  );

  test('with 10,001 parameters reaches hooks and the origin server alike [CVE-2026-39825]', async ({
    net,
  }) => {
    const target = `/?${'&'.repeat(10_000)}last=1`;
    let hooked: string | null = null;
    const { client } = await through(
      net,
      respondWith((head) => sized(head.target)),
      {
        onUpstreamRequest: ({ request, upstreamRequest }) => {
          hooked = request.query;
          expect(upstreamRequest.path).toBe(target);
        },
      },
    );
    await client.get(target);
    expect((await client.readResponse()).content.toString()).toBe(target);
    expect(hooked).toBe(target.slice(2));
  });

  test.for(['/../secret', '/a/../../secret', '/%2e%2E/secret', '/..%2fsecret', '/..;/secret'])(
    '%s that leads out of the upstream path is answered 400, and nothing is sent on [RFC 3986 5.2.4; Sluiceway]',
    async (target, { net }) => {
      const origin = await net.origin(respondWith(sized('')));
      const running = await net.proxy({ upstream: `${origin.url}/base` });
      const client = await net.client(running);
      await client.get(target);
      expect((await client.readResponse()).head.status).toBe(400);
      expect(origin.total).toBe(0);
    },
  );

  test('`*` of OPTIONS passes [RFC 9112 3.2.4]', async ({ net }) => {
    const [head] = await targets(net, '', ['OPTIONS * HTTP/1.1']);
    expect(head?.startLine).toBe('OPTIONS * HTTP/1.1');
  });

  test('of OPTIONS in absolute form without a path is `*`, but not with a path or a query [RFC 9112 3.2.4]', async ({
    net,
  }) => {
    const heads = await targets(
      net,
      '',
      ['http://test', 'http://test/', 'http://test?x'].map((target) => `OPTIONS ${target} HTTP/1.1`),
    );
    expect(heads.map((head) => head.target)).toEqual(['*', '/', '/?x']);
  });

  test('`*` of another method than OPTIONS is answered 400, and nothing is sent on [RFC 9112 3.2.4]', async ({
    net,
  }) => {
    const { client, origin } = await through(net, respondWith(sized('')));
    await client.get('*');
    expect((await client.readResponse()).head.status).toBe(400);
    expect(origin.total).toBe(0);
  });

  test('`*` of OPTIONS stands for the upstream path where there is one [Sluiceway]', async ({ net }) => {
    const [head] = await targets(net, '/base', ['OPTIONS * HTTP/1.1']);
    expect(head?.startLine).toBe('OPTIONS /base HTTP/1.1');
  });
});

describe('a target in absolute form', () => {
  test('never chooses where the request goes, and replaces Host for X-Forwarded-Host [RFC 9112 3.2.2; Caddy]', async ({
    net,
  }) => {
    const [first, second] = await targets(net, '/base', [
      get('http://evil.example:81/x%2Fy?z'),
      get('HTTPS://evil.example'),
    ]);
    expect(first?.target).toBe('/base/x%2Fy?z');
    expect(first?.get('host')).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(first?.get('x-forwarded-host')).toBe('evil.example:81');
    expect(second?.target).toBe('/base/');
    expect(second?.get('x-forwarded-proto')).toBe('http');
  });

  test.for(['http://user@host/', 'ftp://host/', 'http:///', 'http://a b/'])(
    '%s is answered 400, and nothing is sent on [RFC 9112 3.2.2; RFC 9110 4.2.4]',
    async (target, { net }) => {
      const { client, origin } = await through(net, respondWith(sized('')));
      await client.get(target);
      expect((await client.readResponse()).head.status).toBe(400);
      expect(origin.total).toBe(0);
    },
  );
});

test.for(['/a#b', '/a?b#c'])(
  'a target with a fragment (%s) is answered 400 [RFC 9112 3.2.1]',
  async (target, { net }) => {
    const { client, origin } = await through(net, respondWith(sized('')));
    await client.get(target);
    expect((await client.readResponse()).head.status).toBe(400);
    expect(origin.total).toBe(0);
  },
);
