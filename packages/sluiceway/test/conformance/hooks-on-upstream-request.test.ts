import { describe, expect } from 'vitest';
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

describe('onUpstreamRequest', () => {
  test('may change method, path, fields and target [Go ReverseProxy]', async ({ net }) => {
    const watched = watch();
    const other = await net.origin(watched.script);
    const { client, origin } = await through(net, respondWith(sized('')), {
      onUpstreamRequest: async ({ upstreamRequest }) => {
        await Promise.resolve();
        upstreamRequest.setTarget(`${other.url}/new`);
        upstreamRequest.path = `${upstreamRequest.path}&added`;
        upstreamRequest.method = 'REPORT';
        upstreamRequest.headers.set('X-Set', ['1', '2']).delete('X-Gone');
        upstreamRequest.headers.append('X-Bytes', '\xe9');
      },
    });
    await client.get('/y?q', ['X-Gone: 1', 'X-Set: 0']);
    await client.readResponse();
    expect(watched.head().startLine).toBe('REPORT /new/y?q&added HTTP/1.1');
    expect(watched.head().getAll('x-set')).toEqual(['1', '2']);
    expect(watched.head().has('x-gone')).toBe(false);
    expect(watched.head().get('x-bytes')).toBe('\xe9');
    expect(origin.total).toBe(0);
  });

  test('adds fields that the client cannot have removed by naming them in Connection [Go ReverseProxy]', async ({
    net,
  }) => {
    const watched = watch();
    const { client } = await through(net, watched.script, {
      onUpstreamRequest: ({ upstreamRequest }) => {
        upstreamRequest.headers.set('X-User', 'real').set('Authorization', 'Bearer ours');
      },
    });
    await client.get('/', [
      'X-User: forged',
      'Authorization: forged',
      'Connection: X-User, Authorization',
      'Connection: close',
    ]);
    await client.readResponse();
    expect(watched.head().getAll('x-user')).toEqual(['real']);
    expect(watched.head().getAll('authorization')).toEqual(['Bearer ours']);
  });

  test('cannot change the framing: copied framing fields are not sent twice [RFC 9112 6.3]', async ({
    net,
  }) => {
    const watched = watch();
    const { client } = await through(net, watched.script, {
      onUpstreamRequest: ({ request, upstreamRequest }) => {
        for (const [name, value] of request.headers) upstreamRequest.headers.append(name, value);
        upstreamRequest.headers.set('Host', 'one');
      },
    });
    for (const [framing, content] of [
      ['Content-Length: 5', 'hello'],
      ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'],
    ]) {
      await client.send(
        `POST / HTTP/1.1\r\nHost: test\r\n${framing}\r\nConnection: keep-alive\r\nUpgrade: x\r\n\r\n${content}`,
      );
      expect((await client.readResponse()).content.toString()).toBe('hello');
      const head = watched.head();
      expect([...head.getAll('content-length'), ...head.getAll('transfer-encoding')]).toHaveLength(1);
      expect(head.has('upgrade')).toBe(false);
      expect(head.getAll('connection')).toEqual([]);
    }
  });

  test('that turns GET into HEAD leaves no content to wait for [RFC 9110 9.3.2]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith((head) => {
        expect(head.method).toBe('HEAD');
        return 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n';
      }),
      { onUpstreamRequest: ({ upstreamRequest }) => void (upstreamRequest.method = 'HEAD') },
    );
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: 0 });
    }
  });

  test('that turns HEAD into GET sends no content to the client [RFC 9110 9.3.2]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized('x'.repeat(1000))), {
      onUpstreamRequest: ({ upstreamRequest }) => void (upstreamRequest.method = 'GET'),
    });
    for (let i = 0; i < 2; i++) {
      await client.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
      const response = await client.readResponse({ method: 'HEAD' });
      expect(response.head.contentLength).toBe(1000);
    }
  });

  test.for([
    ['GET', 'Content-Length: 5', 'hello'],
    ['HEAD', 'Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'],
  ] as const)(
    'that turns POST into %s (%s) leaves its content out, and the next request is read right [RFC 9110 9.3.1; Caddy]',
    async ([method, framing, content], { net }) => {
      const watched = watch();
      const { client } = await through(net, watched.script, {
        onUpstreamRequest: ({ request, upstreamRequest }) => {
          if (request.method === 'POST') upstreamRequest.method = method;
        },
      });
      for (let i = 0; i < 2; i++) {
        await client.send(`POST /first HTTP/1.1\r\nHost: test\r\n${framing}\r\n\r\n${content}`);
        const response = await client.readResponse();
        expect(response).toMatchObject({ complete: true, contentLength: 0, ended: undefined });
        expect(watched.head().startLine).toBe(`${method} /first HTTP/1.1`);
        expect(watched.head().has('content-length')).toBe(false);
        expect(watched.head().has('transfer-encoding')).toBe(false);
        await client.get('/second');
        await client.readResponse();
        expect(watched.head().startLine).toBe('GET /second HTTP/1.1');
      }
    },
  );

  test('that turns a large POST into GET gets the client its answer, and its connection is closed [RFC 9110 9.3.1]', async ({
    net,
  }) => {
    const { client, running } = await through(
      net,
      respondWith((head) => sized(head.startLine)),
      {
        onUpstreamRequest: ({ upstreamRequest }) => void (upstreamRequest.method = 'GET'),
      },
    );
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 50000000\r\n\r\n');
    void client.send(Buffer.alloc(50_000_000)).catch(() => {});
    const response = await client.readResponse();
    expect(response.content.toString()).toBe('GET / HTTP/1.1');
    expect(response.head.get('connection')).toBe('close');
    expect(await running.record()).toMatchObject({ outcome: 'completed', bytesUp: 0 });
  });

  test.for([
    ['a field with a line break', 'X-A', 'b\r\nX-Smuggled: 1'],
    ['a field with a letter that would be cut to a line break', 'X-A', 'b\u010a'],
    ['a name that is no token', 'X A', 'b'],
  ] as const)('cannot set %s: 502, nothing is sent [RFC 9110 5.5]', async ([, name, value], { net }) => {
    const { client, origin } = await through(net, respondWith(sized('')), {
      onUpstreamRequest: ({ upstreamRequest }) => void upstreamRequest.headers.set(name, value),
    });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(origin.total).toBe(0);
  });

  test('does not change what the client sent, as hooks see it [Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized('')), {
      onUpstreamRequest: ({ request, upstreamRequest }) => {
        upstreamRequest.headers.set('X-A', 'changed').delete('X-B');
        expect(request.headers.get('x-a')).toBe('1');
        expect(request.headers.get('x-b')).toBe('2');
        expect(request.headers.get('connection')).toBe('X-B');
      },
    });
    await client.get('/', ['X-A: 1', 'X-B: 2', 'Connection: X-B']);
    expect((await client.readResponse()).head.status).toBe(200);
  });
});
