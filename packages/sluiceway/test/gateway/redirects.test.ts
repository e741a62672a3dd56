import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { loopbackCertificate } from '../support/certificates.js';
import { type ConnectSpy, watchConnects } from '../support/connect-spy.js';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { startGateway, throughGateway } from '../support/gateway.js';
import type { RequestHead } from '../support/message-head.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

// Wherever a redirect leads, no test of these sends anything out of this machine.
let spy: ConnectSpy;
beforeAll(async () => {
  spy = await watchConnects((place) => place.startsWith('127.'));
});
beforeEach(() => {
  spy.seen.length = 0;
});
afterAll(() => spy.stop());

const outside = (): string[] => spy.seen.filter((place) => !place.startsWith('127.'));

const redirect = (
  location: string | readonly string[] | null,
  content: string | Buffer = 'moved',
  status = '302 Found',
): Buffer => {
  const locations = location === null ? [] : typeof location === 'string' ? [location] : location;
  return sized(
    content,
    locations.map((each) => `Location: ${each}`),
    `HTTP/1.1 ${status}`,
  );
};

/** Redirects as told, and answers every other request with what has been asked. */
const from =
  (answer: (target: string) => Buffer | null): OriginScript =>
  (connection) =>
    respondWith((head) => answer(head.target) ?? sized(`${head.target} for ${head.get('host')}`))(connection);

const start = (location: Parameters<typeof redirect>[0]): OriginScript =>
  from((target) => (target === '/a/start' ? redirect(location) : null));

describe('a gateway follows a redirect', () => {
  test.for([
    '301 Moved Permanently',
    '302 Found',
    '303 See Other',
    '307 Temporary Redirect',
    '308 Permanent Redirect',
  ])(
    'of status %s with the method, the range and the conditions of the client [RFC 9110 15.4]',
    async (status, { net }) => {
      const seen: RequestHead[] = [];
      const { client, link } = await throughGateway(
        net,
        respondWith((head) => {
          seen.push(head);
          const isHead = head.method === 'HEAD';
          if (head.target === '/start')
            return isHead
              ? `HTTP/1.1 ${status}\r\nLocation: /end\r\n\r\n`
              : redirect('/end', 'moved', status);
          return isHead
            ? 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n'
            : sized('nd', ['Content-Range: bytes 1-2/3', 'ETag: "v1"'], 'HTTP/1.1 206 Partial Content');
        }),
      );
      await client.get(link('/start'), ['Range: bytes=1-', 'If-Range: "v1"']);
      const partial = await client.readResponse();
      expect([partial.head.status, partial.content.toString()]).toEqual([206, 'nd']);
      expect(partial.head.has('location')).toBe(false);
      await client.send(`HEAD ${link('/start')} HTTP/1.1\r\nHost: test\r\n\r\n`);
      expect((await client.readResponse({ method: 'HEAD' })).head.contentLength).toBe(3);
      expect(seen.map(({ method, target }) => `${method} ${target}`)).toEqual([
        'GET /start',
        'GET /end',
        'HEAD /start',
        'HEAD /end',
      ]);
      for (const head of seen.slice(0, 2))
        expect([head.get('range'), head.get('if-range')]).toEqual(['bytes=1-', '"v1"']);
    },
  );

  test.for([
    ['a relative path', 'next', '/a/next'],
    ['a path upwards', '../../up', '/up'],
    ['a query', '?b=c%20d', '/a/start?b=c%20d'],
    ['an absolute path', '/x%2Fy?sig=a%2Bb', '/x%2Fy?sig=a%2Bb'],
    ['another authority', '//127.0.0.1:PORT/net', '/net'],
    ['another URL', 'http://127.0.0.1:PORT/full?sig=a+b#part', '/full?sig=a+b'],
    ['a URL in capitals', 'HTTP://127.0.0.1:PORT', '/'],
    ['a URL in an odd spelling', 'http://0x7f.1:PORT/odd', '/odd'],
  ] as const)('to %s [RFC 9110 10.2.2]', async ([, location, target], { net }) => {
    const other = await net.origin(from(() => null));
    const { client, link, origin } = await throughGateway(
      net,
      start(location.replace('PORT', `${other.port}`)),
    );
    await client.get(link('/a/start'));
    const port = location.includes('PORT') ? other.port : origin.port;
    expect((await client.readResponse()).content.toString()).toBe(`${target} for 127.0.0.1:${port}`);
  });

  test('five times, not six [camo]', async ({ net }) => {
    const { client, link, origin } = await throughGateway(
      net,
      from((target) => {
        const left = Number(target.slice(1));
        return left > 0 ? redirect(`/${left - 1}`) : null;
      }),
    );
    await client.get(link('/5'));
    expect((await client.readResponse()).head.status).toBe(200);
    await client.get(link('/6'));
    expect((await client.readResponse()).head.status).toBe(502);
    expect(origin.total).toBeLessThanOrEqual(12);
  });

  test('of two equal Location lines [Chromium]', async ({ net }) => {
    const { client, link } = await throughGateway(net, start(['/end', '/end']));
    await client.get(link('/a/start'));
    expect((await client.readResponse()).head.status).toBe(200);
  });
});

