import { describe, expect } from 'vitest';
import { attach, createProxy, mount, stripPrefix } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { sized } from '../support/through.js';

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

const rewriting = { fields: { location: 'rewrite' } } as const;

describe('a Location and a Content-Location', () => {
  test.for(['http://{up}/app/b', '/app/b', '//evil.test/b'])(
    'pass as they are by default: %s [Go ReverseProxy]',
    async (location, { net }) => {
      expect(await locationThrough(net, location)).toEqual([location, location]);
      expect(await locationThrough(net, location, { fields: { location: 'pass' } })).toEqual([
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
    const fields = { host: 'Files.Internal:81', location: 'rewrite' } as const;
    expect(await locationThrough(net, 'http://{host}/app/b', { fields })).toEqual(['/b', '/b']);
  });

  test('are read against the upstream that a hook has chosen, and pass where it has aimed at an exact target [Apache httpd]', async ({
    net,
  }) => {
    const onUpstreamRequest: NonNullable<ProxyOptions['onUpstreamRequest']> = ({ upstream }) => {
      const { protocol, host } = upstream.target.base;
      expect(upstream.joinedTo?.path).toBe('/app');
      upstream.setTarget(`${protocol}//${host}/other`);
    };
    expect(await locationThrough(net, '/other/b', { ...rewriting, onUpstreamRequest })).toEqual(['/b', '/b']);
    const exact = await locationThrough(net, '/app/a/b', {
      ...rewriting,
      onUpstreamRequest: ({ upstream }) => {
        upstream.aimAt(upstream.target);
        expect(upstream.joinedTo).toBeNull();
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
      ['/b/c', '/b/c/app/'],
    ] as const) {
      await client.get(path);
      expect((await client.readResponse()).head.get('location')).toBe(expected);
    }
  });

  test('can be set by a rule, which is not rewritten [Sluiceway]', async ({ net }) => {
    const fields = { location: 'rewrite', response: { set: { Location: '/app/fixed' } } } as const;
    expect(await locationThrough(net, '/app/b', { fields })).toEqual(['/app/fixed', '/b']);
  });
});
