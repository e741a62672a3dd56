import { describe, expect } from 'vitest';
import { type FastifySluicewayOptions, sluiceway } from '../../src/fastify.js';
import { createProxy, OptionsError } from '../../src/index.js';
import { test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { echo, mounted, VERSIONS } from './fastify-app.js';

declare module 'fastify' {
  interface FastifyRequest {
    user?: string;
  }
}

describe.each(VERSIONS)('Fastify %s', (_version, make) => {
  test('the prefix is taken off, however the client escapes it, and the rest passes byte for byte [@fastify/http-proxy]', async ({
    net,
  }) => {
    const { client } = await mounted(net, make, echo(), { prefix: '/files' });
    for (const [target, expected] of [
      ['/files', '/'],
      ['/files/', '/'],
      ['/files?a=1', '/?a=1'],
      ['/files/a%2Fb/../c?x=%20&y', '/a%2Fb/../c?x=%20&y'],
      ['/%66iles/a', '/a'],
    ]) {
      await client.get(target as string);
      expect((await client.readResponse()).content.toString()).toBe(expected);
    }
    await client.get('/filesystem');
    expect((await client.readResponse()).head.status).toBe(404);
  });

  test('rewritePrefix takes the place of the prefix, with its parameters, and is never left by dot segments [@fastify/http-proxy]', async ({
    net,
  }) => {
    const { client } = await mounted(net, make, echo(), {
      prefix: '/u/:id/files',
      rewritePrefix: '/tenants/:id/public',
    });
    for (const [target, status, expected] of [
      ['/u/7/files/a?b', 200, '/tenants/7/public/a?b'],
      ['/u/a%20b/files', 200, '/tenants/a%20b/public'],
      ['/u/7/files/?c', 200, '/tenants/7/public/?c'],
      ['/u/7/files/../../8/public/x', 400],
      ['/u/%2e%2e/files/x', 400],
    ] as const) {
      await client.get(target);
      const { head, content } = await client.readResponse();
      expect(head.status).toBe(status);
      if (expected !== undefined) expect(content.toString()).toBe(expected);
    }
  });

  test('places on the origin server are named under the prefix [@fastify/http-proxy]', async ({ net }) => {
    const script = respondWith(() => sized('', ['Location: /v2/next']));
    const { client } = await mounted(net, make, script, { prefix: '/files', rewritePrefix: '/v2' });
    await client.get('/files/a');
    const { head } = await client.readResponse();
    expect(head.get('location')).toBe('/files/next');
  });

  test('content of any type passes unread, and other routes of the application have theirs parsed [@fastify/http-proxy]', async ({
    net,
  }) => {
    const seen: string[] = [];
    const script: OriginScript = async (connection) => {
      for (;;) {
        const { head, content } = await connection.readRequest();
        seen.push(`${head.method} ${head.get('content-type')} ${content.toString()}`);
        await connection.write(sized('x'));
      }
    };
    const { client } = await mounted(net, make, script, { prefix: '/files' }, (app) => {
      app.post('/own', (request, reply) => reply.send(request.body));
    });
    for (const [method, type] of [
      ['POST', 'application/json'],
      ['PUT', 'text/plain; charset=utf-16'],
      ['PATCH', 'application/x-www-form-urlencoded'],
      ['DELETE', 'application/json'],
    ]) {
      await client.send(
        `${method} /files/a HTTP/1.1\r\nHost: t\r\nContent-Type: ${type}\r\nContent-Length: 7\r\n\r\n{"a": }`,
      );
      expect((await client.readResponse()).head.status).toBe(200);
    }
    expect(seen).toEqual([
      'POST application/json {"a": }',
      'PUT text/plain; charset=utf-16 {"a": }',
      'PATCH application/x-www-form-urlencoded {"a": }',
      'DELETE application/json {"a": }',
    ]);
    await client.send(
      'POST /own HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a": 1}',
    );
    expect((await client.readResponse()).content.toString()).toBe('{"a":1}');
  });

  test('hooks see requests first, and can answer; what they and preHandler found out reaches the hooks of the proxy [Fastify]', async ({
    net,
  }) => {
    const heads: RequestHead[] = [];
    const { client } = await mounted(
      net,
      make,
      echo(heads),
      {
        prefix: '/u/:id',
        config: { url: 'unused', method: 'GET' },
        preHandler: async (request, reply) => {
          if (request.headers.authorization === undefined) return reply.code(401).send('who are you?');
          request.user = 'ann';
          return undefined;
        },
        onUpstreamRequest: ({ request, upstreamRequest }) => {
          const { user, params } = request.context;
          upstreamRequest.headers.set('X-User', `${user} ${(params as { id: string }).id}`);
        },
      },
      (app) => app.decorateRequest('user'),
    );
    await client.get('/u/7/a');
    expect((await client.readResponse()).head.status).toBe(401);
    expect(heads).toHaveLength(0);
    await client.get('/u/7/a', ['Authorization: x']);
    expect((await client.readResponse()).head.status).toBe(200);
    expect(heads[0]?.get('x-user')).toBe('ann 7');
  });

  test('fields that hooks have set go out, behind those of the response; cookies and Vary of both [Fastify]', async ({
    net,
  }) => {
    const script = respondWith(() =>
      sized('x', ['X-Both: origin', 'Vary: Accept-Encoding', 'Set-Cookie: a=1']),
    );
    const { client } = await mounted(net, make, script, { prefix: '/files' }, (app) => {
      app.addHook('onRequest', async (_request, reply) => {
        reply.headers({ 'X-Both': 'hook', 'X-Hook': 'hook', Vary: 'Origin', 'Content-Length': '99' });
        reply.header('Set-Cookie', 'b=2');
      });
    });
    await client.get('/files/a');
    const { head, content } = await client.readResponse();
    expect(content.toString()).toBe('x');
    expect([head.get('x-both'), head.get('x-hook')]).toEqual(['origin', 'hook']);
    expect([head.getAll('vary'), head.getAll('set-cookie')]).toEqual([
      ['Accept-Encoding', 'Origin'],
      ['a=1', 'b=2'],
    ]);
  });

  test('trustProxy decides who the client is [Fastify]', async ({ net }) => {
    const forwarded = [
      'X-Forwarded-For: 192.0.2.7',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: files.test',
    ];
    for (const [trustProxy, address, protocol, host] of [
      [true, '192.0.2.7', 'https', 'files.test'],
      [false, '127.0.0.1', 'http', 'test'],
    ] as const) {
      const heads: RequestHead[] = [];
      const { client } = await mounted(net, make, echo(heads), { prefix: '/files' }, undefined, {
        trustProxy,
      });
      await client.get('/files/a', forwarded);
      await client.readResponse();
      const [head] = heads;
      expect([head?.get('x-forwarded-proto'), head?.get('x-forwarded-host')]).toEqual([protocol, host]);
      expect(head?.get('x-forwarded-for')).toContain(address);
      expect(head?.get('x-forwarded-for')?.includes('192.0.2.7')).toBe(trustProxy);
    }
  });

  test('rewritePrefix is refused beside a path of the upstream, and options beside a handler [Sluiceway]', async ({
    net,
  }) => {
    const origin = await net.origin(echo());
    const proxy = createProxy({ upstream: origin.url });
    net.cleanup(() => proxy.destroy());
    const wrong: [options: object, path: string][] = [
      [{ upstream: `${origin.url}/base`, rewritePrefix: '/v2' }, 'rewritePrefix'],
      [{ upstream: origin.url, rewritePrefix: 'v2' }, 'rewritePrefix'],
      [{ upstream: origin.url, prefix: '/u/:id', rewritePrefix: '/:name' }, 'rewritePrefix'],
      [{ handler: proxy, timeouts: {} }, 'timeouts'],
      [{ handler: {} }, 'handler'],
      [{ upstream: origin.url, websocket: 'yes' }, 'websocket'],
      [{ upsteam: origin.url }, 'upsteam'],
    ];
    for (const [options, path] of wrong) {
      const app = make();
      const failure: unknown = await app.register(sluiceway, options as FastifySluicewayOptions).then(
        () => null,
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(OptionsError);
      expect((failure as OptionsError).problems.map((problem) => problem.path)).toContain(path);
      await app.close();
    }
  });
});
