import { describe, expect } from 'vitest';
import { loopbackCertificate } from '../support/certificates.js';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { streaming } from '../support/stream-from.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const ANY = { addresses: 'any' } as const;

const redirect = (
  location: string | null,
  status = '302 Found',
  content: string | Buffer = 'moved',
): Buffer => sized(content, location === null ? [] : [`Location: ${location}`], `HTTP/1.1 ${status}`);

/** Redirects `/a/start` as told and answers every other request with its target. */
const from =
  (answer: (target: string) => Buffer | null): OriginScript =>
  (connection) =>
    respondWith((head) => answer(head.target) ?? sized(`${head.method} ${head.target} ${head.get('host')}`))(
      connection,
    );

describe('streamFrom follows a redirect', () => {
  test.for([
    '301 Moved Permanently',
    '302 Found',
    '303 See Other',
    '307 Temporary Redirect',
    '308 Permanent Redirect',
  ])('of status %s, for GET and HEAD alike [RFC 9110 15.4; camo]', async (status, { net }) => {
    const methods: string[] = [];
    const origin = await net.origin(
      respondWith((head) => {
        methods.push(`${head.method} ${head.target}`);
        if (head.method === 'HEAD')
          return head.target === '/start'
            ? `HTTP/1.1 ${status}\r\nLocation: /end\r\n\r\n`
            : 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n';
        return head.target === '/start' ? redirect('/end', status) : sized('end');
      }),
    );
    const { client, records } = await streaming(net, `${origin.url}/start`, ANY);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.status).toBe(200);
    expect(response.head.has('location')).toBe(false);
    expect(response.content.toString()).toBe('end');
    await client.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
    expect((await client.readResponse({ method: 'HEAD' })).head.contentLength).toBe(3);
    expect(methods).toEqual(['GET /start', 'GET /end', 'HEAD /start', 'HEAD /end']);
    await until(() => records.length === 2, 'the transfers had ended');
    expect(records[0]).toMatchObject({ outcome: 'completed', attempts: 2 });
  });

  test('to wherever its Location leads, byte for byte where that is absolute [RFC 9110 10.2.2; camo]', async ({
    net,
  }) => {
    const other = await net.origin(from(() => null));
    const cases: [string, string, 'same' | 'other'][] = [
      ['next', '/a/next', 'same'],
      ['../up?x=%2F', '/up?x=%2F', 'same'],
      ['?only=query', '/a/start?only=query', 'same'],
      ['/abs%2Fpath/%41?b=c%20d', '/abs%2Fpath/%41?b=c%20d', 'same'],
      [`//127.0.0.1:${other.port}/net`, '/net', 'other'],
      [`http://127.0.0.1:${other.port}/full%2F?sig=a%2Bb+c%3D`, '/full%2F?sig=a%2Bb+c%3D', 'other'],
      [`HTTP://127.0.0.1:${other.port}`, '/', 'other'],
      [`http://127.0.0.1:${other.port}/x#fragment`, '/x', 'other'],
      ['/\xc3\xa9', '/%C3%A9', 'same'],
    ];
    for (const [location, target, where] of cases) {
      const origin = await net.origin(from((path) => (path === '/a/start' ? redirect(location) : null)));
      const { client } = await streaming(net, `${origin.url}/a/start`, ANY);
      await client.get('/');
      const { content } = await client.readResponse();
      const host = `127.0.0.1:${where === 'same' ? origin.port : other.port}`;
      expect(content.toString(), location).toBe(`GET ${target} ${host}`);
    }
  });

  test('five times, not six [camo]', async ({ net }) => {
    const origin = await net.origin(
      from((target) => {
        const left = Number(target.slice(1));
        return left > 0 ? redirect(`/${left - 1}`) : null;
      }),
    );
    const five = await streaming(net, `${origin.url}/5`, ANY);
    await five.client.get('/');
    expect((await five.client.readResponse()).head.status).toBe(200);
    const six = await streaming(net, `${origin.url}/6`, ANY);
    await six.client.get('/');
    expect((await six.client.readResponse()).head.status).toBe(502);
    await until(() => six.records.length === 1, 'the transfer had ended');
    expect(six.records[0]).toMatchObject({ outcome: 'upstream_invalid', error: 'too_many_redirects' });
  });

  test('with the range and the user agent, and no credentials of its own [RFC 9110 15.4; camo]', async ({
    net,
  }) => {
    const seen: (readonly string[])[] = [];
    const origin = await net.origin(
      respondWith((head) => {
        seen.push(head.lines);
        return head.target === '/a' ? redirect('/b') : sized('x', [], 'HTTP/1.1 206 Partial Content');
      }),
    );
    const { client } = await streaming(net, `${origin.url}/a`, ANY);
    await client.get('/', ['Range: bytes=1-', 'User-Agent: me', 'Cookie: a=1', 'Authorization: b']);
    expect((await client.readResponse()).head.status).toBe(206);
    for (const lines of seen)
      expect([...lines].toSorted()).toEqual([
        `Host: 127.0.0.1:${origin.port}`,
        'Range: bytes=1-',
        'User-Agent: me',
      ]);
  });
});

