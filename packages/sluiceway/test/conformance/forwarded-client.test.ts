import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { attach, createProxy, type ForwardedClient } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { Http2Client } from '../support/http2-client.js';
import type { RequestHead } from '../support/message-head.js';
import { RawClient } from '../support/raw-client.js';
import { respondWith } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { sized } from '../support/through.js';

interface Seen {
  /** What the origin server got. */
  head: RequestHead;
  /** What hooks saw. */
  client: ForwardedClient;
}

/** Options of a proxy whose requests are noted as the hook and the origin server see them. */
async function noting(
  net: Network,
  options: ProxyOptions = {},
): Promise<{ options: ProxyOptions; seen: Seen }> {
  const seen: Partial<Seen> = {};
  const origin = await net.origin(
    respondWith((head) => {
      seen.head = head;
      return sized('x', ['Set-Cookie: a=1']);
    }),
  );
  const { onUpstreamRequest } = options;
  return {
    seen: seen as Seen,
    options: {
      ...options,
      upstream: origin.url,
      onUpstreamRequest(messages) {
        seen.client = messages.request.forwarded;
        return onUpstreamRequest?.(messages);
      },
    },
  };
}

const forwarding = (head: RequestHead): string[] =>
  head.lines.filter((line) => /^(x-forwarded-|forwarded:)/i.test(line));

async function ask(net: Network, options: ProxyOptions, lines: readonly string[]): Promise<Seen> {
  const noted = await noting(net, options);
  const client = await net.client(await net.proxy(noted.options));
  await client.get('/', lines);
  expect((await client.readResponse()).head.status).toBe(200);
  return noted.seen;
}

const CLAIMS = [
  'X-Forwarded-For: 6.6.6.6, 192.0.2.1:4711, 127.0.0.9',
  'X-Forwarded-Host: a.test',
  'X-Forwarded-Proto: https',
];

describe('the client that hooks see', () => {
  test('is the peer where nobody vouches for what it says [Caddy]', async ({ net }) => {
    const { client } = await ask(net, {}, CLAIMS);
    expect(client).toEqual({ for: '127.0.0.1', host: 'test', proto: 'http' });
  });

  test('is the right-most untrusted one behind a trusted proxy, without its port [Caddy; nginx]', async ({
    net,
  }) => {
    const { client } = await ask(net, { trustedProxies: ['127.0.0.0/8'] }, CLAIMS);
    expect(client).toEqual({ for: '192.0.2.1', host: 'a.test', proto: 'https' });
  });

  test('is read from Forwarded where a trusted proxy sends that [RFC 7239 4]', async ({ net }) => {
    const forwarded =
      'Forwarded: for=6.6.6.6, for="[2001:db8::1]:80";host="a.test";proto=https, for=127.0.0.9';
    const { client } = await ask(net, { trustedProxies: ['127.0.0.0/8'] }, [forwarded]);
    expect(client).toEqual({ for: '2001:db8::1', host: 'a.test', proto: 'https' });
  });

  test('decides whether a cookie is Secure, where that is to match [Sluiceway]', async ({ net }) => {
    const headers = { cookies: { secure: 'match' } } as const;
    for (const [trustedProxies, expected] of [
      [['127.0.0.1'], 'a=1; Secure'],
      [[], 'a=1'],
    ] as const) {
      const noted = await noting(net, { headers, trustedProxies });
      const client = await net.client(await net.proxy(noted.options));
      await client.get('/', ['X-Forwarded-Proto: https']);
      expect((await client.readResponse()).head.get('set-cookie')).toBe(expected);
    }
  });
});

/** Asks a proxy whose server takes all peers for ones at that address. */
async function askFrom(
  net: Network,
  address: string,
  options: ProxyOptions,
  lines: readonly string[],
): Promise<Seen> {
  const noted = await noting(net, options);
  const running = await net.proxy(noted.options);
  running.server.prependListener('connection', (socket: Socket) => {
    Object.defineProperty(socket, 'remoteAddress', { value: address });
  });
  const client = await net.client(running);
  await client.get('/', lines);
  expect((await client.readResponse()).head.status).toBe(200);
  return noted.seen;
}

