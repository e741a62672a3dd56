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
    `/${'x'.repeat(8000)}`,
  ])('%s reaches the origin server byte for byte', async (target, { net }) => {
    const [head] = await targets(net, '', [get(target)]);
    expect(head?.target).toBe(target);
  });

  test('is joined to the base path with one slash, and escapes stay', async ({ net }) => {
    const requests = ['/', '/c', '/c%2Fd?x=%2F', '//c'];
    const on = async (path: string): Promise<string[]> =>
      (await targets(net, path, requests.map(get))).map((head) => head.target);
    expect(await on('/base')).toEqual(['/base/', '/base/c', '/base/c%2Fd?x=%2F', '/base//c']);
    expect(await on('/a%2Fb/')).toEqual(['/a%2Fb/', '/a%2Fb/c', '/a%2Fb/c%2Fd?x=%2F', '/a%2Fb//c']);
    expect(await on('/a%2Fb%2F')).toEqual([
      '/a%2Fb%2F/',
      '/a%2Fb%2F/c',
      '/a%2Fb%2F/c%2Fd?x=%2F',
      '/a%2Fb%2F//c',
    ]);
  });

  test('has the base query before its own', async ({ net }) => {
    const requests = ['/', '/c?', '/c?us=er&x'];
    const heads = await targets(net, '/p?sta=tic', requests.map(get));
    expect(heads.map((head) => head.target)).toEqual(['/p/?sta=tic', '/p/c?sta=tic', '/p/c?sta=tic&us=er&x']);
  });

  test.for(['/../secret', '/a/../../secret', '/%2e%2E/secret', '/..%2fsecret', '/..;/secret'])(
    '%s that leads out of the base path is answered 400',
    async (target, { net }) => {
      const origin = await net.origin(respondWith(sized('')));
      const running = await net.proxy({ upstream: `${origin.url}/base` });
      const client = await net.client(running);
      await client.get(target);
      expect((await client.readResponse()).head.status).toBe(400);
      expect(origin.total).toBe(0);
    },
  );

  test('`*` of OPTIONS passes', async ({ net }) => {
    const [head] = await targets(net, '', ['OPTIONS * HTTP/1.1']);
    expect(head?.startLine).toBe('OPTIONS * HTTP/1.1');
  });
});

describe('a target in absolute form', () => {
  test('never chooses where the request goes, and replaces Host for X-Forwarded-Host', async ({ net }) => {
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
    '%s is answered 400',
    async (target, { net }) => {
      const { client, origin } = await through(net, respondWith(sized('')));
      await client.get(target);
      expect((await client.readResponse()).head.status).toBe(400);
      expect(origin.total).toBe(0);
    },
  );
});

test.for(['/a#b', '/a?b#c'])('a target with a fragment (%s) is answered 400', async (target, { net }) => {
  const { client, origin } = await through(net, respondWith(sized('')));
  await client.get(target);
  expect((await client.readResponse()).head.status).toBe(400);
  expect(origin.total).toBe(0);
});
