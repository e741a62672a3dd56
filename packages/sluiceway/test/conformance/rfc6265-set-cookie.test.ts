import { describe, expect } from 'vitest';
import type { HeaderOptions } from '../../src/index.js';
import { loopbackCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const COOKIES = [
  'Set-Cookie: a=1; Domain=up.test; Path=/app; Secure; HttpOnly; Max-Age=5',
  'set-cookie: b=caf\xc3\xa9;path=/app;  sameSite=None ;SECURE; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
  'Set-Cookie: __Host-c=3; Path=/; Secure',
  'Set-Cookie: d="4; e"',
];

async function cookiesThrough(net: Network, cookies: HeaderOptions['cookies']): Promise<string[]> {
  const { client } = await through(net, respondWith(sized('x', COOKIES)), {
    ...(cookies !== undefined && { headers: { cookies } }),
  });
  await client.get('/');
  const { head } = await client.readResponse();
  return head.lines.filter((line) => /^set-cookie/i.test(line));
}

describe('Set-Cookie', () => {
  test.for([undefined, 'pass', {}] as const)(
    'passes byte for byte, one line a cookie, where the option is %j [RFC 6265 3; Go ReverseProxy]',
    async (cookies, { net }) => {
      expect(await cookiesThrough(net, cookies)).toEqual(COOKIES);
    },
  );

  test('is removed where the option says so, from interim responses too [RFC 6265 3]', async ({ net }) => {
    const interim = `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n${COOKIES.join('\r\n')}\r\n\r\n`;
    const { client } = await through(
      net,
      respondWith(Buffer.concat([Buffer.from(interim, 'latin1'), sized('x', COOKIES)])),
      { headers: { cookies: 'remove' } },
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.interim.map((head) => head.lines)).toEqual([['Link: </a>']]);
    expect(response.head.has('set-cookie')).toBe(false);
  });

  test('has domain and path rewritten, and every other byte kept [http-proxy; nginx]', async ({ net }) => {
    const cookies = { domain: { 'UP.test': 'public.test' }, path: '/files' };
    expect(await cookiesThrough(net, cookies)).toEqual([
      'Set-Cookie: a=1; Domain=public.test; Path=/files; Secure; HttpOnly; Max-Age=5',
      'set-cookie: b=caf\xc3\xa9;path=/files;  sameSite=None ;SECURE; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
      ...COOKIES.slice(2),
    ]);
  });

  test('has Secure exactly where the client came by https, and where browsers insist on it [RFC 6265 4.1.2.5]', async ({
    net,
  }) => {
    expect(await cookiesThrough(net, { secure: 'match' })).toEqual([
      'Set-Cookie: a=1; Domain=up.test; Path=/app; HttpOnly; Max-Age=5',
      ...COOKIES.slice(1),
    ]);
    const tls = await loopbackCertificate();
    const origin = await net.origin(respondWith(sized('x', COOKIES)));
    const running = await net.proxy(
      { upstream: origin.url, headers: { cookies: { secure: 'match' } } },
      { tls },
    );
    const client = await net.client(running, { tls });
    await client.get('/');
    const { head } = await client.readResponse();
    expect(head.lines.filter((line) => /^set-cookie/i.test(line))).toEqual([
      ...COOKIES.slice(0, 3),
      `${COOKIES[3]}; Secure`,
    ]);
  });
});
