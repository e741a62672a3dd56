import { describe, expect } from 'vitest';
import { passThrough } from '../../src/index.js';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import type { RequestHead } from '../support/message-head.js';
import { rangedOrigin } from '../support/ranged-origin.js';
import { respondWith } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { streaming } from '../support/stream-from.js';
import { sized, through } from '../support/through.js';

const following = { profile: { ...passThrough, maxRedirects: 5 } } as const;
const redirect = (status: number, location: string): Buffer =>
  sized('moved', [`Location: ${location}`], `HTTP/1.1 ${status} Moved`);

/** A proxy that follows redirects, before an origin server that redirects `/start`, and what that one got. */
async function line(
  net: Network,
  status: number,
  location = '/end',
  options: Omit<ProxyOptions, 'upstream'> = {},
) {
  const seen: { head: RequestHead; content: string }[] = [];
  const script = respondWith((head, content) => {
    seen.push({ head, content: content.toString() });
    return head.target === '/start' ? redirect(status, location) : sized(head.method === 'HEAD' ? '' : 'end');
  });
  return { seen, ...(await through(net, script, { ...following, ...options })) };
}

const request = (method: string, content: string | null): string => {
  const lines = [
    `${method} /start HTTP/1.1`,
    'Host: a',
    'Content-Type: text/plain',
    'Content-Language: en',
    'Digest: x',
    'Accept: */*',
    ...(content === null ? [] : [`Content-Length: ${content.length}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${content ?? ''}`;
};

describe('a redirect that is followed', () => {
  test.for<[number, string, string | null, string]>([
    [301, 'GET', null, 'GET'],
    [301, 'HEAD', null, 'HEAD'],
    [301, 'POST', '', 'GET'],
    [301, 'PUT', '', 'PUT'],
    [301, 'DELETE', null, 'DELETE'],
    [302, 'HEAD', null, 'HEAD'],
    [302, 'POST', '', 'GET'],
    [302, 'DELETE', null, 'DELETE'],
    [303, 'GET', null, 'GET'],
    [303, 'HEAD', null, 'HEAD'],
    [303, 'POST', '', 'GET'],
    [303, 'PUT', '', 'GET'],
    [303, 'DELETE', null, 'GET'],
    [303, 'PATCH', '', 'GET'],
    [303, 'OPTIONS', null, 'GET'],
    [307, 'POST', '', 'POST'],
    [307, 'DELETE', null, 'DELETE'],
    [308, 'POST', '', 'POST'],
    [308, 'HEAD', null, 'HEAD'],
  ])(
    'with %i for a %s without content is followed with the method of RFC 9110 [RFC 9110 15.4; Go]',
    async ([status, method, content, expected], { net }) => {
      const { client, seen } = await line(net, status);
      await client.send(request(method, content));
      const response = await client.readResponse({ method });
      expect(response.head.status).toBe(200);
      expect(response.complete).toBe(true);
      if (method !== 'HEAD') expect(response.content.toString()).toBe('end');
      expect(seen.map(({ head }) => [head.method, head.target])).toEqual([
        [method, '/start'],
        [expected, '/end'],
      ]);
      const last = seen[1]?.head;
      expect(last?.has('accept')).toBe(true);
      for (const name of ['content-type', 'content-language', 'digest'])
        expect(last?.has(name)).toBe(method === expected);
    },
  );

  test.for<[number, string]>([
    [303, 'POST'],
    [303, 'PUT'],
    [301, 'POST'],
    [302, 'POST'],
  ])(
    'with %i for a %s with content leads to a GET without it, and the content is sent once [RFC 9110 15.4; curl]',
    async ([status, method], { net }) => {
      const { client, seen } = await line(net, status);
      await client.send(request(method, 'some content'));
      const response = await client.readResponse();
      expect(response.content.toString()).toBe('end');
      expect(seen.map(({ head, content }) => [head.method, content])).toEqual([
        [method, 'some content'],
        ['GET', ''],
      ]);
      for (const name of ['content-type', 'content-length', 'transfer-encoding'])
        expect(seen[1]?.head.has(name)).toBe(false);
    },
  );

  test.for<[number, string]>([
    [307, 'POST'],
    [308, 'PUT'],
    [302, 'PUT'],
  ])(
    'with %i for a %s with content is handed to the client, since the content has gone by [RFC 9110 15.4.8]',
    async ([status, method], { net }) => {
      const { client, seen } = await line(net, status);
      await client.send(request(method, 'some content'));
      const response = await client.readResponse();
      expect(response.head.status).toBe(status);
      expect(response.head.get('location')).toBe('/end');
      expect(seen).toHaveLength(1);
    },
  );

  test('that has made a GET of a POST is not walked again when the content breaks [RFC 9110 9.2.2]', async ({
    net,
  }) => {
    const file = seededBytes('redirected', 0, 100_000);
    const methods: string[] = [];
    const origin = await net.origin(
      rangedOrigin(file, ({ head, index }) => {
        methods.push(head.method);
        if (index === 0) return redirect(303, '/file');
        return index === 1 ? { bytes: 40_000, ending: 'end' } : sized('', [], 'HTTP/1.1 410 Gone');
      }),
    );
    const running = await net.proxy({ upstream: origin.url, ...following });
    const client = await net.client(running);
    await client.send('POST /start HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    expect((await client.readResponse()).complete).toBe(false);
    expect(methods).toEqual(['POST', 'GET', 'GET']);
  });
});

describe('a Location with characters that a URL must not have', () => {
  test.for([
    ['a space', '/a b?c d', '/a%20b?c%20d'],
    ['two spaces, and one behind it', '/a  b ', '/a%20%20b'],
    ['UTF-8', '/caf\xc3\xa9?\xc3\xa9', '/caf%C3%A9?%C3%A9'],
    ['Latin-1', '/caf\xe9?\xe9', '/caf%E9?%E9'],
    ['both', '/\xe9/\xc3\xa9', '/%E9/%C3%A9'],
    ['escapes beside them', '/a%20b %E9\xe9', '/a%20b%20%E9%E9'],
    ['a fragment behind a space', '/a b#c d', '/a%20b'],
    ['a relative path with them', 'x y\xe9', '/x%20y%E9'],
    ['a query only', '?x y\xe9', '/start?x%20y%E9'],
  ] as const)(
    'of %s is encoded, as browsers and curl do [RFC 9110 10.2.2; WHATWG URL; curl]',
    async ([, location, target], { net }) => {
      for (const prefix of ['', 'host'] as const) {
        if (prefix === 'host' && !location.startsWith('/')) continue;
        const targets: string[] = [];
        const origin = await net.origin(
          respondWith((head) => {
            targets.push(head.target);
            const full = prefix === '' ? location : `http://127.0.0.1:${origin.port}${location}`;
            return head.target === '/start' ? redirect(302, full) : sized('end');
          }),
        );
        const { client } = await streaming(net, `${origin.url}/start`, { addresses: 'any' });
        await client.get('/');
        expect((await client.readResponse()).content.toString()).toBe('end');
        expect(targets).toEqual(['/start', target]);
      }
    },
  );

  test.for([
    ['a space in the host', 'http://127.0.0 .1/'],
    ['a host in Latin-1', 'http://caf\xe9.test/'],
    ['a tab', '/a\tb'],
    ['a backslash', '/a\\b'],
  ] as const)('of %s is refused [WHATWG URL]', async ([, location], { net }) => {
    const origin = await net.origin(respondWith(redirect(302, location)));
    const { client } = await streaming(net, `${origin.url}/start`, { addresses: 'any' });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
  });

  test('is rewritten where it points into the upstream [RFC 9110 10.2.2]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith((head) => redirect(302, `http://${head.get('host')}/a b`)),
      {
        headers: { location: 'rewrite' },
      },
    );
    await client.get('/');
    expect((await client.readResponse()).head.get('location')).toBe('/a%20b');
  });
});

describe('a URL with characters that a URL must not have', () => {
  const targetOf = respondWith(({ target }) => sized(target));
  test.for([
    ['/a b?c d', '/a%20b?c%20d'],
    ['/café', '/caf%C3%A9'],
    ['/a\u00a0b\u3000', '/a%C2%A0b%E3%80%80'],
    ['/a ', '/a'],
    ['/%E9 %20', '/%E9%20%20'],
  ] as const)('(%j) is encoded by streamFrom and sign [WHATWG URL]', async ([path, target], { net }) => {
    const origin = await net.origin(targetOf);
    const { client } = await streaming(net, `${origin.url}${path}`, { addresses: 'any' });
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe(target);
    for (const form of ['encrypted', 'signed'] as const) {
      const gateway = await throughGateway(net, targetOf, { form });
      await gateway.client.get(gateway.link(path, { mirrors: [`${origin.url}${path}`] }));
      expect((await gateway.client.readResponse()).content.toString()).toBe(target);
    }
  });

  test.for([
    ['/a%20b', '/a%20b'],
    ['/a%2520b', '/a%20b'],
    ['/caf%C3%A9', '/caf%C3%A9'],
    ['/caf%E9', '/caf%E9'],
    ['/caf%25E9', '/caf%E9'],
    ['/a+b', '/a+b'],
  ] as const)('(%j in ?url=) is encoded by the gateway [WHATWG URL]', async ([path, target], { net }) => {
    const gateway = await throughGateway(net, targetOf, {
      unsigned: true,
      guard: { allowAddresses: ['127.0.0.1'], allowPorts: 'any', allowHosts: ['*'] },
    });
    await gateway.client.get(`/download?url=${gateway.origin.url}${path}`);
    expect((await gateway.client.readResponse()).content.toString()).toBe(target);
  });
});

describe('fields for one origin', () => {
  const KEPT = ['accept', 'range', 'user-agent', 'x-of-client', 'x-forwarded-for', 'via'];
  const SECRET = ['authorization', 'cookie', 'x-api-key', 'x-token', 'x-changed'];

  test.for(['another origin', 'the same origin', 'a mirror'] as const)(
    'that rules or a hook add, and credentials, do not go to others: %s [RFC 9110 15.4; Go; curl]',
    async (where, { net }) => {
      const other = await net.origin(respondWith(({ lines }) => sized(lines.join('\n'))));
      const origin = await net.origin(
        respondWith(({ lines, target }) => {
          if (where === 'a mirror') return sized('', [], 'HTTP/1.1 503 Busy');
          const place = where === 'another origin' ? `${other.url}/end` : '/end';
          return target === '/start' ? redirect(302, place) : sized(lines.join('\n'));
        }),
      );
      const running = await net.proxy({
        upstream: { url: origin.url, ...(where === 'a mirror' && { mirrors: [other.url] }) },
        ...following,
        headers: {
          request: { set: { 'X-Api-Key': 'k', 'User-Agent': 'ours' }, append: { 'X-Changed': 'b' } },
        },
        onUpstreamRequest: ({ upstreamRequest }) => {
          upstreamRequest.headers.set('X-Token', 't').set('Range', 'bytes=0-').set('Accept', 'a/b');
        },
      });
      const client = await net.client(running);
      await client.get('/start', ['Authorization: a', 'Cookie: b', 'X-Of-Client: c', 'X-Changed: a']);
      const names = (await client.readResponse()).content
        .toString()
        .split('\n')
        .map((each) => each.split(':', 1)[0]?.toLowerCase());
      expect(names).toEqual(expect.arrayContaining(KEPT));
      const isSame = where === 'the same origin';
      for (const name of SECRET) expect(names.includes(name), name).toBe(isSame);
    },
  );
});
