import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createHttp2Server, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect } from 'vitest';
import { attach, createProxy, mount, type NodeServer, stripPrefix } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { sized } from '../support/through.js';

type Found = [location: unknown, contentLocation: unknown, link: unknown];

async function interimOverHttp1(net: Network, url: string, path: string): Promise<Found> {
  const client = await net.client({ port: Number(new URL(url).port) });
  await client.get(path);
  const [head] = (await client.readResponse()).interim;
  return [head?.get('location'), head?.get('content-location'), head?.get('link')];
}

async function interimOverHttp2(net: Network, url: string, path: string): Promise<Found> {
  const session = connect(url);
  net.cleanup(() => session.destroy());
  const stream = session.request({ ':path': path });
  const [head] = (await once(stream, 'headers')) as [IncomingHttpHeaders];
  await once(stream.resume(), 'end');
  return [head.location, head['content-location'], head.link];
}

async function listen(net: Network, server: NodeServer): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  net.cleanup(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What becomes of a Location whose `{up}` is the authority of the origin server, below whose `/app` the proxy is. */
async function locationThrough(
  net: Network,
  location: string,
  options: ProxyOptions = {},
): Promise<[location: string | undefined, contentLocation: string | undefined]> {
  const origin = await net.origin(
    respondWith((head) => {
      const value = location
        .replace('{up}', `127.0.0.1:${origin.port}`)
        .replace('{host}', head.get('host') ?? '');
      return sized('', [`Location: ${value}`, `Content-Location: ${value}`], 'HTTP/1.1 302 Found');
    }),
  );
  const running = await net.proxy({ upstream: `${origin.url}/app`, ...options });
  const client = await net.client(running);
  await client.get('/a');
  const { head } = await client.readResponse();
  return [head.get('location'), head.get('content-location')].map((value) =>
    value?.replace(`127.0.0.1:${origin.port}`, '{up}'),
  ) as [string | undefined, string | undefined];
}

const rewriting = { headers: { location: 'rewrite' } } as const;

describe('a Location and a Content-Location', () => {
  test.for(['http://{up}/app/b', '/app/b', '//evil.test/b'])(
    'pass as they are by default: %s [Go ReverseProxy]',
    async (location, { net }) => {
      expect(await locationThrough(net, location)).toEqual([location, location]);
      expect(await locationThrough(net, location, { headers: { location: 'pass' } })).toEqual([
        location,
        location,
      ]);
    },
  );

  test.for([
    ['http://{up}/app/b?c=%2F#d', '/b?c=%2F#d'],
    ['//{up}/app/b', '/b'],
    ['/app/b', '/b'],
    ['/app', '/'],
  ] as const)(
    'that point into the upstream lead through the proxy where the option says so: %s becomes %s [nginx; Apache httpd]',
    async ([location, expected], { net }) => {
      expect(await locationThrough(net, location, rewriting)).toEqual([expected, expected]);
    },
  );

  test.for(['http://other.test/app/b', 'https://{up}/app/b', '/other', 'b', '../b', '/app/../b'])(
    'that point elsewhere pass as they are: %s [nginx]',
    async (location, { net }) => {
      expect(await locationThrough(net, location, rewriting)).toEqual([location, location]);
    },
  );

  test.for(['http://{up}/app//evil.test', '/app//evil.test', '/app/\\evil.test', '/app/\t/evil.test'])(
    'never become those of another host: %j [RFC 9110 17.9]',
    async (location, { net }) => {
      expect(await locationThrough(net, location, rewriting)).toEqual([location, location]);
    },
  );

  test('that name the origin server as the proxy has called it in Host lead through the proxy [nginx]', async ({
    net,
  }) => {
    const headers = { host: 'Files.Internal:81', location: 'rewrite' } as const;
    expect(await locationThrough(net, 'http://{host}/app/b', { headers })).toEqual(['/b', '/b']);
  });

  test('are read against the upstream that a hook has chosen, and pass where it has aimed at an exact target [Apache httpd]', async ({
    net,
  }) => {
    const onUpstreamRequest: NonNullable<ProxyOptions['onUpstreamRequest']> = ({ upstreamRequest }) => {
      const { protocol, host } = upstreamRequest.target.base;
      expect(upstreamRequest.joinedTo?.path).toBe('/app');
      upstreamRequest.setTarget(`${protocol}//${host}/other`);
    };
    expect(await locationThrough(net, '/other/b', { ...rewriting, onUpstreamRequest })).toEqual(['/b', '/b']);
    const exact = await locationThrough(net, '/app/a/b', {
      ...rewriting,
      onUpstreamRequest: ({ upstreamRequest }) => {
        upstreamRequest.setExactTarget(upstreamRequest.target);
        expect(upstreamRequest.joinedTo).toBeNull();
      },
    });
    expect(exact).toEqual(['/app/a/b', '/app/a/b']);
  });

  test('get the prefix back that stripPrefix has taken off [nginx; Apache httpd]', async ({ net }) => {
    const origin = await net.origin(
      respondWith((head) => sized('', [`Location: /app${head.target}`], 'HTTP/1.1 302 Found')),
    );
    const proxy = createProxy({ upstream: origin.url, ...rewriting });
    const based = createProxy({ upstream: `${origin.url}/app`, ...rewriting });
    const running = await startServer();
    attach(running.server, mount({ '/a': stripPrefix('/a', proxy), '/b/c': stripPrefix('/b/c', based) }));
    net.cleanup(() => running.stop());
    net.cleanup(() => Promise.all([proxy.close(), based.close()]));
    const client = await net.client(running);
    for (const [path, expected] of [
      ['/a/x', '/a/app/x'],
      ['/b/c/x?y', '/b/c/app/x?y'],
      ['/b/c', '/b/c/app'],
    ] as const) {
      await client.get(path);
      expect((await client.readResponse()).head.get('location')).toBe(expected);
    }
  });

  test('can be set by a rule, which is not rewritten [Sluiceway]', async ({ net }) => {
    const headers = { location: 'rewrite', response: { set: { Location: '/app/fixed' } } } as const;
    expect(await locationThrough(net, '/app/b', { headers })).toEqual(['/app/fixed', '/b']);
  });

  test.for([
    [104, 'a resumable upload'],
    [103, 'early hints'],
    [102, 'processing'],
  ] as const)(
    'of an interim response lead through the proxy as those of the final one do: %i, %s [RFC 9110 15.2; draft-ietf-httpbis-resumable-upload 5]',
    async ([status], { net }) => {
      const origin = await net.origin(
        respondWith((head) => {
          const lines = [
            `Location: http://${head.get('host')}/app/up/1`,
            'Content-Location: /app/up/1',
            'Link: </app/style.css>; rel=preload',
          ];
          const interim = `HTTP/1.1 ${status} Interim\r\n${lines.join('\r\n')}\r\n\r\n`;
          return Buffer.concat([Buffer.from(interim), sized('', lines, 'HTTP/1.1 201 Created')]);
        }),
      );
      const proxy = createProxy({ upstream: `${origin.url}/app`, ...rewriting });
      const passing = createProxy({ upstream: `${origin.url}/app` });
      for (const [server, get] of [
        [createServer(), interimOverHttp1],
        [createHttp2Server(), interimOverHttp2],
      ] as const) {
        attach(server, mount({ '/a/b': stripPrefix('/a/b', proxy), '/pass': passing, '/': proxy }));
        const url = await listen(net, server);
        // Only what the final response rewrites: a Link passes in both.
        const link = '</app/style.css>; rel=preload';
        expect(await get(net, url, '/x')).toEqual(['/up/1', '/up/1', link]);
        expect(await get(net, url, '/a/b/x')).toEqual(['/a/b/up/1', '/a/b/up/1', link]);
        expect(await get(net, url, '/pass')).toEqual([`${origin.url}/app/up/1`, '/app/up/1', link]);
      }
      await Promise.all([proxy.close(), passing.close()]);
    },
  );

  test('of an interim response is removed where a rule sets or removes it [Sluiceway]', async ({ net }) => {
    const interim = 'HTTP/1.1 104 Upload\r\nLocation: /app/b\r\nContent-Location: /app/b\r\n\r\n';
    const origin = await net.origin(respondWith(interim + sized('').toString()));
    const headers = { location: 'rewrite', response: { remove: ['location'] } } as const;
    const running = await net.proxy({ upstream: `${origin.url}/app`, headers });
    const client = await net.client(running);
    await client.get('/a');
    const response = await client.readResponse();
    expect(response.interim.map(({ lines }) => lines)).toEqual([['Content-Location: /b']]);
  });
});
