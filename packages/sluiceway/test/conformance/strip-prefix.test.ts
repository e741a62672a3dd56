import { describe, expect } from 'vitest';
import {
  attach,
  createProxy,
  mount,
  OptionsError,
  type ProxyOptions,
  stripPrefix,
  type TransferRecord,
} from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { openHttp2 } from '../support/http2-client.js';
import { respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

/** An origin server that says what it was asked for. */
const told = respondWith((head, content) => sized(`${head.method} ${head.target} ${content.length}`));

/** A proxy whose origin server has a base path, mounted under `/files`. */
async function prefixed(net: Network, options: Partial<ProxyOptions> = {}) {
  const origin = await net.origin(told);
  const proxy = createProxy({ upstream: `${origin.url}/base`, ...options });
  const running = await startServer();
  attach(running.server, stripPrefix('/files', proxy));
  net.cleanup(async () => {
    proxy.destroy();
    await running.stop();
  });
  return { origin, proxy, running, client: await net.client(running) };
}

describe('stripPrefix', () => {
  test.for([
    ['/files/a%2Fb?c=%20', '/base/a%2Fb?c=%20'],
    ['/files', '/base'],
    ['/files?x', '/base?x'],
    ['/files/', '/base/'],
    ['/files/?x', '/base/?x'],
    ['/files//a', '/base//a'],
  ])(
    'asks for %s as %s, escapes kept [nginx; @fastify/http-proxy]',
    async ([target = '', asked], { net }) => {
      const { client } = await prefixed(net);
      await client.get(target);
      expect((await client.readResponse()).content.toString()).toBe(`GET ${asked} 0`);
    },
  );

  test.for(['/filesystem', '/files%2Fa', '/%66iles/a', '/', '/other', '/Files/a'])(
    'answers 404 for %s, which is not under the prefix, and asks nobody [Go StripPrefix]',
    async (target, { net }) => {
      const { client, origin } = await prefixed(net);
      await client.get(target);
      const response = await client.readResponse();
      expect(response.head.status).toBe(404);
      expect(response.head.get('content-type')).toBe('application/problem+json');
      expect(origin.total).toBe(0);
      // The connection goes on.
      await client.get('/files/a');
      expect((await client.readResponse()).head.status).toBe(200);
    },
  );

  test('refuses a path that climbs out of the base path, also behind the prefix [Go StripPrefix]', async ({
    net,
  }) => {
    const { client, origin } = await prefixed(net);
    await client.get('/files/../../secret');
    expect((await client.readResponse()).head.status).toBe(400);
    expect(origin.total).toBe(0);
  });

  test('takes the prefix off a target in absolute-form [RFC 9112 3.2.2]', async ({ net }) => {
    const { client } = await prefixed(net);
    await client.send('GET http://test/files/a HTTP/1.1\r\nHost: other\r\n\r\n');
    expect((await client.readResponse()).content.toString()).toBe('GET /base/a 0');
  });

  test('answers 404 to HEAD without content, and to an upload without waiting for it [RFC 9110 9.3.2]', async ({
    net,
  }) => {
    const { client, running } = await prefixed(net);
    await client.send('HEAD /x HTTP/1.1\r\nHost: test\r\n\r\n');
    const head = await client.readResponse({ method: 'HEAD' });
    expect(head).toMatchObject({ contentLength: 0, complete: true });
    const uploader = await net.client(running);
    await uploader.send('PUT /x HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nabc');
    const refused = await uploader.readResponse();
    expect(refused.head.status).toBe(404);
    expect(refused.head.get('connection')).toBe('close');
    expect(refused.complete).toBe(true);
    uploader.close();
  });

  test('shows its observers the requests that no handler is mounted for, and no others [Sluiceway]', async ({
    net,
  }) => {
    const records: TransferRecord[] = [];
    const options = { observers: [{ onTransferEnd: (record: TransferRecord) => void records.push(record) }] };
    const origin = await net.origin(respondWith('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    const proxy = createProxy({ upstream: origin.url });
    const running = await startServer();
    attach(
      running.server,
      mount(
        { '/files': stripPrefix('/files', proxy), '/own': stripPrefix('/own/deep', proxy, options) },
        options,
      ),
    );
    net.cleanup(async () => {
      proxy.destroy();
      await running.stop();
    });
    const client = await net.client(running);
    const statuses: number[] = [];
    for (const path of ['/files/a', '/other?secret', '/own/x']) {
      await client.get(path);
      const { head } = await client.readResponse();
      statuses.push(head.status);
      if (head.status === 404) expect(head.get('proxy-status')).toContain('error=http_request_denied');
    }
    expect(statuses).toEqual([200, 404, 404]);
    await until(() => records.length === 2, 'both requests were recorded');
    expect(records).toMatchObject([
      { path: '/other?…', status: 404, outcome: 'rejected', error: 'http_request_denied', attempts: 0 },
      { path: '/own/x', status: 404, outcome: 'rejected', error: 'http_request_denied', attempts: 0 },
    ]);
  });

  test('refuses observers that are none [Sluiceway]', () => {
    const observers = ['log'] as unknown as [];
    expect(() => mount({}, { observers })).toThrow(/observers/);
  });

  test('answers a request that is not valid 400, also where no handler is mounted [RFC 9112 3.2]', async ({
    net,
  }) => {
    const { client } = await prefixed(net);
    await client.send('GET /x HTTP/1.1\r\n\r\n');
    expect((await client.readResponse()).head.status).toBe(400);
  });

  test('answers an upgrade outside the prefix 404, and tunnels one inside [RFC 9110 7.8]', async ({
    net,
  }) => {
    const origin = await net.origin(async (connection) => {
      const head = await connection.readHead();
      expect(head.target).toBe('/chat');
      await connection.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own/1\r\n\r\n',
      );
      await connection.write(await connection.readExactly(3));
    });
    const proxy = createProxy({ upstream: origin.url });
    const running = await startServer();
    attach(running.server, mount({ '/live': stripPrefix('/live', proxy) }));
    net.cleanup(async () => {
      proxy.destroy();
      await running.stop();
    });
    const upgrade = 'HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: own/1\r\n\r\n';
    const outside = await net.client(running);
    await outside.send(`GET /chat ${upgrade}`);
    expect((await outside.readResponse()).head.status).toBe(404);
    expect(await outside.closed).toBe('fin');
    const inside = await net.client(running);
    await inside.send(`GET /live/chat ${upgrade}abc`);
    expect((await inside.readHead()).status).toBe(101);
    expect((await inside.readExactly(3)).toString()).toBe('abc');
    inside.close();
  });

  test('leaves the request object as it came, and tells hooks what was taken off [Go ReverseProxy]', async ({
    net,
  }) => {
    const seen: unknown[] = [];
    const { client } = await prefixed(net, {
      onRequest: ({ request: { path, mountPath, raw } }) => {
        seen.push(path, mountPath, raw.url);
        return undefined;
      },
    });
    await client.get('/files/a');
    await client.readResponse();
    expect(seen).toEqual(['/a', '/files', '/files/a']);
  });

  test('puts the prefix back into a Location of the origin server that is rewritten [nginx; Apache httpd]', async ({
    net,
  }) => {
    const origin = await net.origin(
      respondWith(
        (head) =>
          `HTTP/1.1 302 Found\r\nLocation: http://${head.get('host')}/base/next?x\r\nContent-Length: 0\r\n\r\n`,
      ),
    );
    const proxy = createProxy({ upstream: `${origin.url}/base`, headers: { location: 'rewrite' } });
    const running = await startServer();
    attach(running.server, stripPrefix('/a', stripPrefix('/b', proxy)));
    net.cleanup(async () => {
      proxy.destroy();
      await running.stop();
    });
    const client = await net.client(running);
    await client.get('/a/b/c');
    expect((await client.readResponse()).head.get('location')).toBe('/a/b/next?x');
  });

  test('works the same over HTTP/2 [RFC 9113 8.3.1]', async ({ net }) => {
    const { createServer } = await import('node:http2');
    const origin = await net.origin(told);
    const proxy = createProxy({ upstream: origin.url });
    const server = createServer();
    attach(server, stripPrefix('/files', proxy));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const client = await openHttp2((server.address() as { port: number }).port);
    net.cleanup(() => {
      client.close();
      proxy.destroy();
      server.close();
    });
    expect((await client.get('/files/a')).content.toString()).toBe('GET /a 0');
    expect(await client.get('/filesystem')).toMatchObject({ status: 404, complete: true });
    expect(
      await client.request('/x', { headers: { ':method': 'PUT' }, content: Buffer.alloc(500_000) }),
    ).toMatchObject({ status: 404, complete: true });
  });

  test('tells what it serves where the server listens, as mount does: a gateway fetches nothing from itself [smokescreen]', async ({
    net,
  }) => {
    const heard: number[] = [];
    const handler = {
      handle: async () => 'answered' as const,
      upgrade: async () => 'answered' as const,
      listensOn: (_address: string, port: number) => void heard.push(port),
    };
    const running = await startServer();
    net.cleanup(() => running.stop());
    attach(running.server, mount({ '/files': stripPrefix('/files', handler) }));
    expect(heard).toEqual([running.port]);
  });

  test('names every mistake in its arguments', () => {
    expect(() => stripPrefix('files', null as never)).toThrow(OptionsError);
    expect(() => stripPrefix('files', null as never)).toThrow(
      /prefix must be a path.*\n.*handler must be a proxy/s,
    );
  });
});

describe('mount', () => {
  test('serves each path by the longest prefix that fits, in whole segments, and 404 where none does [Go ServeMux]', async ({
    net,
  }) => {
    const named = (name: string) => createProxy({ upstream: `${origin.url}/${name}` });
    const origin = await net.origin(told);
    const proxies = { a: named('a'), ab: named('ab'), c: named('c') };
    const running = await startServer();
    attach(
      running.server,
      mount({ '/a': proxies.a, '/a/b': stripPrefix('/a/b', proxies.ab), '/c/': proxies.c }),
    );
    net.cleanup(async () => {
      for (const proxy of Object.values(proxies)) proxy.destroy();
      await running.stop();
    });
    const client = await net.client(running);
    const asked: string[] = [];
    for (const target of ['/a', '/a/x', '/a/b', '/a/b/x', '/a/bc', '/c', '/c/x', '/d', '/ab']) {
      await client.get(target);
      const response = await client.readResponse();
      asked.push(response.head.status === 200 ? (response.content.toString().split(' ')[1] ?? '') : '404');
    }
    expect(asked).toEqual(['/a/a', '/a/a/x', '/ab', '/ab/x', '/a/a/bc', '/c/c', '/c/c/x', '404', '404']);
  });

  test('names every mistake in its routes', () => {
    const handler = stripPrefix('/x', createProxy({ upstream: 'http://127.0.0.1:9' }));
    expect(() => mount({ a: handler, '/b': {} as never, '/c': handler, '/c/': handler })).toThrow(
      /a must be a path.*\/b must be a proxy.*\/c appears twice/s,
    );
  });
});