describe('a gateway refuses a redirect', () => {
  test.for([
    ['to the metadata of a cloud', 'http://169.254.169.254/latest/meta-data/', 403],
    ['to the metadata of a cloud, by a relative authority', '//169.254.169.254/', 403],
    ['to a private address', 'http://10.0.0.1/', 403],
    ['to loopback in IPv6', 'http://[::1]/', 403],
    ['to loopback in mapped IPv6', 'http://[::ffff:10.0.0.1]/', 403],
    ['to no address', 'http://0/', 403],
    ['to a file', 'file:///etc/passwd', 502],
    ['to another scheme', 'ftp://127.0.0.1/', 502],
    ['to a script', 'javascript:alert(1)', 502],
    ['to data', 'data:text/html,x', 502],
    ['with credentials', 'http://user:pass@127.0.0.1/', 502],
    ['with a backslash', 'http://127.0.0.1\\@8.8.8.8/', 502],
    ['to no host', 'http:///x', 502],
    ['to half an address', 'http://[', 502],
    ['to the port 0', 'http://127.0.0.1:0/', 502],
    ['to a port that is none', 'http://127.0.0.1:65536/', 502],
    ['without Location', null, 502],
    ['with an empty Location', '', 502],
    ['to itself', '/a/start', 502],
    ['of two different Location lines', ['/end', 'http://10.0.0.1/'], 502],
    ['of two different Location lines, the first one to nowhere', ['http://10.0.0.1/', '/end'], 502],
  ] as const)(
    '%s, and tells the client nothing of it, nor the log its path [smokescreen]',
    async ([, location, status], { net }) => {
      const { client, link, origin, records } = await throughGateway(net, start(location));
      await client.get(link('/a/start'));
      const { head, content } = await client.readResponse();
      expect(head.status).toBe(status);
      expect(`${head.lines.join('\n')}${content.toString()}`).not.toMatch(
        /169\.254|10\.0\.0\.1|passwd|moved/,
      );
      expect(outside()).toEqual([]);
      expect(origin.total).toBeLessThanOrEqual(6);
      await until(() => records.length === 1, 'the transfer had ended');
      // An address may be in the record, for whoever runs the gateway.
      expect(JSON.stringify(records)).not.toMatch(/meta-data|passwd|alert|user:pass/);
    },
  );

  test('to its own listener [smokescreen]', async ({ net }) => {
    let port = 0;
    const { client, link, running, origin } = await throughGateway(
      net,
      from((target) => (target === '/a/start' ? redirect(`http://127.0.0.1:${port}/download?x`) : null)),
    );
    port = running.port;
    await client.get(link('/a/start'));
    expect((await client.readResponse()).head.status).toBe(403);
    expect([origin.total, running.open]).toEqual([1, 1]);
  });

  test('to another port than is allowed [smokescreen]', async ({ net }) => {
    const other = await net.origin(from(() => null));
    const origin = await net.origin(start(`${other.url}/`));
    const { gateway, running } = await startGateway(net, {
      guard: { allowAddresses: [`127.0.0.1:${origin.port}`] },
    });
    const client = await net.client(running);
    await client.get(gateway.sign({ url: `${origin.url}/a/start`, expires: '1h' }));
    expect((await client.readResponse()).head.status).toBe(403);
    expect([origin.total, other.total]).toEqual([1, 0]);
  });

  test('from https: to http: [camo]', async ({ net }) => {
    const certificate = await loopbackCertificate();
    const plain = await net.origin(from(() => null));
    const secure = await net.origin(start(`${plain.url}/`), { tls: certificate });
    const { gateway, running } = await startGateway(net, {
      guard: { allowAddresses: ['127.0.0.0/8', '::1'], allowPorts: 'any' },
      tls: { ca: certificate.ca },
    });
    const client = await net.client(running);
    await client.get(gateway.sign({ url: `https://127.0.0.1:${secure.port}/a/start`, expires: '1h' }));
    expect((await client.readResponse()).head.status).toBe(502);
    expect([secure.total, plain.total]).toEqual([1, 0]);
  });

  test.for([
    ['a host that is not allowed', { allowHosts: ['127.0.0.1'] }, '127.0.0.3', '/private'],
    ['a host that is denied', { denyHosts: ['127.0.0.3'] }, '127.0.0.3', '/private'],
    ['a denied host in another spelling', { denyHosts: ['127.0.0.3'] }, '0x7f000003', '/private'],
    [
      'a path that is not allowed',
      { allowHosts: ['127.0.0.1', 'http://127.0.0.3/public/*'] },
      '127.0.0.3',
      '/private',
    ],
    ['a denied path', { denyHosts: ['127.0.0.3/private/*'] }, '127.0.0.3', '/private/a'],
    [
      'a denied path in another spelling',
      { denyHosts: ['127.0.0.3/private/*'] },
      '127.0.0.3',
      '//%70rivate/a',
    ],
    ['a denied path by way of dots', { denyHosts: ['127.0.0.3/private/*'] }, '127.0.0.3', '/b/../private/a'],
  ] as const)('to %s, on any hop [smokescreen]', async ([, hosts, host, path], { net }) => {
    const third = await net.origin(
      from(() => null),
      { host: '127.0.0.3' },
    );
    const second = await net.origin(
      from((target) => (target === '/second' ? redirect(`http://${host}:${third.port}${path}`) : null)),
    );
    const first = await net.origin(start(`${second.url}/second`));
    const { gateway, running } = await startGateway(net, {
      guard: { allowAddresses: ['127.0.0.0/8'], allowPorts: 'any', ...hosts },
    });
    const client = await net.client(running);
    await client.get(gateway.sign({ url: `${first.url}/a/start`, expires: '1h' }));
    expect((await client.readResponse()).head.status).toBe(403);
    expect([first.total, second.total, third.total]).toEqual([1, 1, 0]);
  });

  test('in a circle of several servers [camo]', async ({ net }) => {
    let next = '';
    const first = await net.origin(from(() => redirect(next)));
    const second = await net.origin(from(() => redirect(`${first.url}/a`)));
    next = `${second.url}/b`;
    const { gateway, running } = await startGateway(net);
    const client = await net.client(running);
    await client.get(gateway.sign({ url: `${first.url}/`, expires: '1h' }));
    expect((await client.readResponse()).head.status).toBe(502);
  });
});