describe('a peer with an address of another kind', () => {
  test('is served, not trusted, and has no X-Forwarded-For made up [Caddy; Go ReverseProxy]', async ({
    net,
  }) => {
    const trusted = { trustedProxies: ['0.0.0.0/0', '::/0', 'unix'] };
    const { head, client } = await askFrom(net, 'odd network', trusted, CLAIMS);
    expect(forwarding(head)).toEqual(['X-Forwarded-Host: test', 'X-Forwarded-Proto: http']);
    expect(client).toEqual({ for: null, host: 'test', proto: 'http' });
  });

  test('is compared and forwarded without its IPv6 zone [Caddy]', async ({ net }) => {
    const { head, client } = await askFrom(net, 'fe80::1%eth0', { trustedProxies: ['fe80::/10'] }, []);
    expect(head.get('x-forwarded-for')).toBe('fe80::1');
    expect(client.for).toBe('fe80::1');
    const chained = await askFrom(net, 'fe80::1%eth0', { trustedProxies: ['fe80::/10'] }, CLAIMS.slice(0, 1));
    expect(chained.head.get('x-forwarded-for')).toBe('6.6.6.6, 192.0.2.1:4711, 127.0.0.9, fe80::1');
  });
});

/** Listens on a Unix socket, whose path it returns. */
async function listen(net: Network, server: Server | ReturnType<typeof createHttp2Server>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sluiceway-unix-'));
  net.cleanup(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'socket');
  server.listen(path);
  net.cleanup(() => new Promise((resolve) => server.close(resolve)));
  await once(server, 'listening');
  return path;
}

async function askByUnixSocket(
  net: Network,
  trustedProxies: string[],
  lines: readonly string[],
): Promise<Seen> {
  const noted = await noting(net, { trustedProxies });
  const proxy = createProxy(noted.options);
  const server = createServer();
  attach(server, proxy);
  const path = await listen(net, server);
  const client = new RawClient(connect(path));
  net.cleanup(() => proxy.destroy());
  net.cleanup(() => client.close());
  await client.get('/', lines);
  expect((await client.readResponse()).head.status).toBe(200);
  return noted.seen;
}

describe('a peer on a Unix socket', () => {
  test('has its forwarding fields removed and none made, unless it is trusted [Caddy]', async ({ net }) => {
    const { head, client } = await askByUnixSocket(net, ['0.0.0.0/0', '::/0'], CLAIMS);
    expect(forwarding(head)).toEqual([]);
    expect(client).toEqual({ for: null, host: 'test', proto: 'http' });
  });

  test('that is trusted has its chain kept as it is, and nothing added to it [Caddy]', async ({ net }) => {
    const { head, client } = await askByUnixSocket(net, ['127.0.0.0/8', 'unix'], CLAIMS);
    expect(forwarding(head)).toEqual(CLAIMS);
    expect(client).toEqual({ for: '192.0.2.1', host: 'a.test', proto: 'https' });
  });

  test('that is trusted and says nothing has its host and protocol forwarded, and no address [Caddy]', async ({
    net,
  }) => {
    const { head, client } = await askByUnixSocket(net, ['unix'], []);
    expect(forwarding(head)).toEqual(['X-Forwarded-Host: test', 'X-Forwarded-Proto: http']);
    expect(client).toEqual({ for: null, host: 'test', proto: 'http' });
  });

  test('is known by HTTP/2 too [Sluiceway]', async ({ net }) => {
    const noted = await noting(net, { trustedProxies: ['unix'] });
    const proxy = createProxy(noted.options);
    const server = createHttp2Server();
    attach(server, proxy);
    const path = await listen(net, server);
    const client = new Http2Client(connectHttp2('http://test', { createConnection: () => connect(path) }));
    net.cleanup(() => proxy.destroy());
    net.cleanup(() => client.session.destroy());
    expect((await client.get('/', { 'x-forwarded-for': '192.0.2.1' })).status).toBe(200);
    expect(noted.seen.head.get('x-forwarded-for')).toBe('192.0.2.1');
    expect(noted.seen.client.for).toBe('192.0.2.1');
  });
});
