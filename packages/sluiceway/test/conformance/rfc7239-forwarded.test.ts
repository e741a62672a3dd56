import { once } from 'node:events';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect } from 'vitest';
import { attach, createProxy } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { openHttp2 } from '../support/http2-client.js';
import type { RequestHead } from '../support/message-head.js';
import { respondWith } from '../support/raw-origin.js';
import { seenRequest } from '../support/seen-request.js';
import { sized, through } from '../support/through.js';

const CLAIMS = [
  'X-Forwarded-For: 192.0.2.1, 192.0.2.2',
  'X-Forwarded-For: 192.0.2.3',
  'X-Forwarded-Host: claimed.example',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Port: 4711',
  'Forwarded: for=192.0.2.1;proto=https',
  'X-Real-IP: 192.0.2.1',
];

const forwarding = (head: RequestHead): string[] =>
  head.lines.filter((line) => /^(x-forwarded-|forwarded:|x-real-ip)/i.test(line));

describe('the forwarding fields of an untrusted client', () => {
  test('are replaced by what the proxy knows [Go ReverseProxy; Caddy]', async ({ net }) => {
    expect(forwarding(await seenRequest(net, CLAIMS))).toEqual([
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Host: test',
      'X-Forwarded-Proto: http',
    ]);
  });

  test('stay replaced when it names ours in Connection [RFC 9110 7.6.1; CVE-2022-31813]', async ({ net }) => {
    const lines = [...CLAIMS, 'Connection: X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto'];
    expect(forwarding(await seenRequest(net, lines))).toEqual([
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Host: test',
      'X-Forwarded-Proto: http',
    ]);
  });
});

describe('the forwarding fields of a trusted proxy', () => {
  const trusting = { trustedProxies: ['127.0.0.0/8'] };

  test('are continued: its chain gets its address, its host and protocol are kept [RFC 7239 4; Caddy]', async ({
    net,
  }) => {
    const head = await seenRequest(net, CLAIMS, trusting);
    expect(head.get('x-forwarded-for')).toBe('192.0.2.1, 192.0.2.2, 192.0.2.3, 127.0.0.1');
    expect(head.get('x-forwarded-host')).toBe('claimed.example');
    expect(head.get('x-forwarded-proto')).toBe('https');
    expect(head.get('forwarded')).toBe('for=192.0.2.1;proto=https, for=127.0.0.1;host=test;proto=http');
  });

  test('are made where it sent none [Caddy]', async ({ net }) => {
    expect(forwarding(await seenRequest(net, [], trusting))).toEqual([
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Host: test',
      'X-Forwarded-Proto: http',
    ]);
  });
});

describe('Host', () => {
  test("is the origin server's own, and the client's is in X-Forwarded-Host [RFC 9110 7.2; Go ReverseProxy; Caddy]", async ({
    net,
  }) => {
    const { client, origin } = await through(
      net,
      respondWith((head) => sized(`${head.get('host')} ${head.get('x-forwarded-host')}`)),
    );
    await client.send('GET / HTTP/1.1\r\nHost: Public.Example:8443\r\n\r\n');
    const { content } = await client.readResponse();
    expect(content.toString()).toBe(`127.0.0.1:${origin.port} Public.Example:8443`);
  });

  test('may be kept by a hook [Go ReverseProxy]', async ({ net }) => {
    const head = await seenRequest(net, [], {
      onUpstreamRequest({ request, upstreamRequest }) {
        upstreamRequest.headers.set('Host', request.host ?? '');
      },
    });
    expect(head.getAll('host')).toEqual(['test']);
  });
});

describe('Via', () => {
  test('of both messages names the proxy after all others, with the version that it received [RFC 9110 7.6.3; Caddy]', async ({
    net,
  }) => {
    let seen: string[] = [];
    const { client } = await through(
      net,
      respondWith((head) => {
        seen = head.getAll('via');
        return sized('x', ['Via: 1.0 other'], 'HTTP/1.0 200 OK');
      }),
      { name: 'us' },
    );
    await client.send('GET / HTTP/1.0\r\nVia: 1.1 a, 1.1 b (comment)\r\n\r\n');
    const { head } = await client.readResponse();
    expect(seen).toEqual(['1.1 a, 1.1 b (comment)', '1.0 us']);
    expect(head.getAll('via')).toEqual(['1.0 other', '1.0 us']);
  });

  test('has the version 2.0 where the request came by HTTP/2, whose :authority is the Host of the client [RFC 9110 7.6.3; RFC 9113 8.3.1; Caddy]', async ({
    net,
  }) => {
    const origin = await net.origin(
      respondWith((head) =>
        sized(`${head.get('via')}, ${head.get('host')}, ${head.get('x-forwarded-host')}`),
      ),
    );
    const proxy = createProxy({ upstream: origin.url, name: 'us', headers: { host: 'client' } });
    const server = createHttp2Server();
    attach(server, proxy);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    net.cleanup(() => proxy.close());
    net.cleanup(() => void server.close());
    const client = await openHttp2((server.address() as AddressInfo).port);
    net.cleanup(() => client.close());
    const { content } = await client.get('/', { ':authority': 'Public.Example:8443' });
    expect(content.toString()).toBe('2.0 us, Public.Example:8443, Public.Example:8443');
  });

  test('that names the proxy already is a loop: 508, and nothing is sent on [RFC 9110 7.6.3; RFC 5842 7.2]', async ({
    net,
  }) => {
    const { client, origin, running } = await through(net, respondWith(sized('')), { name: 'us' });
    await client.get('/', ['Via: 1.1 other, 1.1 US (again)']);
    const response = await client.readResponse();
    expect(response.head.status).toBe(508);
    expect(origin.total).toBe(0);
    expect(await running.record()).toMatchObject({ outcome: 'rejected', error: 'proxy_loop_detected' });
  });
});
