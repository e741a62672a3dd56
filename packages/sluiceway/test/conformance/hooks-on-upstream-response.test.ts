import { describe, expect } from 'vitest';
import { passThrough } from '../../src/index.js';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized, through } from '../support/through.js';

describe('onUpstreamResponse', () => {
  test('may change status, phrase and fields, and the content is still relayed [Go ReverseProxy; Caddy]', async ({
    net,
  }) => {
    const { client } = await through(net, respondWith(sized('content', ['X-Gone: 1', 'X-Set: 0'])), {
      onUpstreamResponse: async ({ upstreamResponse, response, request }) => {
        await Promise.resolve();
        expect(upstreamResponse).toMatchObject({
          status: 200,
          statusText: 'OK',
          httpVersion: '1.1',
          contentLength: 7,
        });
        expect(request.path).toBe('/');
        response.status = 346;
        response.statusText = 'Ch\xe4nged';
        response.headers.set('X-Set', ['1', '2']).delete('X-Gone');
      },
    });
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.startLine).toBe('HTTP/1.1 346 Ch\xe4nged');
      expect(response.head.getAll('x-set')).toEqual(['1', '2']);
      expect(response.head.has('x-gone')).toBe(false);
      expect(response.content.toString()).toBe('content');
    }
  });

  test('sees the response without its hop-by-hop fields, for every status [Go ReverseProxy]', async ({
    net,
  }) => {
    const seen: number[] = [];
    const { client } = await through(
      net,
      respondWith((head) =>
        sized('', ['Connection: X-Hop', 'X-Hop: 1', 'Keep-Alive: 5'], `HTTP/1.1 ${head.target.slice(1)} x`),
      ),
      {
        onUpstreamResponse: ({ upstreamResponse, response }) => {
          seen.push(upstreamResponse.status);
          for (const name of ['x-hop', 'connection', 'keep-alive']) {
            expect(upstreamResponse.headers.has(name)).toBe(false);
            expect(response.headers.has(name)).toBe(false);
          }
        },
      },
    );
    for (const status of [200, 302, 404, 500, 999]) {
      await client.get(`/${status}`);
      expect((await client.readResponse()).head.status).toBe(status);
    }
    expect(seen).toEqual([200, 302, 404, 500, 999]);
  });

  test('gets the request as it was sent, after a redirect the last one [Go ReverseProxy]', async ({
    net,
  }) => {
    const seen: unknown[] = [];
    const other = await net.origin(respondWith(sized('content')));
    const origin = await net.origin(
      respondWith(sized('', [`Location: ${other.url}/b?c`], 'HTTP/1.1 303 See Other')),
    );
    const running = await net.proxy({
      upstream: origin.url,
      profile: { ...passThrough, maxRedirects: 1 },
      onUpstreamRequest: ({ upstreamRequest }) => {
        upstreamRequest.method = 'REPORT';
        upstreamRequest.headers.set('X-A', 'sent');
      },
      onUpstreamResponse({ upstreamRequest: { method, path, target, headers } }) {
        seen.push(method, path, target.path, target.base.host, headers.get('host'), headers.get('x-a'));
      },
      transform: {
        response: {
          changesContent: false,
          create: ({ upstreamRequest }) => void seen.push(upstreamRequest.method),
        },
      },
    });
    const client = await net.client(running);
    await client.get('/a');
    expect((await client.readResponse()).content.toString()).toBe('content');
    const { host } = new URL(other.url);
    expect(seen).toEqual(['GET', '/b?c', '/b?c', host, host, undefined, 'GET']);
  });

  test.for([204, 304])(
    'may make a response with content a %i, which has none [RFC 9110 6.4.1]',
    async (status, { net }) => {
      for (const answer of [sized('content'), chunked(['content'], ['Trailer: X-T'], ['X-T: 1'])]) {
        const { client } = await through(net, respondWith(answer), {
          onUpstreamResponse: ({ response }) => void (response.status = status),
        });
        for (let i = 0; i < 2; i++) {
          await client.get('/');
          const response = await client.readResponse();
          expect(response.head.status).toBe(status);
          expect(response.ended).toBeUndefined();
        }
      }
    },
  );

  test('may make a 304 a 200, which then has an empty content [RFC 9110 6.4.1]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith('HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: "a"\r\n\r\n'),
      { onUpstreamResponse: ({ response }) => void (response.status = 200) },
    );
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: 0 });
    }
  });

  test('cannot lie about the length: framing fields that it sets do not reach the client [RFC 9112 6.2]', async ({
    net,
  }) => {
    for (const answer of [sized('content'), chunked(['content'])]) {
      const { client } = await through(net, respondWith(answer), {
        onUpstreamResponse: ({ response }) => {
          response.headers.set('Content-Length', '3').set('Transfer-Encoding', 'gzip');
        },
      });
      for (let i = 0; i < 2; i++) {
        await client.get('/');
        const response = await client.readResponse();
        expect(response.complete).toBe(true);
        expect(response.content.toString()).toBe('content');
      }
    }
  });

  test.for([
    ['a phrase of two lines', { statusText: 'OK\r\nX-Smuggled: 1' }],
    ['a phrase with a letter that would be cut to a line break', { statusText: '\u010a' }],
    ['a status of 42', { status: 42 }],
    ['a status of 100', { status: 100 }],
    ['a status of 1000', { status: 1000 }],
  ] as const)('cannot set %s: the client gets a 5xx [RFC 9112 4]', async ([, change], { net }) => {
    for (const upgrade of [[], ['Connection: Upgrade', 'Upgrade: foo']]) {
      const { client } = await through(
        net,
        async (connection) => {
          const head = await connection.readHead();
          await connection.write(
            head.has('upgrade')
              ? 'HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n'
              : sized('content'),
          );
          await connection.readAll();
        },
        { onUpstreamResponse: ({ response }) => void Object.assign(response, change) },
      );
      await client.get('/', upgrade);
      const response = await client.readResponse();
      // The status of a 101 is not the hook's to change.
      if (upgrade.length > 0 && 'status' in change) expect(response.head.status).toBe(101);
      else expect(response.head.status).toBeGreaterThanOrEqual(500);
      expect(response.head.raw).not.toMatch(/smuggled/i);
      client.close();
    }
  });

  test('runs for a 101, whose client gets the fields that it adds [Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: foo\r\nX-Own: 1\r\n\r\n');
        await connection.readAll();
      },
      { onUpstreamResponse: ({ response }) => void response.headers.set('X-Added', '2') },
    );
    await client.get('/', ['Connection: Upgrade', 'Upgrade: foo']);
    const head = await client.readHead();
    expect(head.status).toBe(101);
    expect(head.get('x-own')).toBe('1');
    expect(head.get('x-added')).toBe('2');
  });

  test('that takes its time loses nothing of an origin server that is done meanwhile [Go ReverseProxy]', async ({
    net,
  }) => {
    const content = seededBytes('patient', 0, 200_000);
    const { client, origin } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), content]));
        connection.end();
      },
      {
        onUpstreamResponse: async () => {
          await new Promise((resolve) => setTimeout(resolve, 50));
        },
      },
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response).toMatchObject({ complete: true, contentLength: 200_000 });
    expect(response.content.equals(content)).toBe(true);
    expect(origin.total).toBe(1);
  });
});
