import { describe, expect, vi } from 'vitest';
import type { DownstreamRequest } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';
import { type AppLine, ended } from './app-line.js';

/** Where a framework mounts handlers at a path. */
export function testMount(app: AppLine): void {
  describe('mounted at a path', () => {
    test('the proxy sees paths without it, and Location and hooks have it [Express; Caddy]', async ({
      net,
    }) => {
      const seen: [string, string, string][] = [];
      const { client, origin } = await app.through(
        net,
        respondWith((head) => sized(head.target, [`Location: ${origin.url}/new?x`])),
        {
          path: '/files',
          proxy: {
            headers: { location: 'rewrite' },
            onRequest: ({ request: { mountPath, path, query } }) =>
              void seen.push([mountPath, path, query ?? '']),
          },
        },
      );
      for (const [target, asked] of [
        ['/files/a%2Fb?c=1', '/a%2Fb?c=1'],
        ['/files', '/'],
        ['/files/?d', '/?d'],
      ] as const) {
        await client.get(target);
        const { head, content } = await client.readResponse();
        expect(content.toString()).toBe(asked);
        expect(head.get('location')).toBe('/files/new?x');
      }
      expect(seen).toEqual([
        ['/files', '/a%2Fb', 'c=1'],
        ['/files', '/', ''],
        ['/files', '/', 'd'],
      ]);
    });

    test('the record has the path that the client asked for, with the mount path [nginx; Apache httpd]', async ({
      net,
    }) => {
      const line = await app.through(
        net,
        respondWith((head) => sized(head.target)),
        { path: '/files' },
      );
      await line.client.get('/files/a%2Fb?c=1');
      expect((await line.client.readResponse()).content.toString()).toBe('/a%2Fb?c=1');
      expect((await ended(line)).path).toBe('/files/a%2Fb?…');
    });

    test('the path itself asks for that of the upstream, with a slash after it only where there was one [@fastify/http-proxy; nginx]', async ({
      net,
    }) => {
      const { client } = await app.through(
        net,
        respondWith((head) => sized(head.target)),
        {
          path: '/files',
          proxy: {
            onUpstreamRequest({ upstreamRequest }) {
              const { protocol, host } = upstreamRequest.target.base;
              upstreamRequest.setTarget(`${protocol}//${host}/base`);
            },
          },
        },
      );
      for (const [target, asked] of [
        ['/files', '/base'],
        ['/files?c=1', '/base?c=1'],
        ['/files/', '/base/'],
        ['/files/?c=1', '/base/?c=1'],
        ['/files/a', '/base/a'],
      ] as const) {
        await client.get(target);
        expect((await client.readResponse()).content.toString()).toBe(asked);
      }
    });

    test('the proxy gets no request for another path [Express; Caddy]', async ({ net }) => {
      const { client, origin } = await app.through(net, () => {}, { path: '/files', ownErrors: true });
      for (const target of ['/filesystem', '/', '/a/files']) {
        await client.get(target);
        expect((await client.readResponse()).head.status).toBe(404);
      }
      expect(origin.total).toBe(0);
    });
  });
}

/** Where hooks get what the framework knows. */
export function testContext(app: AppLine): void {
  const { userOf } = app.adapter;
  test('what the application knows of a request reaches the hooks [Express; Koa; Fastify; Hono]', async ({
    net,
  }) => {
    const seen: unknown[] = [];
    const see = ({ request: { context } }: { request: DownstreamRequest }): void =>
      void seen.push(userOf?.(context));
    const { client } = await app.through(
      net,
      respondWith((head) => sized(head.get('x-user') ?? '')),
      {
        user: 'ann',
        proxy: {
          onRequest: see,
          onUpstreamRequest: ({ request, upstreamRequest }) =>
            void upstreamRequest.headers.set('X-User', String(userOf?.(request.context))),
          onUpstreamResponse: see,
        },
      },
    );
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('ann');
    expect(seen).toEqual(['ann', 'ann']);
  });
}

/** Where a framework decides whom to believe about the client. */
export function testTrustProxy(app: AppLine): void {
  describe('the client behind a proxy', () => {
    const lines = [
      'X-Forwarded-For: 192.0.2.7, 198.51.100.1',
      'X-Forwarded-Host: shop.test:8443',
      'X-Forwarded-Proto: https',
    ];
    const ask = async (net: Network, trustsProxies: boolean): Promise<RequestHead> => {
      let seen: RequestHead | undefined;
      const script = respondWith((head) => {
        seen = head;
        return sized('x');
      });
      const { client } = await app.through(net, script, { trustsProxies });
      await client.get('/', lines);
      expect((await client.readResponse()).head.status).toBe(200);
      return seen as RequestHead;
    };

    test('is the one that the framework has found, where that trusts the proxy [Express; Koa]', async ({
      net,
    }) => {
      const head = await ask(net, true);
      expect(head.get('x-forwarded-for')).toBe('192.0.2.7');
      expect(head.get('x-forwarded-host')).toBe('shop.test:8443');
      expect(head.get('x-forwarded-proto')).toBe('https');
    });

    test('is not believed in otherwise [Express; Koa]', async ({ net }) => {
      const head = await ask(net, false);
      expect(head.get('x-forwarded-for')).toBe('127.0.0.1');
      expect(head.get('x-forwarded-host')).toBe('test');
      expect(head.get('x-forwarded-proto')).toBe('http');
    });
  });
}

/** Where others may answer as well. */
export function testMiddleware(app: AppLine): void {
  test('a response that something else has sent already is left alone, and the origin server not asked [Express; Koa]', async ({
    net,
  }) => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    net.cleanup(() => warned.mockRestore());
    const { client, origin, errors } = await app.through(net, () => {}, { answersFirst: true });
    for (let i = 0; i < 2; i += 1) {
      await client.get('/x?secret');
      const { head, content, complete } = await client.readResponse();
      expect([head.status, content.toString(), complete]).toEqual([418, 'early', true]);
    }
    expect([origin.total, errors]).toEqual([0, []]);
    await until(() => warned.mock.calls.length === 2, 'the warnings were there');
    expect(warned.mock.calls[0]).toEqual([expect.stringMatching(/GET \/x\?…/), 'SluicewayAnsweredWarning']);
  });

  test('a response that something else sends meanwhile stays whole, and the origin server is left [Express; Koa]', async ({
    net,
  }) => {
    let giveUp: () => void = () => {};
    const line = await app.through(
      net,
      async (connection) => {
        await connection.readHead();
        giveUp();
        await connection.closed;
      },
      { givesUp: (answer) => void (giveUp = answer) },
    );
    const { client, errors } = line;
    await client.get('/');
    const { head, content, complete } = await client.readResponse();
    expect([head.status, content.toString(), complete]).toEqual([503, 'late', true]);
    expect((await ended(line)).outcome).toBe('internal');
    expect(errors).toEqual([]);
  });
}