describe('streamFrom refuses a redirect', () => {
  test.for([
    ['without a Location', null],
    ['to another scheme', 'ftp://127.0.0.1/'],
    ['to a file', 'file:///etc/passwd'],
    ['to a script', 'javascript:alert(1)'],
    ['with a user name', 'http://user:pass@127.0.0.1/'],
    ['to no host', 'http:///x'],
    ['with a backslash', '/\\evil'],
    ['to itself, for ever', '/start'],
  ] as const)('%s: 502 [camo]', async ([, location], { net }) => {
    const origin = await net.origin(from((target) => (target === '/start' ? redirect(location) : null)));
    const { client } = await streaming(net, `${origin.url}/start`, ANY);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.status).toBe(502);
    expect(response.content.toString()).not.toMatch(/passwd|moved/);
    expect(origin.total).toBeLessThanOrEqual(2);
  });

  test('from https: to http: 502 [camo]', async ({ net }) => {
    const certificate = await loopbackCertificate();
    const plain = await net.origin(from(() => null));
    const secure = await net.origin(respondWith(redirect(`${plain.url}/`)), { tls: certificate });
    const { client } = await streaming(net, secure.url, { ...ANY, tls: { ca: certificate.ca } });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(plain.total).toBe(0);
  });
});

describe('the content of a redirect', () => {
  test('of 10 MB is not waited for, and its connection is closed [undici]', async ({ net }) => {
    const large = seededBytes('redirect', 0, 10_000_000);
    const origin = await net.origin(
      from((target) => (target === '/start' ? redirect('/end', '302 Found', large) : null)),
    );
    const { client } = await streaming(net, `${origin.url}/start`, ANY);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(200);
    await origin.connections[0]?.closed;
  });

  test('that never ends holds nothing up, and its connection is closed [undici]', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      const head = await connection.readHead();
      if (head.target === '/start') {
        await connection.write('HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 1000\r\n\r\nsome');
        await connection.readAll();
        return;
      }
      await connection.write(sized('end'));
      await connection.readAll();
    });
    const { client } = await streaming(net, `${origin.url}/start`, {
      ...ANY,
      timeouts: { upstreamIdle: 100 },
    });
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('end');
    await origin.connections[0]?.closed;
  });

  test('that is short leaves its connection for the next request [undici]', async ({ net }) => {
    const origin = await net.origin(from((target) => (target === '/start' ? redirect('/end') : null)));
    const { client } = await streaming(net, `${origin.url}/start`, ANY);
    for (let i = 0; i < 3; i++) {
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(200);
    }
    expect(origin.total).toBeLessThanOrEqual(2);
  });
});

test('a redirect passes to the client where the profile follows none [Go ReverseProxy]', async ({ net }) => {
  const origin = await net.origin(respondWith(redirect('http://elsewhere/')));
  const { client } = await streaming(net, origin.url, { ...ANY, profile: 'passThrough' });
  await client.get('/');
  const response = await client.readResponse();
  expect(response.head.status).toBe(302);
  expect(response.head.get('location')).toBe('http://elsewhere/');
});

test('Host of a redirect that is followed is that of its URL, whatever the option says [RFC 9110 7.2]', async ({
  net,
}) => {
  const hosts: (string | undefined)[] = [];
  const origin = await net.origin(
    respondWith((head) => {
      hosts.push(head.get('host'));
      return head.target === '/start' ? redirect('/end') : sized('end');
    }),
  );
  const { client } = await streaming(net, `${origin.url}/start`, {
    ...ANY,
    headers: { host: 'named.example' },
  });
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('end');
  expect(hosts).toEqual(['named.example', `127.0.0.1:${origin.port}`]);
});
