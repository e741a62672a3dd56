import { Readable } from 'node:stream';
import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

/** Remembers the last request head. */
function watch(): { script: OriginScript; head: () => RequestHead } {
  let seen: RequestHead | undefined;
  return {
    script: respondWith((head, content) => {
      seen = head;
      return sized(content);
    }),
    head: () => seen as RequestHead,
  };
}

describe('onRequest', () => {
  test('may answer, and the origin server hears nothing [Caddy]', async ({ net }) => {
    const { client, origin, running } = await through(net, respondWith(sized('')), {
      onRequest: () => ({
        status: 402,
        statusText: 'Pay',
        headers: { 'X-Price': '1', 'Set-Cookie': ['a=1', 'b=2'] },
        content: 'first pay: \u20ac',
      }),
    });
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.startLine).toBe('HTTP/1.1 402 Pay');
      expect(response.head.getAll('set-cookie')).toEqual(['a=1', 'b=2']);
      expect(response.content.toString()).toBe('first pay: \u20ac');
      expect(response).toMatchObject({ delimitedBy: 'length', complete: true });
      expect(await running.record(i)).toMatchObject({
        outcome: 'answered',
        status: 402,
        attempts: 0,
        error: null,
      });
    }
    expect(origin.total).toBe(0);
  });

  test('may answer with a stream, whose failure is no clean end [RFC 9112 8]', async ({ net }) => {
    const { client, running } = await through(net, () => {}, {
      onRequest: ({ request }) => ({
        status: 200,
        content: Readable.from(
          (function* () {
            yield seededBytes('own', 0, 100_000);
            if (request.path === '/broken') throw new Error('broken');
          })(),
        ),
      }),
    });
    await client.get('/');
    const whole = await client.readResponse();
    expect(whole).toMatchObject({ complete: true, contentLength: 100_000 });
    expect(isSeeded('own', 0, whole.content)).toBe(true);
    await client.get('/broken');
    expect((await client.readResponse()).complete).toBe(false);
    expect((await running.record(1)).outcome).toBe('internal');
  });

  test('that announces another length than its content has does not get it sent [RFC 9110 8.6]', async ({
    net,
  }) => {
    const { client } = await through(net, () => {}, {
      onRequest: () => ({
        status: 200,
        headers: { 'Content-Length': '1000', 'Transfer-Encoding': 'gzip', Trailer: 'X-T' },
        content: 'content',
      }),
    });
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response).toMatchObject({ complete: true, delimitedBy: 'length' });
      expect(response.content.toString()).toBe('content');
    }
  });

  test.for([99_999, 100_001])(
    'may answer with a stream of announced length; one of %i bytes for 100000 is no clean end [RFC 9112 6.3]',
    async (length, { net }) => {
      const { client } = await through(net, () => {}, {
        onRequest: ({ request }) => ({
          status: 200,
          headers: { 'Content-Length': '100000' },
          content: Readable.from([seededBytes('own', 0, request.path === '/wrong' ? length : 100_000)]),
        }),
      });
      await client.get('/');
      const whole = await client.readResponse();
      expect(whole).toMatchObject({ complete: true, delimitedBy: 'length', contentLength: 100_000 });
      await client.get('/wrong');
      const broken = await client.readResponse();
      expect(broken.complete).toBe(false);
      await client.closed;
    },
  );

  test('may choose the upstream, whose path and query are joined [Go ReverseProxy]', async ({ net }) => {
    const watched = watch();
    const other = await net.origin(watched.script);
    const { client, origin } = await through(net, respondWith(sized('')), {
      onRequest: async ({ request }) => {
        await Promise.resolve();
        expect(request).toMatchObject({
          method: 'GET',
          path: '/x%2F',
          query: 'a=1',
          host: 'test',
          protocol: 'http',
        });
        return { upstream: `${other.url}/base?k=v` };
      },
    });
    await client.get('/x%2F?a=1');
    expect((await client.readResponse()).complete).toBe(true);
    expect(watched.head().target).toBe('/base/x%2F?k=v&a=1');
    expect(watched.head().get('host')).toBe(`127.0.0.1:${other.port}`);
    expect(origin.total).toBe(0);
  });

  test('that names no valid upstream is answered 500 [Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized('')), {
      onRequest: () => ({ upstream: 'file:///etc/passwd' }),
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.status).toBe(500);
    expect(response.content.toString()).not.toContain('passwd');
  });
});