describe('what a link has for the origin server', () => {
  const headers = { Authorization: 'Bearer secret', 'X-Api-Key': 'secret', Cookie: 'session=secret' };

  test('goes on to the same origin only, and does not come back [RFC 9110 15.4]', async ({ net }) => {
    const certificate = await loopbackCertificate();
    const seen: [string, number][] = [];
    const note = (head: RequestHead): void => {
      const secrets = head.lines.filter((line) => line.endsWith('secret'));
      seen.push([head.target, secrets.length]);
    };
    const places: Record<string, string> = {};
    const script: OriginScript = (connection) =>
      respondWith((head) => {
        note(head);
        const place = places[head.target];
        return place === undefined ? sized('end') : redirect(place);
      })(connection);
    const [first, second] = await Promise.all([net.origin(script), net.origin(script)]);
    const secure = await net.origin(script, { tls: certificate });
    Object.assign(places, {
      '/1': '/2',
      '/2': `${second.url}/other-port`,
      '/other-port': `${first.url}/back`,
      '/scheme': `https://127.0.0.1:${secure.port}/secure`,
    });
    const { gateway, running } = await startGateway(net, { tls: { ca: certificate.ca } });
    const client = await net.client(running);
    for (const path of ['/1', '/scheme']) {
      await client.get(gateway.sign({ url: `${first.url}${path}`, expires: '1h', headers }));
      expect((await client.readResponse()).content.toString()).toBe('end');
    }
    expect(seen).toEqual([
      ['/1', 3],
      ['/2', 3],
      ['/other-port', 0],
      ['/back', 0],
      ['/scheme', 3],
      ['/secure', 0],
    ]);
  });
});

test('content of redirects of 10 MB holds no connection [undici]', async ({ net }) => {
  const large = seededBytes('redirect', 0, 10_000_000);
  const { client, link, origin } = await throughGateway(
    net,
    from((target) => (target === '/start' ? redirect('/end', large) : null)),
  );
  for (let i = 0; i < 5; i += 1) {
    await client.get(link('/start'));
    expect((await client.readResponse()).head.status).toBe(200);
  }
  await until(() => origin.open <= 1, 'the connections with what is left of redirects were closed');
});
